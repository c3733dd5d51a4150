"""Settings of subjects that move: what the camera does, masks followed through time, what other times show, and layers."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from surface_sos_core.settings.cameras import SolveSettings
from surface_sos_core.settings.setting import Group, setting


class MovingSettings(Group):
    """Subjects that move before any camera: what all steps share."""

    NAME: ClassVar[str] = "moving"

    image_edge: int = setting(
        480, "Motion and masks are looked at with so many pixels along the longer edge.", 64, 4096, "pixels"
    )
    rounds: int = setting(
        0, "Masks that follow the frames' edges vote over time again, so many times.", 0, 10, "rounds"
    )
    maybe: float = setting(
        0.3, "Value of a mask, or share of votes, from which on the subject may be there.", 0, 1
    )
    grow: float = setting(
        0.02,
        "No background is taken from within so far of a mask, as a share of the longer edge.",
        0, 0.5, "of the edge",
    )  # fmt: skip
    around: float = setting(
        0.05,
        "How far around the subject the background is asked for while masks are mended, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    sources: int = setting(8, "Other times asked for what each frame hides.", 1, 1000, "frames")
    soft: float = setting(
        0.7,
        "Standard deviation that masks are blurred with before they are enlarged, so that outlines have no steps.",
        0.01, 100, "pixels",
    )  # fmt: skip


class ShotKindSettings(Group):
    """Footage that is refused, since it is cut or has a flash frame."""

    NAME: ClassVar[str] = "shot_kind"

    changed: float = setting(
        0.5,
        "Share of a picture's colours that has to change from one frame to the next for a cut.",
        0, 1, "of the picture", shapes_results=False,
    )  # fmt: skip
    followed: float = setting(
        0.3,
        "Share of the corners below which a homography has to follow there.",
        0, 1, "of the corners", shapes_results=False,
    )  # fmt: skip
    video: float = setting(
        0.7,
        "Share of the corners that follow one from most frames to the next in a film; in photographs less do, and no cut is told.",
        0, 1, "of the corners", shapes_results=False,
    )  # fmt: skip
    few: float = setting(
        0.1,
        "More breaks than this are no cuts, but photographs of a thing.",
        0, 1, "of the frames", shapes_results=False,
    )  # fmt: skip


class SubjectMotionSettings(Group):
    """Whether a subject moves that the camera travels around, by masks that were given and points that are followed."""

    NAME: ClassVar[str] = "subject_motion"

    drawn_reach: int = setting(
        12, "A drawing on one frame is carried so far before and after it to tell.", 1, 100_000, "frames"
    )
    farthest: int = setting(
        4, "Frames that are compared are 1, 2, 4 ... apart, up to so many.", 1, 100_000, "frames"
    )
    pairs: int = setting(12, "Pairs of frames that are compared, of each distance.", 1, 10_000, "pairs")
    least_pairs: int = setting(4, "Pairs that have to tell, and half of those compared.", 1, 10_000, "pairs")
    least_around: int = setting(40, "Corners of the background that a pair must have.", 8, 100_000, "corners")
    least_subject: int = setting(15, "Corners of the subject that a pair must have.", 1, 100_000, "corners")
    fits: float = setting(0.003, "A corner that misses by less stands.", 1e-5, 1, "of the edge")
    least_fitting: float = setting(
        0.95,
        "Share of the background's corners that have to stand, or a pair tells nothing.",
        0,
        1,
        "of the corners",
    )
    off: float = setting(0.004, "A corner of the subject that misses by more moves.", 1e-5, 1, "of the edge")
    moving: float = setting(
        0.4,
        "Share of the subject's corners that has to move for it to be taken to move.",
        0,
        1,
        "of the corners",
    )
    drawn_moving: float = setting(
        0.08,
        "The same of corners in what was drawn, which has background in it as well.",
        0,
        1,
        "of the corners",
    )


class RegisterSettings(Group):
    """How the background moves from frame to frame: corners that are followed, and homographies through them."""

    NAME: ClassVar[str] = "register"

    corners: int = setting(800, "Corners of a frame that are followed, at most.", 4, 1_000_000, "corners")
    quality: float = setting(0.005, "How clear a corner must be at least.", 1e-9, 1, "of the clearest")
    apart: float = setting(
        0.008, "Distance between corners, as a share of the longer edge.", 0, 1, "of the edge"
    )
    window: float = setting(
        0.025,
        "Window around a corner that is looked for, as a share of the longer edge.",
        0,
        1,
        "of the edge",
    )
    miss: float = setting(
        1.5,
        "A corner followed there and back, or by a homography, ends no further from where it should.",
        0.01, 1000, "pixels",
    )  # fmt: skip
    least_corners: int = setting(12, "Corners that a homography must be known from.", 4, 1_000_000, "corners")


class CameraMoveSettings(Group):
    """Whether the camera stands, turns on the spot or travels; and how it turns and zooms."""

    NAME: ClassVar[str] = "camera_move"

    still_move: float = setting(
        0.003,
        "A camera whose pictures move by less all through stands, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    follows: float = setting(
        0.7,
        "Share of the picture that has to follow one homography over long times where the camera only turns.",
        0, 1, "of the picture",
    )  # fmt: skip
    cells: int = setting(
        8, "Cells along the longer edge that this share is told from, each by its corners.", 1, 1000, "cells"
    )
    cell_corners: int = setting(3, "Corners from which on a cell counts in full.", 1, 1000, "corners")
    rotates: float = setting(
        0.0006,
        "How far rotations may miss in the median where it does, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    overlap: float = setting(
        0.4,
        "Share of the picture that frames far apart must have in common to be compared.",
        0,
        1,
        "of the picture",
    )
    far_span: float = setting(
        0.5, "How far apart frames are that tell whether near and far move alike.", 0.001, 1, "of the shot"
    )
    middle_span: float = setting(
        0.25, "The same, where most of these have too little in common.", 0.001, 1, "of the shot"
    )
    near_span: float = setting(
        0.12, "The same, where most of those have too little in common as well.", 0.001, 1, "of the shot"
    )
    span_pairs: int = setting(8, "Pairs of frames of each span.", 1, 1000, "pairs")
    near_pair: int = setting(
        4, "How far apart frames are that rotations are solved from, beside neighbours.", 2, 100_000, "frames"
    )
    far_pair: int = setting(12, "How far apart others are.", 2, 100_000, "frames")
    pair_corners: int = setting(
        40, "Corners of each pair that rotations are solved from, about.", 4, 100_000, "corners"
    )
    least_held: int = setting(
        8, "Corners that must follow a pair's homography, or it tells nothing.", 4, 100_000, "corners"
    )
    shortest_focal: float = setting(
        0.5, "Focal lengths are looked for from this one on.", 0.01, 1000, "of the edge"
    )
    longest_focal: float = setting(5.0, "They are looked for up to this one.", 0.01, 1000, "of the edge")
    usual_focal: float = setting(
        1.2, "Focal length where nothing tells another one.", 0.01, 1000, "of the edge"
    )
    usual_weight: float = setting(0.3, "What it costs to be e times away from it.", 0, 1000, "pixels")
    steady_focal: float = setting(
        3.0, "What it costs where the focal lengths of neighbours are e times apart.", 0, 1000, "pixels"
    )
    zoom: float = setting(
        0.03, "Change of the focal length, as log, from which on it is a zoom.", 0, 10, "log"
    )
    zoom_better: float = setting(
        0.8, "How much of the error a zoom may leave to be believed.", 0, 1, "of the error"
    )


class MovingSolveSettings(Group):
    """Cameras that travel before a subject that moves: as those of `solve`, but quick, since layers do without."""

    NAME: ClassVar[str] = "moving_solve"

    image_edge: int = setting(
        800, "Features are looked for in images of at most this size.", 64, 100_000, "pixels"
    )
    doubled_edge: int = setting(
        500, "Images of at most this size are doubled before features are looked for.", 0, 100_000, "pixels"
    )
    features: int = setting(
        2500, "Features that are kept of each frame, the largest first.", 100, 1_000_000, "features"
    )
    all_pairs_frames: int = setting(
        30, "All pairs of frames are matched in a shot of no more than this many.", 0, 100_000, "frames"
    )
    overlap: int = setting(
        6,
        "Frames after each one that it is matched with in a longer shot; beyond them at distances of powers of two.",
        1, 100_000, "frames",
    )  # fmt: skip
    most_seconds: int = setting(
        90,
        "No more cameras are added, and nothing is tried again, after this time; 0: it takes as long as it takes.",
        0, 1_000_000, "seconds",
    )  # fmt: skip
    most_between: int = setting(
        6,
        "Frames in a row that get cameras between those before and after them where they cannot be solved.",
        0, 100_000, "frames",
    )  # fmt: skip

    def instead_of(self, solve: SolveSettings) -> SolveSettings:
        """Those of solving with these in their places."""
        return replace(
            solve,
            image_edge=self.image_edge,
            doubled_edge=self.doubled_edge,
            features=self.features,
            all_pairs_frames=self.all_pairs_frames,
            overlap=self.overlap,
            most_seconds=self.most_seconds,
        )


class MovingDepthSettings(Group):
    """How far away the background is, behind the subject too, before a camera that travels."""

    NAME: ClassVar[str] = "moving_depth"

    image_edge: int = setting(
        320, "Depth is looked for with so many pixels along the longer edge.", 16, 4096, "pixels"
    )
    disparities: int = setting(96, "Depths that are tried for each pixel.", 4, 10_000, "depths")
    views: int = setting(12, "Frames that each one is compared with, spread over time.", 2, 1000, "frames")
    reach: int = setting(18, "How far before and after it they are.", 1, 100_000, "frames")
    least_points: int = setting(
        30, "Sparse points that the range of depths must be known from.", 2, 1_000_000, "points"
    )
    outliers: float = setting(1.0, "Nearest and farthest of them that are left out.", 0, 49, "%")
    beyond: float = setting(
        0.8, "Disparity of what is farthest, as a share of that of the farthest points.", 0.01, 1, "of it"
    )
    before: float = setting(
        1.25, "Disparity of what is nearest, in terms of that of the nearest points.", 1, 100, "of it"
    )
    hides: float = setting(
        3.0, "What is nearer by more than this hides a place from another frame.", 0, 1000, "depths"
    )


class DenseFlowSettings(Group):
    """Where dense optical flow is trusted."""

    NAME: ClassVar[str] = "dense_flow"

    round_trip: float = setting(
        1.0, "So far from where it began flow there and back may end, where it is short.", 0, 1000, "pixels"
    )
    round_trip_far: float = setting(0.05, "So much further for its length.", 0, 10, "of the length")


class TimeVoteSettings(Group):
    """Masks voted over time: what a frame's neighbours say, brought along by flow."""

    NAME: ClassVar[str] = "time_votes"

    neighbours: int = setting(
        3,
        "Frames before and after one that vote, the first beside it, each other twice as far away.",
        1,
        12,
        "frames",
    )
    alike: float = setting(
        0.08,
        "Flow is not trusted between places that differ by more, once both are blurred.",
        0, 10, "display values",
    )  # fmt: skip
    alike_blur: float = setting(1.0, "Standard deviation of that blur.", 0.01, 100, "pixels")
    untrusted: float = setting(
        0.03, "What a vote counts where flow is not trusted, against 1.", 1e-6, 1, "votes"
    )


