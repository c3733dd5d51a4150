"""Pictures of all frames in a temporary file, of which only what is asked for comes into memory."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from surface_sos_core.errors import SetupError


class FrameStack:
    """(frames, h, w) or (frames, h, w, channels) uint8, zeros at first, indexed as an array of that shape would be:
    stack[i] is a picture, to be read or written, stack[frames, rows, columns] are pixels (N,) or (N, channels).

    Read by position instead of mapped: pages of a mapped file count as the process's own memory, and a thousand pixels
    drawn at random touch nearly all of them. It takes half a millisecond longer for 1,024 of
    them (docs/log.md). Safe to use from several threads.
    """

    def __init__(self, shape: tuple[int, ...], folder: Path | None = None) -> None:
        """In a file in `folder`, or where the system keeps such files, that is gone when it is closed or the process ends.

        Raises SetupError where the disk has no room for it.
        """
        way = "choose --out on another disk"
        if folder is None:
            folder, way = Path(tempfile.gettempdir()), "set TMPDIR to a folder on another disk"
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(shape, folder, way)
        self.shape = shape
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (`close` closes it)
        self._file.truncate(math.prod(shape))
        self._lock = threading.Lock()  # of the file's position, where a system reads and writes by no other

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: int | tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        if isinstance(at, tuple):
            return self._pixels(*at)
        size = self._size_of(at)
        return self._read([at * size], size).reshape(self.shape[1:])

    def __setitem__(self, at: int, picture: np.ndarray) -> None:
        size = self._size_of(at)
        data = np.ascontiguousarray(picture, np.uint8).data.cast("B")
        if len(data) != size:
            raise ValueError(f"a picture of {picture.shape} does not fit into {self.shape}")
        self._write(at * size, data)

    def _size_of(self, at: int) -> int:
        """Bytes of a picture, of which there has to be number `at`."""
        if not 0 <= at < len(self):
            raise IndexError(f"frame {at} of {len(self)}")
        return math.prod(self.shape[1:])

    def _pixels(self, frames: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        count, height, width, *channels = self.shape
        inside = (frames >= 0) & (frames < count) & (rows >= 0) & (rows < height)
        if not np.all(inside & (columns >= 0) & (columns < width)):
            raise IndexError(f"a pixel lies outside of {count} pictures of {width}x{height}")
        size = math.prod(channels)
        offsets = ((frames.astype(np.int64) * height + rows) * width + columns) * size
        return self._read(offsets.tolist(), size).reshape(len(frames), *channels)

    def _read(self, offsets: list[int], size: int) -> np.ndarray:
        """`size` bytes from each of the offsets, one after the other."""
        file = self._file
        if hasattr(os, "pread"):
            read, number = os.pread, file.fileno()
            parts = [read(number, size, offset) for offset in offsets]
        else:  # Windows
            parts = []
            with self._lock:
                for offset in offsets:
                    file.seek(offset)
                    parts.append(file.read(size))
        return np.frombuffer(bytearray().join(parts), np.uint8)

    def _write(self, offset: int, data: memoryview) -> None:
        while data:
            if hasattr(os, "pwrite"):
                written = os.pwrite(self._file.fileno(), data, offset)
            else:  # Windows
                with self._lock:
                    self._file.seek(offset)
                    written = self._file.write(data)
            data, offset = data[written:], offset + written

    def close(self) -> None:
        """Remove it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def temporary_frames(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros (frames, h, w) uint8 in a mapped temporary file, which is gone when nobody holds them any more.

    Raises SetupError where the disk has no room for them.
    """
    # Pages of a mapping that find no disk to lie on would end the process.
    _check_room(shape, Path(tempfile.gettempdir()), "set TMPDIR to a folder on another disk")
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)


class TemporaryValues:
    """(frames, h, w) float32 in a temporary file, zeros at first, of which only what is asked for comes into memory."""

    def __init__(self, count: int, size: tuple[int, int]) -> None:
        """size: (w, h). Raises SetupError where the disk has no room for them."""
        self._bytes = FrameStack((count, size[1], size[0], 4))

    def __getitem__(self, frame: int) -> np.ndarray:
        return self._bytes[frame].view(np.float32)[..., 0]

    def __setitem__(self, frame: int, values: np.ndarray) -> None:
        self._bytes[frame] = np.ascontiguousarray(values, np.float32)[..., None].view(np.uint8)


def _check_room(shape: tuple[int, ...], folder: Path, way: str) -> None:
    needed, free = math.prod(shape), shutil.disk_usage(folder).free
    if needed > free:
        raise SetupError(
            f"Frames of the shot need {needed / 1e9:.1f} GB in {folder}, where only {free / 1e9:.1f} GB are free: "
            f"make room, or {way}."
        )


def let_go(frames: np.ndarray) -> None:
    """What has been read or written of `temporary_frames` so far leaves the memory; of any other array nothing does.

    Windows does so by itself when memory is short.
    """
    if isinstance(frames.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        frames.base.madvise(mmap.MADV_DONTNEED)
