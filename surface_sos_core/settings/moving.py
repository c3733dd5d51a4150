"""Settings of subjects that move: how masks are followed through time, what other times show, and mattes from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


@dataclass(frozen=True)
class MovingSettings(Group):
    """Subjects that move before any camera."""

    NAME: ClassVar[str] = "moving"

    image_edge: int = setting(
        480, "Motion and masks are looked at with so many pixels along the longer edge.", 64, 4096, "pixels"
    )
    rounds: int = setting(
        0, "Masks that follow the frames' edges vote over time again, so many times.", 0, 10, "rounds"
    )
    grow: float = setting(
        0.02,
        "No background is taken from within so far of a mask, as a share of the longer edge.",
        0, 0.5, "of the edge",
    )  # fmt: skip
    sources: int = setting(8, "Other times asked for what each frame hides.", 1, 1000, "frames")
    prior_width: float = setting(
        0.008,
        "Distance from a mask's outline at which it is as sure as one vote, as a share of the longer edge.",
        0.0005, 0.5, "of the edge",
    )  # fmt: skip
    smoothness: float = setting(
        1.5,
        "Log odds that an outline costs for each pixel of its length on plain ground.",
        0,
        100,
        "log odds",
    )
    colour_weight: float = setting(1.0, "What colours nearby tell, where they tell at all.", 0, 10)
    background_weight: float = setting(
        2.0, "What a difference from the clean plate tells, where it tells at all.", 0, 10
    )
    band: float = setting(
        0.006, "Half the width of the band in which alpha is solved, as a share of the longer edge.", 0, 0.5,
        "of the edge",
    )  # fmt: skip