class OtherTimeSettings(Group):
    """What other times show of a frame's background: which frames, brought into line and exposed alike."""

    NAME: ClassVar[str] = "other_times"

    choice_edge: int = setting(
        64, "Longer edge of the pictures that tell which frames show what one hides.", 4, 4096, "pixels"
    )
    least_seen: float = setting(
        0.02, "A frame that shows a smaller share of what is wanted is not asked.", 0, 1, "of what is wanted"
    )
    margin: float = setting(
        0.12,
        "How far around what is wanted frames are brought into line, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    refined: float = setting(
        0.6,
        "Share of the corners that must follow a second homography for it to correct the first one.",
        0, 1, "of the corners",
    )  # fmt: skip
    most_refined: float = setting(
        0.15, "A correction by more is a mistake, as a share of the longer edge.", 0, 1, "of the edge"
    )
    smooth: float = setting(
        0.006,
        "Standard deviation that flow of the background is smoothed with, as a share of the longer edge.",
        1e-5, 1, "of the edge",
    )  # fmt: skip
    shadow_blur: float = setting(
        0.004,
        "Standard deviation that they are blurred with to tell which show a place in shadow, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    exposure_pixels: int = setting(
        500, "Pixels that both show, or their exposures are left as they are.", 1, 100_000_000, "pixels"
    )
    exposure_fitted: int = setting(
        8000, "Pixels that exposures are made alike by, about.", 3, 100_000_000, "pixels"
    )
    exposure_outliers: float = setting(
        2.5, "Pixels that differ by more are left out there.", 0.1, 1000, "times the median"
    )


