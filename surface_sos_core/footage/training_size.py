"""The size that frames are trained at."""

from __future__ import annotations

import math
from collections.abc import Callable

from surface_sos_core.footage import Footage


def training_size(
    footage: Footage, edge: int, gigabytes: float, warn: Callable[[str], None]
) -> tuple[int, int]:
    """(w, h), the longer edge at most `edge` pixels.

    gigabytes: what 8-bit frames of this size may take on disk; where they would take more they are made smaller, and
    `warn` gets a sentence about it.
    """
    size = _within(footage, edge, 1e9 * gigabytes)
    if size != _within(footage, edge, math.inf):
        warn(
            f"The {len(footage.frames)} frames would take more than the {gigabytes:g} GB that they may take on disk, so they "
            f"are trained at {size[0]}x{size[1]} pixels."
        )
    return size


def _within(footage: Footage, edge: int, most_bytes: float) -> tuple[int, int]:
    longest = max(footage.width, footage.height)
    fitting = longest * math.sqrt(most_bytes / (3.0 * len(footage.frames) * footage.width * footage.height))
    factor = min(longest, edge, fitting) / longest
    return max(1, round(footage.width * factor)), max(1, round(footage.height * factor))
