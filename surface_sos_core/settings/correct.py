"""Settings of corrections: what follows from what is drawn on a frame."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class CorrectSettings(Group):
    """Corrections of single frames."""

    NAME: ClassVar[str] = "correct"

    edge: int = setting(
        640, "What follows from strokes is found with so many pixels along the longer edge.", 64, 4096, "pixels"
    )
    radius: float = setting(
        0.004,
        "Radius of a stroke that names none, as a share of the longer edge.",
        0.0005, 0.5, "of the edge",
    )  # fmt: skip
    reach: float = setting(
        0.1,
        "How far from a stroke that contradicts the matte more of it may change, as a share of the longer edge.",
        0, 2, "of the edge",
    )  # fmt: skip
    stays: float = setting(
        6.0, "What the matte counts farther away, more than colours can tell.", 0, 100, "log odds"
    )
    band: float = setting(
        0.002,
        "Width of the band on each side of a painted mask's outline in which the matte is still found by the frame itself.",
        0, 0.5, "of the edge",
    )  # fmt: skip
    around: int = setting(
        4, "A correction is carried to at most so many frames before and after it.", 0, 1000, "frames"
    )
    least_carried: float = setting(
        0.4,
        "It is carried no further where less than this share of it is found again in the next frame.",
        0, 1, "of its pixels",
    )  # fmt: skip
    alike: float = setting(
        0.1,
        "It is carried to pixels whose colour differs by no more than this from what was corrected.",
        0, 1, "of display values",
    )  # fmt: skip
    most_grown: float = setting(
        1.5,
        "What follows from a correction that was carried may be so many times as large as the correction; more is an error.",
        0, 1000, "of its pixels",
    )  # fmt: skip
    iterations: int = setting(
        60, "The fields go on training for so many steps, half of them on corrected frames.", 0, 1_000_000, "steps"
    )