class OwnMotionSettings(Group):
    """What moves otherwise than the background, by the flow that is left once the background lies on itself."""

    NAME: ClassVar[str] = "own_motion"

    near: int = setting(1, "The nearest frames that each one is compared with.", 1, 1000, "frames")
    middle: int = setting(3, "Others are so far away in time.", 1, 1000, "frames")
    far: int = setting(6, "And others so far.", 1, 1000, "frames")
    noise: float = setting(
        0.35, "How long flow is anyway, beside the median of the picture.", 0.001, 100, "pixels"
    )
    noticed: float = setting(
        4.0, "Flow of so much tells nothing; longer one the subject, shorter one the background.", 0.1, 1000,
        "times the noise",
    )  # fmt: skip
    most: float = setting(3.0, "How much motion can tell.", 0, 100, "log odds")


class MovingMaskSettings(Group):
    """Masks of what moves against the background, where nobody said what the subject is."""

    NAME: ClassVar[str] = "moving_masks"

    rounds: int = setting(
        2, "What was found is held out of the background and looked for again, so many times.", 0, 10, "rounds"
    )
    votes: float = setting(
        2.0, "How much a frame's own and its neighbours' masks of the time before can tell.", 0, 100, "log odds"
    )
    last_motion: float = setting(0.25, "What motion counts the last time, when the background is known.", 0, 10)
    last_difference: float = setting(2.0, "What a difference from the background counts then.", 0, 10)
    shadow: float = setting(
        2.0, "How much tells against a place that shows the background in shadow.", 0, 100, "log odds"
    )
    others: int = setting(
        9, "Frames that each one is compared with, spread over those that show the same.", 1, 1000, "frames"
    )
    overlap: float = setting(
        0.3, "Share of the picture that they must have in common.", 0, 1, "of the picture"
    )
    least_seen: int = setting(
        3,
        "So many of them must show a place to tell what moves there, or all where they are fewer.",
        1,
        1000,
        "frames",
    )
    sure: float = setting(
        0.9,
        "Where motion and the background say so with this probability, or against it, colours are learnt from.",
        0.5, 1,
    )  # fmt: skip
    colours: float = setting(4.0, "How much colours nearby can tell.", 0, 100, "log odds")
    smoothness: float = setting(
        3.0, "What an outline costs for each pixel of its length on plain ground.", 0, 100, "log odds"
    )
    speck: float = setting(
        0.006, "What is thinner is noise, as a share of the longer edge.", 0, 1, "of the edge"
    )
    gap: float = setting(
        0.01, "Narrower gaps are the subject's, as a share of the longer edge.", 0, 1, "of the edge"
    )
    least_piece: float = setting(0.001, "Smaller pieces are no subject.", 0, 1, "of the frame")
    piece_share: float = setting(
        0.25, "Other pieces are the subject's from this size on.", 0, 1, "of the largest"
    )
    least_shown: float = setting(
        0.5, "Share of the frames that something has to move in.", 0, 1, "of the frames"
    )
    most_moving: float = setting(
        0.6, "Where more moves in the median frame, everything does.", 0, 1, "of the frame"
    )
    within: float = setting(
        0.4,
        "Share of a piece that moves which has to lie in the mask that was carried there, to belong to it.",
        0, 1, "of the piece",
    )  # fmt: skip
    reach: float = setting(
        1.0,
        "A subject that flow lost is looked for so far around where it was, as a share of the root of its area.",
        0, 100, "of its size",
    )  # fmt: skip
    filled: float = setting(0.1, "What moves in a drawing has to fill so much of it.", 0, 1, "of the drawing")
    size: float = setting(
        2.5,
        "What moves and what was carried there differ by no more in size, or the latter stays.",
        1,
        1000,
        "times",
    )


