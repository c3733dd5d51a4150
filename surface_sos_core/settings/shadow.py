"""Settings of the shadow that an object which stands casts on the ground."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class StillShadowSettings(Group):
    """The shadow of an object that stands: lamps that explain where the ground is darker, by the object's shape."""

    NAME: ClassVar[str] = "still_shadow"

    find: bool = setting(True, "Tell the object's shadow from the ground that it stands on.")
    reach: float = setting(
        1.0, "How far from the object its shadow may fall.", 0.1, 100, "of its longest side"
    )
    fade: float = setting(0.2, "Over how much of that it fades out at the end.", 1e-3, 1, "of the reach")
    texels: int = setting(
        300, "Cells along a side of the ground that the shadow is kept in.", 16, 8192, "cells"
    )
    compared: int = setting(200, "Cells along a side of the ground that are compared.", 16, 4096, "cells")
    cells: int = setting(
        96, "Cells along the object's longest side, which keep light off or do not.", 8, 1024, "cells"
    )
    hold: float = setting(0.5, "No cell is filled where m^P lets FoCoR be less opaque than this.", 0, 0.99)
    under: float = setting(
        0.05, "How deep the object may reach into the plane that is its ground.", 0, 10, "of its longest side"
    )
    over: float = setting(0.2, "How far above that plane it may begin.", 0, 10, "of its longest side")
    views: int = setting(40, "Frames in which the ground is looked at.", 2, 10_000, "frames")
    least_views: int = setting(
        3,
        "Frames that must show a place of the ground; elsewhere its shadow goes on from what is around.",
        2, 1000, "frames",
    )  # fmt: skip
    differ: float = setting(
        0.08,
        "Median difference from which on frames show something that stands before the ground.",
        0, 10, "display values",
    )  # fmt: skip
    brightest: float = setting(
        0.97, "What is brighter may be clipped, so its light is not known.", 0, 100, "display values"
    )
    directions: int = setting(96, "Places of the sky that lamps are looked for in.", 8, 10_000, "places")
    lowest: float = setting(0.15, "Sine of a lamp's height above the ground at least.", 0.01, 0.99)
    finer: int = setting(
        2, "How often places that have a lamp may be looked at again at half the width.", 0, 8, "times"
    )
    finer_gain: float = setting(
        1.25, "How much more of what they were not found by finer places must explain.", 1, 100, "times"
    )
    bright: float = setting(0.02, "What a lamp gives at least to be looked at again.", 0, 1, "of the light")
    farthest: int = setting(16, "Compared cells are no further apart.", 1, 1024, "cells")
    shaded: float = setting(
        0.1, "How much more of some place of the sky one of both must see.", 0, 1, "of the place"
    )
    tint: float = setting(0.08, "Places whose tints differ more are not compared.", 1e-4, 10, "log")
    deep_tint: float = setting(
        0.15, "How much more the tints of light and dark may differ.", 0, 10, "of the change"
    )
    pairs: int = setting(8_000, "Pairs of places that are compared.", 100, 100_000_000, "pairs")
    least_pairs: int = setting(1000, "Fewer pairs tell nothing.", 10, 100_000_000, "pairs")
    rough: float = setting(
        0.3, "Change of light between two places that texture makes, as first thought.", 1e-4, 10, "log"
    )
    noise: float = setting(0.04, "The same as last thought.", 1e-4, 10, "log")
    alike: float = setting(
        0.1, "How far the lamps of the channels are held to be alike, against what is seen.", 0, 1000
    )
    darkest: float = setting(0.08, "What every shadow leaves.", 0.001, 0.9, "of the light")
    parts: int = setting(
        4, "Parts of the ground; what is found in all others must explain each.", 2, 100, "parts"
    )
    blocks: int = setting(
        10, "Blocks along a side of the ground, which are dealt to the parts.", 2, 1000, "blocks"
    )
    texture: float = setting(
        0.1, "Change that texture makes, where it is judged whether a shadow explains more.", 1e-4, 10, "log"
    )
    least_gain: float = setting(
        0.15,
        "How much likelier lamps make what they were not found by, as mean log by what they tell of it.",
        0, 10,
    )  # fmt: skip
    least_share: float = setting(
        0.5, "Share of what they tell of such pairs that must be seen there.", 0, 10, "of the change"
    )
    height: float = setting(
        0.08, "What is higher above the ground, or lower, gets no shadow.", 1e-6, 10, "of the longest side"
    )
    depth_edge: int = setting(
        160, "Pixels along a frame's longer edge whose height is asked for.", 8, 10_000, "pixels"
    )
