"""Settings of footage as the stages see it."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting

MOST_FACTOR = 100.0
"""The largest `exposure.most_factor`."""


class FootageSettings(Group):
    """The frames as they are kept on disk while a shot is worked on."""

    NAME: ClassVar[str] = "footage"

    cache_gigabytes: float = setting(
        8.0,
        "Disk that decoded frames may take; what does not fit is decoded again, and frames are trained at fewer pixels "
        "where these alone would take more.",
        0.001, 10_000, "GB",
    )  # fmt: skip


class ExposureSettings(Group):
    """How differently the frames are exposed, told by the sparse points."""

    NAME: ClassVar[str] = "exposure"

    most_points: int = setting(4000, "Sparse points that are looked at.", 1, 1_000_000, "points")
    least_points: int = setting(
        40, "Points that a frame has to show; one that shows fewer stays as it is.", 1, 1_000_000, "points"
    )
    darkest: float = setting(0.01, "Darkest value that tells brightness truly.", 0, 1, "scene-linear")
    brightest: float = setting(0.85, "Brightest value that does.", 0, 1, "scene-linear")
    most_factor: float = setting(
        4.0, "Frames are brightened or darkened by no more than this.", 1, MOST_FACTOR, "times"
    )
