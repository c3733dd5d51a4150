"""All frames at a reduced size in one memory-mapped file, so that training reads only the pixels it draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.files import write_atomically
from surface_sos_core.footage import Footage


def cached_plates(
    footage: Footage, path: Path, edge: int, progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """(frames, h, w, 3) uint8 display values, the longer edge at most `edge` pixels, area filtered.

    A cache that is there and has the right shape is used as it is.
    """
    factor = min(1.0, edge / max(footage.width, footage.height))
    width, height = max(1, round(footage.width * factor)), max(1, round(footage.height * factor))
    shape = (len(footage.frames), height, width, 3)
    if path.exists():
        try:
            cached = np.load(path, mmap_mode="r", allow_pickle=False)
            if cached.shape == shape and cached.dtype == np.uint8:
                return cached
        except (ValueError, EOFError):
            pass  # not an array any more: made anew below
    with write_atomically(path) as partial:
        plates = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for i in range(shape[0]):
            plates[i] = cv2.resize(footage.read_display(i), (width, height), interpolation=cv2.INTER_AREA)
            if progress is not None:
                progress(i + 1, shape[0])
        plates.flush()
        del plates  # Windows moves no file that is mapped
    return np.load(path, mmap_mode="r", allow_pickle=False)
