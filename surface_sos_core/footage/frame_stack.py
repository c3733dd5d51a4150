"""Pictures of all frames in one file on disk, of which only what is asked for comes into memory."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from surface_sos_core.arrays import read_head
from surface_sos_core.errors import SetupError
from surface_sos_core.files import write_atomically


class FrameStack:
    """(frames, h, w) or (frames, h, w, channels) uint8 in a .npy file, indexed as an array of that shape would be:
    stack[i] is a picture, stack[frames, rows, columns] are pixels (N,) or (N, channels).

    Read by position instead of mapped: pages of a mapped file count as the process's own memory, and a thousand pixels
    drawn at random touch nearly all of them. It takes half a millisecond longer for 1,024 of
    them (docs/log.md).
    """

    def __init__(self, path: Path) -> None:
        """Raises ValueError or EOFError where the file is not such a stack, or cut short."""
        self._file = path.open("rb", buffering=0)
        try:
            shape, by_columns, dtype = read_head(self._file)
            self._start = self._file.tell()
            if dtype != np.uint8 or len(shape) not in (3, 4) or by_columns:
                raise ValueError(f"{path} is no stack of frames")
            if self._file.seek(0, os.SEEK_END) != self._start + math.prod(shape):
                raise EOFError(f"{path} is cut short")
        except BaseException:
            self._file.close()
            raise
        self.shape: tuple[int, ...] = shape

    @staticmethod
    def write(path: Path, shape: tuple[int, ...], pictures: Iterable[np.ndarray]) -> FrameStack:
        """Write the pictures of all frames one after the other; raises SetupError where the disk has no room for them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_room(shape, path.parent, "choose --out on another disk")
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        with write_atomically(path) as partial, partial.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for picture in pictures:
                file.write(np.ascontiguousarray(picture, np.uint8).data)
            file.close()  # Windows moves no file that is open
        return FrameStack(path)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: int | tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        if isinstance(at, tuple):
            return self._pixels(*at)
        size = math.prod(self.shape[1:])
        if not 0 <= at < len(self):
            raise IndexError(f"frame {at} of {len(self)}")
        return self._read([at * size], size).reshape(self.shape[1:])

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
        start, file = self._start, self._file
        if hasattr(os, "pread"):
            read, number = os.pread, file.fileno()
            parts = [read(number, size, start + offset) for offset in offsets]
        else:  # Windows
            parts = []
            for offset in offsets:
                file.seek(start + offset)
                parts.append(file.read(size))
        return np.frombuffer(bytearray().join(parts), np.uint8)

    def close(self) -> None:
        """Let go of the file; Windows removes none that is open."""
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


class TemporaryPictures:
    """(frames, h, w) or (frames, h, w, channels) uint8 on disk, zeros at first, of which only what is asked for comes into
    memory."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Raises SetupError where the disk has no room for them."""
        self._frames = temporary_frames(shape)

    def __getitem__(self, frame: int) -> np.ndarray:
        picture = np.array(self._frames[frame])
        let_go(self._frames)
        return picture

    def __setitem__(self, frame: int, picture: np.ndarray) -> None:
        self._frames[frame] = picture
        let_go(self._frames)


class TemporaryValues:
    """The same for (frames, h, w) float32."""

    def __init__(self, count: int, size: tuple[int, int]) -> None:
        """size: (w, h). Raises SetupError where the disk has no room for them."""
        self._bytes = TemporaryPictures((count, size[1], size[0], 4))

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