class OutlineSettings(Group):
    """Where in a frame the subject is: what its mask, colours nearby and the background behind it tell."""

    NAME: ClassVar[str] = "outline"

    possible: float = setting(
        0.2, "Share of votes from which on a place is looked at.", 0, 0.5, "of the votes"
    )
    margin: float = setting(
        0.06, "How far around it is looked, as a share of the longer edge.", 0, 1, "of the edge"
    )
    sure: float = setting(
        0.95, "Share of votes for the subject, or against it, that teaches colours.", 0.5, 1, "of the votes"
    )
    taught_frames: int = setting(40, "Frames that colours are learnt from, at most.", 1, 100_000, "frames")
    prior_width: float = setting(
        0.008,
        "Distance from a mask's outline at which it is as sure as one vote, as a share of the longer edge.",
        0.0005, 0.5, "of the edge",
    )  # fmt: skip
    most_prior: float = setting(
        3.0,
        "How much a mask can tell; where colours and the background say otherwise together, they are heard, however far "
        "inside.",
        0, 100, "log odds",
    )  # fmt: skip
    smoothness: float = setting(
        1.5,
        "What an outline costs for each pixel of its length on plain ground.",
        0, 100, "log odds",
    )  # fmt: skip
    colour_weight: float = setting(1.0, "What colours nearby tell, where they tell at all.", 0, 10)
    background_weight: float = setting(
        2.0, "What a difference from the clean plate tells, where it tells at all.", 0, 10
    )
    ring_from: float = setting(
        0.01,
        "So far from the outline it begins to be tried out what colours and the background tell.",
        0, 1, "of the edge",
    )  # fmt: skip
    ring_to: float = setting(0.05, "So far from it that ends.", 0, 1, "of the edge")
    heard: float = setting(
        0.06, "Standard deviation of how far around what is found there counts.", 1e-4, 1, "of the edge"
    )
    outside_to: float = setting(
        0.15,
        "So far outside it is tried out what the background leaves unexplained: farther, since a part that a mask lacks lies there.",
        0, 1, "of the edge",
    )  # fmt: skip
    outside_heard: float = setting(
        0.12, "Standard deviation of how far around that counts.", 1e-4, 1, "of the edge"
    )
    blur: float = setting(
        0.7,
        "Standard deviation that frame and clean plate are blurred with to be compared.",
        0.01,
        100,
        "pixels",
    )
    noise: float = setting(
        0.015, "How much they differ anyway, beside what other times differ by.", 0.0001, 1, "display values"
    )
    noise_blur: float = setting(
        1.5, "Standard deviation that the latter is blurred with.", 0.01, 100, "pixels"
    )
    noticed: float = setting(
        3.0, "A difference of so much tells nothing; a larger one the subject, a smaller one the background.",
        0, 1000, "times the noise",
    )  # fmt: skip
    plain: float = setting(
        2.0, "From so much more, or less, on it tells all it can.", 0.001, 1000, "times the noise"
    )
    most: float = setting(2.0, "How much a difference can tell.", 0, 100, "log odds")


