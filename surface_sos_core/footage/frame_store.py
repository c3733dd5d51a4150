"""The frames of a shot on disk: each is decoded once, and kept as it is stored and at the sizes that are asked for."""

from __future__ import annotations

import math
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from surface_sos_core.footage.colour import to_display
from surface_sos_core.footage.frame_stack import FrameStack

Size = tuple[int, int]
"""Width and height."""

_DISK_SHARE = 0.5  # of what is free, for whole frames: layers want room too


class FrameStore:
    """Frames as they are stored, as many as `most_bytes` of disk hold, and all of them at smaller sizes.

    read(i): frame i of `count`, decoded, (H, W, 3) uint8, uint16 or float32. folder: where the temporary files go. sizes:
    what will be asked for; each decoded frame is reduced to all of them, so that one which is not kept whole need not be
    decoded for every size. These take their disk first. display: decoded pixels to 8-bit sRGB. Safe to use from several threads.
    """

    def __init__(
        self,
        read: Callable[[int], np.ndarray],
        count: int,
        folder: Path | None,
        sizes: Sequence[Size],
        most_bytes: float,
        display: Callable[[np.ndarray], np.ndarray] = to_display,
    ) -> None:
        self._decode, self._display = read, display
        self._count, self._folder, self._sizes = count, folder, tuple(set(sizes))
        self._most_bytes = most_bytes - sum(3 * count * math.prod(size) for size in self._sizes)
        self._levels: dict[Size, FrameStack] = {}
        self._reduced: set[tuple[Size, int]] = set()
        self._whole: FrameStack | None = None
        self._kind = np.dtype(np.uint8)
        self._slots: dict[int, int] = {}
        self._lock = threading.RLock()

    def read(self, index: int) -> np.ndarray:
        """Frame `index` as it is stored."""
        whole, slot = self._whole, self._slots.get(index)
        if whole is not None and slot is not None:
            return whole[slot].view(self._kind)
        pixels = self._decode(index)
        with self._lock:
            self._keep(index, pixels)
            for size in self._sizes:
                self._reduce(index, size, pixels)
        return pixels

    def small(self, index: int, size: Size) -> np.ndarray:
        """Display values (h, w, 3) uint8 of frame `index`, area filtered to `size`."""
        if (size, index) not in self._reduced:
            pixels = self.read(index)
            with self._lock:
                self._reduce(index, size, pixels)
        return self._levels[size][index]

    def level(self, size: Size, progress: Callable[[int, int], None] | None = None) -> FrameStack:
        """All frames at a size, (frames, h, w, 3) uint8, as `small` gives them; the store closes it.

        progress gets (done, total) frames. Raises SetupError where the disk has no room for them.
        """
        for i in range(self._count):
            self.small(i, size)
            if progress is not None:
                progress(i + 1, self._count)
        return self._levels[size]

    def close(self) -> None:
        """Remove everything that is kept."""
        for stack in (*self._levels.values(), *([] if self._whole is None else [self._whole])):
            stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reduce(self, index: int, size: Size, pixels: np.ndarray) -> None:
        if (size, index) in self._reduced:
            return
        if size not in self._levels:
            self._levels[size] = FrameStack((self._count, size[1], size[0], 3), self._folder)
        self._levels[size][index] = cv2.resize(self._display(pixels), size, interpolation=cv2.INTER_AREA)
        self._reduced.add((size, index))

    def _keep(self, index: int, pixels: np.ndarray) -> None:
        """Keep a frame whole where there is room left, and where it is stored as the first one is."""
        if self._whole is None:
            self._kind = pixels.dtype
            self._whole = self._room_for(pixels)
        slot = len(self._slots)
        if index not in self._slots and slot < len(self._whole) and pixels.dtype == self._kind:
            self._whole[slot] = pixels.view(np.uint8)
            self._slots[index] = slot

    def _room_for(self, pixels: np.ndarray) -> FrameStack:
        height, width, channels = pixels.shape
        folder = self._folder or Path(tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        room = min(self._most_bytes, _DISK_SHARE * shutil.disk_usage(folder).free)
        count = max(0, min(self._count, int(room // pixels.nbytes)))
        return FrameStack((count, height, width, channels * pixels.itemsize), self._folder)
