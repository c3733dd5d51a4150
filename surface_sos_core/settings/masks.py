"""Settings of the stage masks: from coarse masks to what they agree on."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.errors import InputError
from surface_sos_core.settings.setting import Group, setting

MOST_EDGE = 2048
"""The largest that coarse masks can be made; files of larger ones are not ours."""
MOST_LOOK = 512
"""The largest that trust in them can be told apart."""


class CoarseSettings(Group):
    """The coarse masks themselves."""

    NAME: ClassVar[str] = "coarse"

    edge: int = setting(
        512,
        "Masks are held at no more than this many pixels along their longer edge.",
        16,
        MOST_EDGE,
        "pixels",
    )


class ConsensusSettings(Group):
    """How the coarse masks of all views become one probability map m^P."""

    NAME: ClassVar[str] = "consensus"

    resolution: int = setting(128, "Cells along the box's longest side.", 1, 1024, "cells")
    views: int = setting(120, "At most so many views vote, spread evenly over the shot.", 1, 100_000, "views")
    rounds: int = setting(
        3,
        "Votes are counted again after the views and pixels that contradict the others have lost their say.",
        1, 100, "rounds",
    )  # fmt: skip
    softness: float = setting(
        0.05, "How fast m^P rises with the share of votes at the object's border.", 1e-4, 1, "of the votes"
    )
    least_share: float = setting(
        0.40, "The lowest share of votes that may be the border.", 0, 1, "of the votes"
    )
    most_share: float = setting(
        0.98, "The border is a share of votes below this one.", 0.01, 1, "of the votes"
    )
    share_step: float = setting(0.03, "Steps in which the border is searched.", 0.001, 0.5, "of the votes")
    look_edge: int = setting(
        128,
        "Hulls and masks are compared, and masks believed or not, in pictures of so many pixels along the longer edge.",
        8, MOST_LOOK, "pixels",
    )  # fmt: skip
    judged_views: int = setting(
        40, "At most so many views' masks are compared with hulls to find the border.", 1, 100_000, "views"
    )
    worst_views: float = setting(
        0.25, "Share of these that may be damaged, and have no say in it.", 0, 0.99, "of the views"
    )
    least_looks: float = setting(
        0.15, "A place that a smaller share of the voting views sees is not the object.", 0, 1, "of the views"
    )
    region_share: float = setting(
        0.6,
        "Votes are counted again where the share of votes was above this multiple of the border's.",
        0, 1, "of the border",
    )  # fmt: skip
    lost_share: float = setting(
        0.5,
        "A view's mask lacks a part that so much more than the border's share of votes wants, as a share of what is left to "
        "all votes.",
        0, 1, "of the votes",
    )  # fmt: skip
    grabbed_share: float = setting(
        0.7,
        "A view's mask has grabbed what less than this multiple of the border's share of votes wants.",
        0, 1, "of the border",
    )  # fmt: skip
    blob: int = setting(
        7,
        "Width of the disc that fits into what is lost or grabbed; thinner differences stay.",
        1,
        64,
        "pixels",
    )
    least_piece: float = setting(
        0.1,
        "Pieces of m^P that hardly any view sees beside the largest are taken out if they are smaller than this share of it.",
        0, 1, "of the largest",
    )  # fmt: skip
    contradicted: float = setting(
        0.55,
        "Median IoU of masks with the hull below which masks and cameras are told to contradict.",
        0,
        1,
        "IoU",
    )
    box_cells: int = setting(48, "Cells a side of the grid that the box is fitted with.", 4, 512, "cells")
    box_views: int = setting(60, "At most so many views vote while the box is fitted.", 2, 100_000, "views")
    box_rounds: int = setting(5, "At most so often the box follows the hull.", 1, 100, "rounds")
    box_first: float = setting(
        1.4, "Half a side of the first box, as a multiple of the masks' own reach.", 0.1, 100, "of the reach"
    )
    box_reach: float = setting(
        0.98, "The masks' reach is that of this share of their pixels.", 0.01, 1, "of the pixels"
    )
    box_touch: float = setting(
        0.97,
        "The hull touches a side of the box where it reaches further than this.",
        0.01,
        1,
        "of half the box",
    )
    box_settled: float = setting(0.1, "A box that changes by less is the last one.", 0, 10, "of its size")
    box_share: float = setting(
        0.75,
        "Thin parts that get this share of the border's votes must fit into the box.",
        0,
        1,
        "of the border",
    )
    box_roomy: float = setting(
        0.7,
        "A box is fitted again to what votes in it agree on where that leaves no more than this share of it.",
        0, 1, "of the box",
    )  # fmt: skip
    box_margin: float = setting(0.25, "Room around the object in the box.", 0, 10, "of its size")
    box_growth: float = setting(
        0.6, "How much the box grows where the hull touches a side of it.", 0.01, 10, "of the hull's size"
    )

    def __post_init__(self) -> None:
        if self.least_share >= self.most_share:
            raise InputError(
                f"The setting consensus.least_share is {self.least_share:g} and consensus.most_share {self.most_share:g}; "
                "the border is searched between them, so make the first one smaller."
            )


class ThinPartSettings(Group):
    """Thin parts that a single border of votes would lose."""

    NAME: ClassVar[str] = "thin_parts"

    views: int = setting(60, "At most so many views are asked about them.", 1, 100_000, "views")
    probability: float = setting(
        0.6, "What m^P is in thin parts: in the object, but colour may still take them out.", 0.5, 1
    )
    look_edge: int = setting(
        256, "The hull is drawn at so many pixels along the longer edge.", 8, MOST_EDGE, "pixels"
    )
    wobble: float = setting(
        0.03,
        "So far from the hull's outline a mask tells nothing, as a share of the object's size in the picture.",
        0, 1, "of the size",
    )  # fmt: skip
    least_share: float = setting(
        0.55, "Share of the border's votes below which nothing belongs to the object.", 0, 1, "of the border"
    )
    free_views: float = setting(
        0.25, "Share of the views that must see a place beside the hull.", 0, 1, "of the views"
    )
    object_share: float = setting(0.5, "Share of these that must say object.", 0, 1, "of the views")
    piece_beside: float = setting(
        0.3,
        "Share of a piece of its own that a view must see beside the largest one, to be asked about it.",
        0, 1, "of the piece",
    )  # fmt: skip
    bridge: int = setting(
        2, "Cells by which a part grows towards the hull, beside which no view is free.", 0, 100, "cells"
    )


class GapSettings(Group):
    """Gaps that few views see, told from parts that masks lost by what other views see through them and by colours."""

    NAME: ClassVar[str] = "gaps"

    find: bool = setting(True, "Take gaps out of m^P that few views' masks show.")
    width: int = setting(
        3,
        "Radius of the disc that fits into a gap, in pictures of consensus.look_edge; so far masks wobble beside it, too.",
        1, 64, "pixels",
    )  # fmt: skip
    told: float = setting(
        0.7, "Colours that tell so much for the object or against it, on average, are believed.", 0, 10, "log odds"
    )
    views: int = setting(12, "At most so many views are asked about a gap, those that look along its rays first.", 1, 10_000, "views")
    angle: float = setting(40.0, "They look along its rays up to so much.", 1, 90, "degrees")
    seen_through: float = setting(
        0.1, "A view is asked that sees through at least this share of a gap's pixels.", 0, 1, "of the gap"
    )
    least_pixels: int = setting(4, "It is asked if it sees through so many pixels.", 1, 10_000, "pixels")
    least_views: int = setting(2, "Views without which a gap is believed by its colours alone.", 1, 10_000, "views")
    held_share: float = setting(
        0.5, "A gap of which other views' masks hold more is a lost part, where colours do not tell.", 0, 1, "of the pixels"
    )
    sure_views: int = setting(4, "So many views count against colours of the background, too.", 1, 10_000, "views")
    sure_share: float = setting(
        0.75, "A gap of which these hold more is a lost part, though it has the background's colours.", 0, 1, "of the pixels"
    )
    least_through: int = setting(2, "Views that must see through a cell for it to be open.", 1, 10_000, "views")
    least_share: float = setting(
        0.5, "Share of the views with a gap at a cell or close beside it that must see it through theirs.", 0, 1, "of the views"
    )
    close: int = setting(2, "Cells across which gaps are joined.", 0, 100, "cells")
    rounds: int = setting(6, "How often at most cells come back whose lack bares what masks hold.", 0, 100, "rounds")
    alike: float = setting(
        0.05, "Cells of a ray whose shares of gaps differ by less come back together.", 0, 1, "of the views"
    )


class HullSettings(Group):
    """How far a hull tells where in a frame the object is."""

    NAME: ClassVar[str] = "hull"

    blur: float = setting(
        0.008,
        "Standard deviation that the hull is blurred with, as a share of the longer edge.",
        0.0001,
        1,
        "of the edge",
    )
    floor: float = setting(0.003, "Probability that is left where the hull is surely not.", 1e-6, 0.5)
    bias: float = setting(
        0.5,
        "Log odds for the object everywhere: what is thin, or some views lost, the hull lacks.",
        -10,
        10,
        "log odds",
    )
    depth: float = setting(
        0.04, "So far inside the hull one log odds more tells for the object, as a share of the longer edge.",
        1e-4, 10, "of the edge",
    )  # fmt: skip
    most: float = setting(3.0, "How much the hull can tell.", 0, 100, "log odds")
    reach: float = setting(
        0.06, "The object ends so far from the hull, as a share of the longer edge.", 0, 10, "of the edge"
    )
