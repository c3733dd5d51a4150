"""Footage: the frames of one shot, whatever they are stored in."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import colour, image, sequence
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.footage.frame_store import FrameStore, Size
from surface_sos_core.footage.header import BadImage, Header, read_header
from surface_sos_core.footage.movie import Movie


@dataclass(frozen=True)
class Frame:
    name: str
    """File name without its suffix; STEM.0001 for the first frame of a movie."""
    number: int
    """Plate frame number."""
    file: str
    """What a camera model calls it: file name with suffix; STEM.0001.png for a movie."""


class Frames(Protocol):
    """Where pixels come from: `read(i)` gives frame i as stored, (H, W, 3) uint8, uint16 or float32."""

    width: int
    height: int

    def read(self, index: int) -> np.ndarray: ...


class Stills:
    """Image files of one size."""

    def __init__(self, paths: Sequence[Path], headers: Sequence[Header]) -> None:
        self.paths, self.headers = list(paths), list(headers)
        self.width, self.height = headers[0].width, headers[0].height
        for path, header in zip(paths, headers, strict=True):
            if (header.width, header.height) != (self.width, self.height):
                raise InputError(
                    f"{path.name} is {header.width}x{header.height} but {paths[0].name} is "
                    f"{self.width}x{self.height}: all frames of a shot must have one size"
                )

    def read(self, index: int) -> np.ndarray:
        pixels = image.rgb(image.decode(self.paths[index]))
        if pixels.shape[:2] != (self.height, self.width):
            raise InputError(f"{self.paths[index]} has changed its size since the shot was opened")
        return pixels


class Footage:
    """The frames of a shot, read one at a time: nothing is kept in memory, and on disk only by `stored`."""

    def __init__(
        self,
        source: Path,
        frames: Sequence[Frame],
        pixels: Frames,
        title: str,
        padding: int,
        store: FrameStore | None = None,
    ) -> None:
        self.source = source
        self.frames = tuple(frames)
        self.title = title
        """What layers are named after: the plate's name before its number, or the folder's."""
        self.padding = padding
        """Digits that frame numbers are written with."""
        self._pixels = pixels
        self._store = store

    @contextmanager
    def stored(self, folder: Path | None, sizes: Sequence[Size], gigabytes: float) -> Iterator[Footage]:
        """The same footage whose frames are decoded once: temporary files in `folder` keep them while this lasts.

        sizes: (w, h) that `read_small` and `level` will be asked for. gigabytes: what the frames may take; those that do not
        fit are decoded again.
        """
        with FrameStore(self._pixels.read, len(self.frames), folder, sizes, 1e9 * gigabytes) as store:
            yield Footage(self.source, self.frames, self._pixels, self.title, self.padding, store)

    @property
    def width(self) -> int:
        return self._pixels.width

    @property
    def height(self) -> int:
        return self._pixels.height

    @property
    def is_linear(self) -> bool:
        """Float plates (EXR, float TIFF), whose values go above 1."""
        return isinstance(self._pixels, Stills) and any(header.is_linear for header in self._pixels.headers)

    @property
    def files(self) -> list[Path]:
        """The files that the frames are in."""
        return self._pixels.paths if isinstance(self._pixels, Stills) else [self.source]

    def read_linear(self, index: int) -> np.ndarray:
        """Frame `index` (from 0) as scene-linear Rec.709, (H, W, 3) float32; float plates are not clamped."""
        return colour.to_linear(self._read(index))

    def read_display(self, index: int) -> np.ndarray:
        """Frame `index` (from 0) as sRGB, (H, W, 3) uint8; the bytes of an 8-bit plate as they are."""
        return colour.to_display(self._read(index))

    def read_small(self, index: int, size: Size) -> np.ndarray:
        """Frame `index` as `read_display` gives it, area filtered to `size` (w, h)."""
        if self._store is not None:
            return self._store.small(index, size)
        return cv2.resize(self.read_display(index), size, interpolation=cv2.INTER_AREA)

    def level(self, size: Size, progress: Callable[[int, int], None] | None = None) -> FrameStack:
        """All frames as `read_small` gives them, (frames, h, w, 3), to be read pixel by pixel; only of `stored` footage.

        progress gets (done, total) frames. Raises SetupError where the disk has no room for them.
        """
        if self._store is None:
            raise ValueError("only stored footage has levels")
        return self._store.level(size, progress)

    def _read(self, index: int) -> np.ndarray:
        return self._pixels.read(index) if self._store is None else self._store.read(index)

    def image_folder(self, scratch: Path) -> tuple[Path, list[str]]:
        """A folder with every frame as an 8-bit image, and the frames' names in it, for the camera solver.

        8-bit JPEG and PNG stay where they are. Everything else is written to `scratch`, by the name
        `Frame.file`, with .png after it where it does not end so.
        """
        stills = self._pixels if isinstance(self._pixels, Stills) else None
        if stills and all(header.is_plain for header in stills.headers):
            return stills.paths[0].parent, [frame.file for frame in self.frames]
        names = []
        for index, frame in enumerate(self.frames):
            if stills and stills.headers[index].is_plain:
                names.append(frame.file)
                with write_atomically(scratch / frame.file) as partial:
                    shutil.copyfile(stills.paths[index], partial)
                continue
            names.append(frame.file if frame.file.lower().endswith(".png") else frame.file + ".png")
            _, png = cv2.imencode(
                ".png", self.read_display(index)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1]
            )
            with write_atomically(scratch / names[-1]) as partial:
                png.tofile(partial)
        return scratch, names


def open_footage(
    path: str | Path, skip_bad: bool = False, warn: Callable[[str], None] = warnings.warn
) -> Footage:
    """Opens a folder of frames, a pattern (plate.####.exr, plate.%04d.png) or a movie file.

    Every header is read and every file checked to be whole; pixels are not decoded yet, except for a movie,
    whose frames are counted that way. `warn` gets one sentence about anything unexpected. With `skip_bad`
    frames that cannot be read are left out with a warning.

    Raises InputError where there is nothing, fewer than two frames, frames of several sizes or a bad file.
    """
    path = Path(path)
    if os.path.isdir(path):
        paths = sequence.list_images(path)
        return _open_stills(path, path, paths, skip_bad, warn)
    if os.path.exists(path):
        if path.suffix.lower() in sequence.SUFFIXES:
            raise InputError(
                f"{path} is a single image: give its folder, or a pattern such as plate.####{path.suffix}"
            )
        return _open_movie(path, skip_bad, warn)
    if sequence.is_pattern(path):
        return _open_stills(path, path.parent, sequence.match_pattern(path), skip_bad, warn)
    raise InputError(f"{path} does not exist: give a folder of frames, a pattern or a movie file")


def _open_stills(
    source: Path, folder: Path, paths: Sequence[Path], skip_bad: bool, warn: Callable[[str], None]
) -> Footage:
    if not paths:
        raise InputError(f"{source} has no {sequence.KINDS} frames: check the path of the footage")
    numbered: list[tuple[int, Path]] = []
    headers: list[Header] = []
    for number, path in sequence.number_images(paths, warn):
        try:
            headers.append(read_header(path))
        except BadImage as error:
            if not skip_bad:
                raise InputError(f"{error}: replace it, or leave it out with --skip-bad-frames") from error
            warn(f"{error}; the frame is left out")
        else:
            numbered.append((number, path))
    _check_count(source, len(numbered))
    title, padding = sequence.title_and_padding(numbered, folder)
    frames = [Frame(path.stem, number, path.name) for number, path in numbered]
    return Footage(source, frames, Stills([path for _, path in numbered], headers), title, padding)


def _open_movie(path: Path, skip_bad: bool, warn: Callable[[str], None]) -> Footage:
    movie = Movie(path, skip_bad, warn)
    _check_count(path, len(movie))
    names = [f"{path.stem}.{number:04d}" for number in range(1, len(movie) + 1)]
    frames = [Frame(name, number, f"{name}.png") for number, name in enumerate(names, start=1)]
    return Footage(path, frames, movie, sequence.plain_name(path.stem), 4)


def _check_count(source: Path, count: int) -> None:
    if count < 2:
        had = "one frame" if count else "no frame"
        raise InputError(
            f"{source} has {had} that can be read: the method needs at least two, seen from different "
            "viewpoints (some dozens are better)"
        )