class ShadowColourSettings(Group):
    """What may be the subject's shadow by its colour: the background's tint, but darker."""

    NAME: ClassVar[str] = "shadow_colour"

    faintest: float = setting(0.03, "How dark a shadow is at least, as log.", 0, 10, "log")
    deepest: float = setting(1.6, "How dark it is at most.", 0, 10, "log")
    tint: float = setting(0.18, "How much channels may differ in how dark they are.", 0, 10, "log")
    deep_tint: float = setting(0.15, "How much more of it deep shadows may differ by.", 0, 10, "of the depth")
    lift: float = setting(
        0.06, "Added to colours, so that ratios of dark ones are not noise.", 1e-6, 1, "display values"
    )
    texture: float = setting(
        0.012,
        "Slope from which on the background has texture, which a shadow leaves there.",
        0,
        10,
        "log per pixel",
    )
    texture_kept: float = setting(0.4, "How much of it a shadow leaves at least.", 0, 1, "of the texture")
    plain: float = setting(
        0.15, "How dark a shadow is at least that is told by the texture it leaves, as log.", 0, 10, "log"
    )
    texture_around: float = setting(
        0.008,
        "Standard deviation with which that is looked at, as a share of the longer edge.",
        1e-5,
        1,
        "of the edge",
    )


class ShadowSettings(Group):
    """By how much the shadow that moves with the subject darkens the ground."""

    NAME: ClassVar[str] = "shadow"

    least_seen: int = setting(2, "Other times that must show the ground.", 1, 1000, "frames")
    smooth: float = setting(
        0.004,
        "Standard deviation that light and ground are smoothed with, as a share of the longer edge.",
        1e-5, 1, "of the edge",
    )  # fmt: skip
    faintest: float = setting(
        0.1, "What a shadow takes at least, or noise and exposure would be one.", 0, 1, "of the light"
    )
    noise: float = setting(
        2.5,
        "How much more than other times among themselves the frame must differ from them.",
        0, 1000, "times",
    )  # fmt: skip
    speck: float = setting(
        0.006, "Thinner pieces are no shadow, as a share of the longer edge.", 0, 1, "of the edge"
    )
    touches: float = setting(
        0.03,
        "Distance between the subject and its shadow, as a share of the longer edge.",
        0,
        1,
        "of the edge",
    )
    fade: float = setting(
        0.05,
        "How far from where other times were not brought over a shadow ends, so that no edge shows.",
        1e-4, 1, "of the edge",
    )  # fmt: skip
    darkest: float = setting(0.08, "What every shadow leaves.", 0, 1, "of the light")
    lift: float = setting(
        0.004,
        "Added to light and ground, so that ratios of dark ground are not noise.",
        1e-6,
        1,
        "scene-linear",
    )


