"""Settings of plane sweeps, which tell how far away everything is, and of planes that go on."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class StereoSettings(Group):
    """The disparity of every pixel of each frame, kept where other frames say the same."""

    NAME: ClassVar[str] = "stereo"

    disparities: int = setting(96, "Disparities that are tried.", 4, 4096, "steps")
    least_points: int = setting(
        20, "Sparse points that tell how near and how far things are.", 2, 1_000_000, "points"
    )
    outliers: float = setting(1.0, "Nearest and farthest of these points that are left out.", 0, 49, "%")
    beyond_farthest: float = setting(
        1.5, "How far is searched beyond the farthest of them.", 1, 1000, "times"
    )
    before_nearest: float = setting(
        0.9, "How near is searched before the nearest of them.", 0.001, 1, "times"
    )
    views: int = setting(10, "Frames that each one is compared with.", 2, 1000, "frames")
    nearest_view: float = setting(
        0.02,
        "How far from a frame these stand at least: from nearer nothing tells depth.",
        0, 100, "of the points' depth",
    )  # fmt: skip
    farthest_view: float = setting(
        0.25,
        "How far from it they stand at most: from further away more is hidden.",
        0, 100, "of the points' depth",
    )  # fmt: skip
    least_cosine: float = setting(0.8, "Cosine between the axes of two frames that are compared.", -1, 1)
    witnesses: int = setting(12, "Nearest frames that are asked whether they agree.", 1, 1000, "frames")
    agree: int = setting(3, "How many of them must agree.", 0, 1000, "frames")
    same: float = setting(1.5, "Disparities that differ by less agree.", 0, 100, "steps")
    error: float = setting(
        3.0, "How wrong a disparity may be where it says what can be seen.", 0, 100, "steps"
    )


class PlaneSettings(Group):
    """Planes among the background's sparse points: floors and walls go on where the object hides them."""

    NAME: ClassVar[str] = "planes"

    thickness: float = setting(
        0.006, "A point so near to a plane lies on it.", 1e-6, 1, "of the cameras' distance"
    )
    most: int = setting(6, "Planes that are looked for.", 0, 100, "planes")
    least_points: int = setting(30, "Points that a plane must hold.", 3, 1_000_000, "points")
    least_share: float = setting(0.02, "Share of the points that it must hold.", 0, 1, "of the points")
    tries: int = setting(400, "Planes through three points that are tried for each.", 1, 1_000_000, "planes")


class SweepSettings(Group):
    """What a disparity costs in a plane sweep, for masks and for what clean plates hide."""

    NAME: ClassVar[str] = "sweep"

    worst: float = setting(0.2, "Colours that differ more are equally wrong.", 0.001, 1, "display values")
    neutral: float = setting(
        0.04,
        "Cost where fewer than two frames see a place: a match is better, a mismatch is worse.",
        0, 1, "display values",
    )  # fmt: skip
    hidden: float = setting(
        0.01,
        "How much worse that is than the best match around, where the frame itself does not see the place.",
        0, 1, "display values",
    )  # fmt: skip
    around: int = setting(9, "Lattice points, along an edge, that count as around.", 1, 101, "points")
    prior: float = setting(
        0.03, "Cost of being away from every disparity that is likely.", 0, 1, "display values"
    )
    near: float = setting(0.03, "How far that is.", 1e-6, 1, "of the range")
    small_step: float = setting(
        0.016, "Cost of a change by one step between neighbours.", 0, 1, "display values"
    )
    large_step: float = setting(0.08, "Cost of a larger change.", 0, 1, "display values")
    speckle: int = setting(
        200, "A smaller piece at another depth than all around it is noise.", 0, 1_000_000, "pixels"
    )
