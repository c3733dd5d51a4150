"""Settings of clean plates: what the object hides, from the pixels of the other frames."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class ShownSettings(Group):
    """What other frames' own plane sweeps say of how far away the background behind the object is."""

    NAME: ClassVar[str] = "shown"

    edge: int = setting(320, "Longer edge of the pictures that are swept.", 16, 4096, "pixels")
    spread: int = setting(
        3, "Lattice points around a place, along an edge, that it counts for.", 1, 31, "points"
    )
    agree: int = setting(
        3, "Frames, or neighbouring steps of them, that must say the same.", 1, 1000, "votes"
    )
    weight: float = setting(0.1, "Cost of being away from what they say.", 0, 10, "display values")
    near: float = setting(2.0, "How far that is.", 0.01, 1000, "steps")


class PlateSettings(Group):
    """Where the hidden background is, which frames show it, and how their pixels are put together."""

    NAME: ClassVar[str] = "plate"

    fill: str = setting(
        "texture",
        "What no frame saw: texture from around it, smooth colours, or an inpainting network's, given as MODEL.onnx.",
    )
    grain: bool = setting(True, "Give what is filled the noise of the plate around it.")
    holdout_edge: int = setting(
        192,
        "Longer edge of the pictures that say where frames show the object and no pixel is taken from.",
        8, 4096, "pixels",
    )  # fmt: skip
    holdout_grow: int = setting(
        2, "How far the object is grown where no pixel is taken from.", 0, 100, "pixels"
    )
    holdout_alpha: float = setting(0.1, "Alpha from which on no pixel is taken from a frame.", 0, 1)
    holdout_samples: int = setting(
        16, "Samples of each field on a ray that tells where no pixel is taken from.", 1, 4096, "samples"
    )
    holdout_hull: float = setting(
        0.3, "Probability in the consensus from which on no pixel is taken from a frame.", 0, 1
    )
    probes: int = setting(
        600, "Points of the hole that decide which frames are asked.", 1, 1_000_000, "points"
    )
    angle: float = setting(
        0.25,
        "Angle between two views of a place at which the other one counts a third.",
        0.001,
        10,
        "radians",
    )
    second_view: float = setting(
        0.25,
        "The smaller, the less a second view of a place is worth against the first one of another.",
        0.001,
        1000,
    )
    backdrop_samples: int = setting(
        48, "Samples of BaCo on the rays that tell how far the background may be.", 1, 4096, "samples"
    )
    depth_edge: int = setting(
        512, "Longer edge of the lattice on which the background's depth is looked for.", 16, 16_384, "pixels"
    )
    depth_margin: int = setting(
        12,
        "Lattice pixels around the hole that take part: there the frame's own colours are known.",
        0,
        1000,
        "pixels",
    )
    depth_views: int = setting(
        14, "Frames that are compared to find the background's depth.", 1, 1000, "frames"
    )
    disparities: int = setting(
        128, "Depths of the background that are tried, even in disparity.", 3, 4096, "steps"
    )
    widen: float = setting(
        1.25,
        "The background is looked for nearer and farther than sparse points and BaCo say, by this factor.",
        1,
        100,
    )
    range_quantile: float = setting(
        0.01,
        "Share of what sparse points and BaCo say, at either end, that does not count for that range.",
        0,
        0.49,
    )
    in_front: float = setting(
        1.02, "How many times as near as the object's own surface the background may come.", 0, 100
    )
    ring: int = setting(
        8, "Pixels around the hole where the frame's own colours meet those of others.", 1, 1000, "pixels"
    )
    spread: float = setting(
        0.06,
        "Difference from the median of all frames at which one counts as a view by `angle` away.",
        0.001,
        10,
        "display values",
    )
    worst: float = setting(
        3.0,
        "A colour that differs counts as no worse than a view by so many times `angle` away, whatever the difference.",
        0, 1000, "times",
    )  # fmt: skip
    doubt: float = setting(
        0.08,
        "Median difference from which on the frames disagree, and a place counts as unseen.",
        0,
        10,
        "display values",
    )
    doubt_rounds: int = setting(
        3, "How often that difference becomes the mean of it and its neighbours', so that no single pixels are left.", 0, 1000, "times"
    )
    seam: float = setting(
        10.0,
        "Cost of a seam between frames that differ by 1 on both sides, against that of a worse frame.",
        0,
        1000,
    )
    seam_rounds: int = setting(
        4, "How often rows, then columns, choose anew which frames they take.", 0, 1000, "times"
    )
    worse: float = setting(
        1.5,
        "How much worse than the best a frame may be at a pixel to be taken for the seams' sake, in angles.",
        0,
        1000,
    )
    anchor: float = setting(
        0.01,
        "Weight of colours against their differences: of what was invented, and of all that a camera sees which filmed nothing.",
        0,
        1000,
    )
    loose: float = setting(
        0.05,
        "Weight of equal colours for neighbours that no frame shows together, against 1 for what one shows.",
        0,
        1,
    )
    jump: float = setting(
        0.02,
        "Change of depth from which on neighbours are at the edge of a thing or of a piece of wrong depth.",
        0,
        10,
        "of the depth",
    )
    faint: float = setting(
        0.08,
        "A fainter step of colour where depth jumps is taken for that of a piece of wrong depth, and levelled.",
        0,
        10,
        "display values",
    )