class MovingPlateSettings(Group):
    """Clean plates put together from other times."""

    NAME: ClassVar[str] = "moving_plate"

    ring: int = setting(
        2, "Pixels around the hole that its colours are solved to go on from.", 0, 1000, "pixels"
    )
    smooth: float = setting(
        0.008,
        "Standard deviation of how far around a pixel its source must fit, as a share of the longer edge.",
        1e-5, 1, "of the edge",
    )  # fmt: skip
    settled: float = setting(
        0.02,
        "How much nearer to the median the last source must be to be taken in place of the first one.",
        0, 10, "display values",
    )  # fmt: skip
    doubt: float = setting(
        0.25,
        "Median difference from which on other times disagree, and a place counts as unseen.",
        0, 10, "display values",
    )  # fmt: skip
    anchor: float = setting(0.02, "Weight of the sources' colours against their differences.", 0, 1000)
    told_unseen: float = setting(
        0.3,
        "A frame is named where more of the background behind the subject was never seen.",
        0, 1, "of the subject",
    )  # fmt: skip


class MovingMatteSettings(Group):
    """Alpha from a mask, the frame and its clean plate."""

    NAME: ClassVar[str] = "moving_matte"

    band: float = setting(
        0.006, "Half the width of the band in which alpha is solved, as a share of the longer edge.", 0, 0.5,
        "of the edge",
    )  # fmt: skip
    least_band: int = setting(2, "Half the width that it has at least.", 1, 1000, "pixels")
    hold: float = setting(0.05, "Weight of the mask in the band, against the matting Laplacian.", 0, 1000)
    blur: float = setting(
        0.7,
        "Standard deviation that frame and plate are blurred with to tell what may be a shadow.",
        0.01, 100, "pixels",
    )  # fmt: skip
