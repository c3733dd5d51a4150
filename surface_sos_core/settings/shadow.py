"""Settings of the shadow that an object which stands casts on the ground around it."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class StillShadowSettings(Group):
    """The shadow of an object that stands, by lamps found from where the ground is darkened."""

    NAME: ClassVar[str] = "still_shadow"

    find: bool = setting(True, "Tell the object's shadow from the ground it stands on.")
    reach: float = setting(
        2.0, "How far from the object its shadow may fall.", 0.1, 100, "of its longest side"
    )
    texels: int = setting(400, "Cells along a side of the ground on which the shadow is kept.", 16, 8192, "cells")
    cells: int = setting(
        96, "Cells along the object's longest side, of which lamps see whether they are filled.", 8, 1024, "cells"
    )
    views: int = setting(40, "Frames that the ground is looked at in.", 2, 10_000, "frames")
    least_views: int = setting(3, "Frames that must show a place of the ground.", 2, 1000, "frames")
    differ: float = setting(
        0.08,
        "Median difference from which on frames show no ground, but something before it.",
        0, 10, "display values",
    )  # fmt: skip
    directions: int = setting(96, "Places of the sky that lamps are first looked for in.", 8, 10_000, "places")
    lowest: float = setting(0.15, "Sine of a lamp's height above the ground at least.", 0.01, 1)
    finer: int = setting(2, "How often the places with a lamp are looked at again, twice as finely.", 0, 8, "times")
    farthest: int = setting(16, "Cells between two places that are compared, at most.", 1, 1024, "cells")
    pairs: int = setting(60_000, "Pairs of places that are compared.", 100, 100_000_000, "pairs")
    noise: float = setting(
        0.04, "Difference of the light of two places that is not counted in full.", 1e-4, 10, "log"
    )
    tint: float = setting(
        0.08, "Difference of tint from which on two places are not of the same kind.", 1e-4, 10, "log"
    )
    frugal: float = setting(0.002, "What a lamp must explain at least, or it is none.", 0, 10)
    darkest: float = setting(0.08, "What every shadow leaves.", 0.001, 1, "of the light")
    parts: int = setting(5, "Parts of the ground; what is found in all but one must be seen in that one.", 2, 100, "parts")
    least_seen: float = setting(
        0.5, "Share of the shadow that must be seen in parts it was not found in.", 0, 10, "of the shadow"
    )
    least_sure: float = setting(3.0, "How much that share must be above 0, in its standard errors.", 0, 100)
    height: float = setting(
        0.04, "What stands higher on the ground gets none of its shadow.", 1e-6, 10, "of its longest side"
    )
