"""Settings of the stage masks: where masks are found, from a box, by optical flow, by networks, or from nothing."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class StartSettings(Group):
    """The automatic start: masks from cameras, sparse points and colours, in a box that was drawn or found."""

    NAME: ClassVar[str] = "start"

    edge: int = setting(256, "Masks are found at so many pixels along the longer edge.", 16, 2048, "pixels")
    near: float = setting(
        0.15,
        "Images show nearly the same that stand so near to each other, as a share of the distance to the object.",
        0, 10, "of the distance",
    )  # fmt: skip
    walk_pixels: int = setting(2, "Points are spread over pixels so many times larger.", 1, 64, "times")
    faint: float = setting(
        0.003, "How sure it is, against a point's 1, that nothing is known of a pixel.", 1e-9, 1
    )
    told_against: float = setting(3.0, "How much points can tell against a pixel.", 0, 100, "log odds")
    told_for: float = setting(2.0, "How much points can tell for a pixel.", 0, 100, "log odds")
    middle_weight: float = setting(
        2.5, "What the middle of the box tells where no point does.", 0, 100, "log odds"
    )
    middle_against: float = setting(
        2.0, "How many times as much a place far from it tells against a pixel.", 0, 100, "times"
    )
    outside: float = setting(
        5.0, "What is outside of the box, or of what was drawn, tells against a pixel.", 0, 100, "log odds"
    )
    impossible: float = setting(
        9.0,
        "What being too far from the hull, or outside, tells against it as outlines are drawn.",
        0,
        100,
        "log odds",
    )
    growth: float = setting(1.3, "Nothing beyond the box grown by so much is the object.", 1, 100, "times")
    above_support: float = setting(
        0.03,
        "Points less than this share of half the box above the plane that supports the object are not its.",
        0, 1, "of half the box",
    )  # fmt: skip
    sure: float = setting(
        1.5, "Log odds of the place from which on a pixel teaches colours.", 0, 100, "log odds"
    )
    least_told: float = setting(
        0.5, "A start without points needs colours of object and rest that differ so much.", 0, 1
    )
    freedom: float = setting(
        6.0, "GrabCut draws the first outlines anew where log odds are below this.", 0, 100, "log odds"
    )
    guide_window: int = setting(
        9,
        "Width of the window in which first outlines follow the picture's edges, by a guided filter.",
        1,
        1000,
        "pixels",
    )
    guide_contrast: float = setting(
        0.003, "Variance of grey from which on there is an edge to follow.", 1e-6, 1, "of white squared"
    )
    grab_cut_rounds: int = setting(2, "Rounds of GrabCut.", 1, 100, "rounds")
    rounds: int = setting(2, "Rounds of hull and outlines.", 1, 100, "rounds")
    hull_weight: float = setting(0.5, "How much the hull counts beside the colours in them.", 0, 100)
    doubt: float = setting(
        1.0, "Log odds against the object there, where colours tell it from all else.", 0, 100, "log odds"
    )
    least_overlap: float = setting(0.3, "A mask that overlaps less with the hull says nothing.", 0, 1, "IoU")
    consensus_resolution: int = setting(
        96, "Cells along the box's longest side of the hull in the start.", 8, 1024, "cells"
    )
    consensus_views: int = setting(80, "At most so many views vote there.", 1, 100_000, "views")


class PointGroupSettings(Group):
    """Groups of sparse points, which belong to the object or not as a whole."""

    NAME: ClassVar[str] = "point_groups"

    neighbours: int = setting(12, "Neighbours of each point that its group may go on to.", 1, 1000, "points")
    most: int = setting(
        100_000,
        "Points that are looked at; of more, all others go with the nearest of so many.",
        100, 10_000_000, "points",
    )  # fmt: skip
    dense: int = setting(
        4, "The distance to this neighbour tells how dense points are around a point.", 1, 1000, "points"
    )


class DrawnSettings(Group):
    """Where in the world the object is that something was drawn around."""

    NAME: ClassVar[str] = "drawn"

    middle: float = setting(
        0.6, "Share of the drawing's half width and height in which it is the object that is seen.", 0.01, 2
    )
    close: float = setting(
        0.01,
        "So far beside the drawing a point may still be the object's, as a share of its width or height.",
        0, 1, "of the drawing",
    )  # fmt: skip
    least_points: int = setting(5, "So many points tell how far away the object is.", 1, 10_000, "points")
    flat: float = setting(0.02, "As thick is a plane.", 0, 1, "of the drawing")
    around: float = setting(3.0, "As far around the object planes are looked for.", 0, 1000, "of the drawing")
    first: int = setting(3, "The object begins at the so many nearest of its points.", 1, 10_000, "points")
    front: float = setting(
        0.33, "What is seen in the drawing's middle so far behind is the object's.", 0, 100, "of the drawing"
    )
    begins: float = setting(2.0, "The object begins at this percentile of its points' depth.", 0, 50, "%")
    ends: float = setting(98.0, "The object ends at this percentile of its points' depth.", 50, 100, "%")


class FlowSettings(Group):
    """Masks carried by optical flow, where no cameras are solved."""

    NAME: ClassVar[str] = "flow"

    edge: int = setting(
        320, "Frames are compared at so many pixels along the longer edge.", 16, 2048, "pixels"
    )
    band: float = setting(0.012, "How far flow may be off, as a share of that edge.", 0, 1, "of the edge")
    least_agreement: float = setting(
        0.6,
        "Share of a mask's pixels whose flow there and back has to end where it began.",
        0,
        1,
        "of the mask",
    )
    round_trip: float = setting(2.0, "So far from there it still does.", 0, 1000, "pixels")
    most_difference: float = setting(
        40.0, "Median difference in grey over the mask between two frames, at most.", 0, 255, "of 255"
    )
    most_change: float = setting(
        1.6, "Change of a mask's area from a frame to the next, at most.", 1, 1000, "times"
    )
    least_pixels: int = setting(12, "A mask of fewer pixels is lost.", 1, 1_000_000, "pixels")
    first_rounds: int = setting(5, "Rounds of GrabCut in what was drawn.", 1, 100, "rounds")
    rounds: int = setting(1, "Rounds of GrabCut in the frames after it.", 1, 100, "rounds")
    least_grown: float = setting(
        0.1,
        "What GrabCut finds is the object if it is more than this share of what was drawn.",
        0,
        1,
        "of the drawing",
    )


class NetworkSettings(Group):
    """Masks from networks, and which of the things that they find is the object."""

    NAME: ClassVar[str] = "network"

    instances: int = setting(4, "At most so many things of a frame may be the object.", 1, 1000, "instances")
    points: int = setting(12, "Sparse points of a prompt, at most.", 1, 1000, "points")
    seen_share: float = setting(
        0.2,
        "If a frame has seen a smaller share of the object's points, all of them make its prompt.",
        0, 1, "of the points",
    )  # fmt: skip
    least_piece: float = setting(0.002, "Smaller pieces of a matte are no object.", 0, 1, "of the frame")
    least_overlap: float = setting(
        0.3, "What overlaps less with the hull, or with the frame before, is not the object.", 0, 1, "IoU"
    )
    paired: int = setting(16, "Frames whose rays are met in pairs, at most.", 2, 1000, "frames")
    consensus_resolution: int = setting(
        64, "Cells along the box's longest side of the hull that things are compared with.", 8, 1024, "cells"
    )
    consensus_views: int = setting(60, "At most so many views vote there.", 1, 100_000, "views")
    maskrcnn_score: float = setting(0.3, "Mask R-CNN's score below which nothing counts.", 0, 1)
    maskrcnn_edge: int = setting(
        800, "Pixels along the shorter edge in Mask R-CNN, as it was trained.", 32, 8192, "pixels"
    )
    rvm_edge: int = setting(
        512,
        "Pixels along the longer edge at which RVM looks for people, as its authors advise.",
        32,
        8192,
        "pixels",
    )


class DoubtSettings(Group):
    """When masks are doubted that hold much of what goes on beside them, and what is done then."""

    NAME: ClassVar[str] = "doubt"

    find_anew: str = setting(
        "networks",
        "Whose masks are found anew within boxes around them where the sparse points speak against them; the others' are "
        "used as they are, and it is told.",
        choices=("never", "networks", "all"),
    )
    least_masks: int = setting(
        8, "Fewer masks are drawn with care, and are not doubted.", 1, 100_000, "masks"
    )
    boxes: int = setting(16, "Masks that serve as boxes, at most.", 1, 1000, "masks")
    wrong: float = setting(0.15, "Share of these that may be wrong.", 0, 0.9, "of the boxes")
    room: float = setting(
        0.02, "Room in a box around a mask, as a share of the longer edge.", 0, 1, "of the edge"
    )
    held: float = setting(
        0.8, "Share of the masks that show its place which have to hold a point.", 0, 1, "of the masks"
    )
    least_held: int = setting(50, "Points that are enough to tell.", 1, 1_000_000, "points")
    beside: float = setting(
        0.25,
        "Share of these that go on beside the masks from which on masks are doubted.",
        0, 1, "of the points",
    )  # fmt: skip
