"""All frames, decoded once and at the size they are trained at, on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import FrameStack


def cached_plates(
    footage: Footage,
    path: Path,
    edge: int,
    limit: float,
    warn: Callable[[str], None],
    progress: Callable[[int, int], None] | None = None,
) -> FrameStack:
    """(frames, h, w, 3) uint8 display values, the longer edge at most `edge` pixels, area filtered.

    limit: GB on disk; frames that would take more are made smaller, and `warn` gets a sentence about it. A cache that is
    there and has the right shape is used as it is. Raises SetupError where the disk has no room.
    """
    shape = _shape(footage, edge, 1e9 * limit)
    if shape != _shape(footage, edge, math.inf):
        warn(
            f"The {shape[0]} frames would take more than the {limit:g} GB that they may take on disk, so they are trained "
            f"at {shape[2]}x{shape[1]} pixels."
        )
    if path.exists():
        try:
            cached = FrameStack(path)
            if cached.shape == shape:
                return cached
            cached.close()
        except (ValueError, EOFError):
            pass  # not a stack any more: made anew below
    return FrameStack.write(path, shape, _reduced(footage, shape, progress))


def _shape(footage: Footage, edge: int, limit: float) -> tuple[int, int, int, int]:
    """Frames, height, width and channels of a cache of at most `limit` bytes."""
    count, longest = len(footage.frames), max(footage.width, footage.height)
    fitting = longest * math.sqrt(limit / (3.0 * count * footage.width * footage.height))
    factor = min(longest, edge, fitting) / longest
    return count, max(1, round(footage.height * factor)), max(1, round(footage.width * factor)), 3


def _reduced(
    footage: Footage, shape: tuple[int, int, int, int], progress: Callable[[int, int], None] | None
) -> Iterator[np.ndarray]:
    """The frames one after the other, shaped as the cache's."""
    count, height, width, _ = shape
    for i in range(count):
        yield cv2.resize(footage.read_display(i), (width, height), interpolation=cv2.INTER_AREA)
        if progress is not None:
            progress(i + 1, count)
