"""Settings of the grain of what clean plates fill."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class GrainSettings(Group):
    """How the noise of a plate is measured, which what is filled in it gets as well."""

    NAME: ClassVar[str] = "grain"

    reach: int = setting(40, "How far around the hole noise is measured.", 4, 10_000, "pixels")
    levels: int = setting(6, "Levels of brightness that noise is measured for.", 1, 256, "levels")
    window: int = setting(7, "Width of a place whose noise is measured.", 3, 1000, "pixels")
    fewest: int = setting(
        50,
        "Places of a brightness that tell its noise; of fewer the next brightness does.",
        1,
        1_000_000,
        "places",
    )
    plainest: float = setting(
        0.25,
        "Share of the places of a brightness, the plainest ones, that are plainer than what tells its noise.",
        0,
        1,
    )
