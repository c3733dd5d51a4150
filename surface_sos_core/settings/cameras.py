"""Settings of cameras: solving them, sparse points, and the scene box that both tell."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class SolveSettings(Group):
    """Cameras from footage by COLMAP; features and matches are found alike for points of cameras that are given."""

    NAME: ClassVar[str] = "solve"

    image_edge: int = setting(
        2000,
        "Features are looked for in images of at most this size; in larger ones it takes long and finds little more.",
        64, 100_000, "pixels",
    )  # fmt: skip
    doubled_edge: int = setting(
        100_000,
        "Images of at most this size are doubled before features are looked for: that finds smaller ones, and takes four times as long.",
        0, 100_000, "pixels",
    )  # fmt: skip
    features: int = setting(
        8192, "Features that are kept of each frame, the largest first.", 100, 1_000_000, "features"
    )
    least_share: float = setting(0.5, "Share of the frames that must get a camera.", 0, 1, "of the frames")
    all_pairs_frames: int = setting(
        80, "All pairs of frames are matched in a shot of no more than this many.", 0, 100_000, "frames"
    )
    overlap: int = setting(
        12,
        "Frames after each one that it is matched with in a longer shot; beyond them at distances of powers of two.",
        1, 100_000, "frames",
    )  # fmt: skip
    wide_overlap: int = setting(
        40,
        "The same where too few frames got a camera and more pairs are tried, in a shot more than twice as long.",
        1, 100_000, "frames",
    )  # fmt: skip
    poor_share: float = setting(
        0.8,
        "Below this share of frames with a camera, more pairs and looser thresholds are tried.",
        0, 1, "of the frames",
    )  # fmt: skip
    agreed_share: float = setting(
        0.95,
        "Where no more than this share of the matches fits the cameras, things that look alike were taken for each other, and "
        "pairs that share little are left out.",
        0, 1, "of the matches",
    )  # fmt: skip
    strong_share: float = setting(
        0.15,
        "Pairs then count from this share of the matches on that a frame has with the one most like it.",
        0, 1, "of the matches",
    )  # fmt: skip
    fitting_error: float = setting(
        4.0,
        "A match fits cameras that let it lie no further from where it is than this.",
        0.01, 1000, "pixels",
    )  # fmt: skip
    still_move: float = setting(
        0.006,
        "A pair of frames whose features move less stands still.",
        0, 1, "of the image's diagonal",
    )  # fmt: skip
    still_share: float = setting(
        0.95, "The camera stands still where this share of the pairs does.", 0, 1, "of the pairs"
    )
    turning_share: float = setting(
        0.9,
        "The camera may only turn on the spot where more than this share of the pairs says so.",
        0, 1, "of the pairs",
    )  # fmt: skip
    subject_fits: float = setting(
        0.8,
        "Where not all matches agree, the subject may turn before a room that stands: cameras of the given masks' matches alone are "
        "taken if at least so many of these fit them; above 1: never.",
        0, 2, "of the matches",
    )  # fmt: skip
    room_fits: float = setting(
        0.75, "And less than so many of the matches around it, which do not turn along.", 0, 1, "of the matches"
    )
    telling_matches: int = setting(
        15, "Matches that a pair must have to tell whether the camera moves.", 1, 100_000, "matches"
    )
    least_angle: float = setting(
        1.0,
        "Cameras whose points are seen under less than this angle, in the median, stand still; under less than twice "
        "of it they may only turn.",
        0, 90, "degrees",
    )  # fmt: skip
    most_seconds: int = setting(
        0,
        "No more cameras are added, and nothing is tried again, after this time; 0: it takes as long as it takes.",
        0, 1_000_000, "seconds",
    )  # fmt: skip
    least_spread: float = setting(
        0.001,
        "Cameras that stand no further apart than this share of the points' distance stand in one place, and are refused.",
        0, 1, "of the distance", shapes_results=False,
    )  # fmt: skip
    most_models: int = setting(
        5, "Separate models that are begun, of which the largest is taken.", 1, 1000, "models"
    )
    least_model: int = setting(
        10,
        "Frames that a model must have, or a third of a shot where that is less.",
        3, 100_000, "frames",
    )  # fmt: skip
    loose_matches: int = setting(10, "Second try: matches that a pair must have.", 1, 100_000, "matches")
    loose_first_matches: int = setting(
        40, "Second try: matches that fit, of the pair that a model begins with.", 1, 100_000, "matches"
    )
    loose_first_angle: float = setting(
        5.0, "Second try: angle under which that pair sees its points.", 0, 90, "degrees"
    )
    loose_pose_matches: int = setting(
        15, "Second try: points that a frame must see to get a camera.", 1, 100_000, "points"
    )
    loose_pose_share: float = setting(
        0.15, "Second try: share of them that must fit its camera.", 0, 1, "of the points"
    )


class PointSettings(Group):
    """Sparse points: which of them count, and triangulating them for cameras that came without."""

    NAME: ClassVar[str] = "points"

    least_track: int = setting(
        3, "Frames that must have seen a sparse point before it counts.", 2, 100_000, "frames"
    )
    few_frames: int = setting(
        8,
        "In a shot of no more than this many frames two are enough to triangulate a point.",
        0, 100_000, "frames",
    )  # fmt: skip
    enough: int = setting(100, "A camera model with so many points gets no others.", 0, 10_000_000, "points")
    least_found: int = setting(
        30, "Points that must be found, or the model stays as it is.", 0, 10_000_000, "points"
    )
    least_fit: float = setting(
        0.6,
        "Share of the matches that must fit the cameras: with those of the next frame it is less than half.",
        0, 1, "of the matches",
    )  # fmt: skip
    most_error: float = setting(
        2.0, "A point's largest distance from where an image saw it.", 0.01, 1000, "pixels"
    )
    least_angle: float = setting(
        1.5, "Least angle between those two rays of a point that are furthest apart.", 0, 90, "degrees"
    )
    all_pairs_frames: int = setting(
        20, "All pairs of frames are matched in a shot of no more than this many.", 0, 100_000, "frames"
    )
    widest_turn: float = setting(60.0, "Views that look further apart are not matched.", 0, 180, "degrees")


class BoxSettings(Group):
    """The scene box, and which sparse points are the object's, from cameras and points alone."""

    NAME: ClassVar[str] = "box"

    object_track: int = setting(
        4, "Frames that must have seen a point before it tells where the object is.", 2, 100_000, "frames"
    )
    least_points: int = setting(
        20, "Points that tell of an object, or that stand on a support.", 3, 1_000_000, "points"
    )
    reach: float = setting(
        0.6,
        "The object's points lie no further from where the cameras look than this.",
        0.001, 10, "of the cameras' distance",
    )  # fmt: skip
    least_seen: float = setting(
        0.8, "Share of the images that have them in the picture.", 0, 1, "of the images"
    )
    around: float = setting(
        1.5,
        "Supports and walls are looked for among points no further away than this.",
        0.001, 100, "of the cameras' distance",
    )  # fmt: skip
    most_planes: int = setting(4, "Supports and walls that are looked for.", 0, 100, "planes")
    plane_tries: int = setting(
        500, "Planes through three points that are tried for each.", 1, 1_000_000, "planes"
    )
    flat: float = setting(
        0.006, "Half the thickness of a support or a wall.", 1e-6, 1, "of the cameras' distance"
    )
    plane_share: float = setting(
        0.05, "Share of the points around that a support or a wall must hold.", 0, 1, "of the points"
    )
    behind_share: float = setting(
        0.05, "Share of the object's candidates that may lie behind it.", 0, 1, "of the points"
    )
    seen_through: float = setting(
        0.25,
        "Nor may more of them be behind it than this share of the points on it: a surface hides what is behind.",
        0, 100, "of the points",
    )  # fmt: skip
    standing_share: float = setting(
        0.1, "Share of the object's candidates that must stand on it.", 0, 1, "of the points"
    )
    goes_on: float = setting(
        1.5,
        "How much further than what stands on it a support reaches; a face of a box-shaped object does not.",
        0, 100, "times",
    )  # fmt: skip
    surrounds: float = setting(
        0.25, "Of all directions it goes on in so many beyond it, at least.", 0, 1, "of the directions"
    )
    bare_share: float = setting(
        0.8, "Where one plane has so much of the object's candidates, what stands on it has no points.", 0, 1
    )
    bare_height: float = setting(
        0.05, "The cameras then look so far above it, at least.", 0, 10, "of the cameras' distance"
    )
    beside_share: float = setting(
        0.1,
        "Share of the points beside a drawing that a plane must hold to go on within it.",
        0, 1, "of the points",
    )  # fmt: skip
    upright: float = setting(
        0.7, "Cosine between a support's normal and the cameras' upward direction, at least.", -1, 1
    )
    thinning: float = setting(
        7.0,
        "The object ends where there are so many times fewer points than its surface would have.",
        1, 1000, "times",
    )  # fmt: skip
    far: float = setting(
        2.0, "Points further away than this do not belong to the object.", 1, 100, "of the radius"
    )
    core: float = setting(
        0.55, "The core of the object's points ends at this share of their radius.", 0, 1, "of the radius"
    )
    outliers: float = setting(1.0, "Outermost points on each side of the box that are left out.", 0, 49, "%")
    margin: float = setting(1.15, "The box is larger than its points by this factor.", 1, 10, "times")
    thinnest: float = setting(
        0.05, "Half the box on each axis is at least this share of its longest side.", 0, 1, "of the side"
    )
    least_depth: float = setting(
        0.6, "What is filmed from one side is at least so deep.", 0, 10, "of its width"
    )
    fallback_half: float = setting(
        0.3,
        "Half a box without points: an object that fills the frame.",
        0.001,
        10,
        "of the cameras' distance",
    )
