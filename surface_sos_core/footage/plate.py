"""Footage: the frames of one shot, whatever they are stored in."""

from __future__ import annotations

import os
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import image, orientation, sequence, timecode
from surface_sos_core.footage.colour import InputSpace
from surface_sos_core.footage.exr import Tags, Window
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.footage.frame_store import FrameStore, Size
from surface_sos_core.footage.header import KINDS, BadImage, Header, NoDecoder, Refused, read_header
from surface_sos_core.footage.input_space import ColourRequest, input_space
from surface_sos_core.footage.movie import Movie
from surface_sos_core.frame_numbers import number_names


@dataclass(frozen=True)
class Frame:
    name: str
    """File name without its suffix; STEM.0001 for the first frame of a movie."""
    number: int
    """Plate frame number."""
    file: str
    """What a camera model calls it: file name with suffix; STEM.0001.png for a movie."""


class Stills:
    """Image files of one size. `layer`: of EXR files, which one is the picture.

    As of a movie, `read(i)` gives frame i as stored, (H, W, 3) uint8, uint16 or float32, and `tags(i)` what its header says.
    """

    def __init__(self, paths: Sequence[Path], headers: Sequence[Header], layer: str | None = None) -> None:
        self.paths, self.headers, self.layer = list(paths), list(headers), layer
        for path, header in zip(paths, headers, strict=True):
            if (header.width, header.height) != (headers[0].width, headers[0].height):
                raise InputError(
                    f"{path.name} is {header.width}x{header.height} but {paths[0].name} is "
                    f"{headers[0].width}x{headers[0].height}: all frames of a shot must have one size"
                )
        self.window = _common_window(headers)
        """Of EXR files, the pixels that are used: the display window and what all frames store around it."""
        self.width, self.height = headers[0].width, headers[0].height
        if self.window is not None:
            left, top, right, bottom = self.window
            self.width, self.height = right - left + 1, bottom - top + 1

    @property
    def is_linear(self) -> bool:
        return any(header.is_linear for header in self.headers)

    def read(self, index: int) -> np.ndarray:
        pixels = image.rgb(image.decode(self.paths[index], self.layer, self.window))
        if pixels.shape[:2] != (self.height, self.width):
            raise InputError(f"{self.paths[index]} has changed its size since the shot was opened")
        return pixels

    def tags(self, index: int) -> Tags:
        return self.headers[index].tags


class MovieFrames(Movie):
    """A movie's frames, each with its own time code."""

    def tags(self, index: int) -> Tags:
        if self.file_tags.timecode is None or self.file_tags.fps is None:
            return self.file_tags
        code = timecode.after(self.file_tags.timecode, index, self.file_tags.fps)
        return replace(self.file_tags, timecode=code)


class Footage:
    """The frames of a shot, read one at a time: nothing is kept in memory, and on disk only by `stored`."""

    def __init__(
        self,
        source: Path,
        frames: Sequence[Frame],
        pixels: Stills | MovieFrames,
        title: str,
        padding: int,
        counted: bool,
        colour: ColourRequest,
        space: InputSpace,
        store: FrameStore | None = None,
    ) -> None:
        self.source = source
        self.frames = tuple(frames)
        self.title = title
        """What layers are named after: the plate's name before its number, or the folder's."""
        self.padding = padding
        """Digits that frame numbers are written with."""
        self.counted = counted
        """Whether frame numbers are places, from 1, as a movie's are; else they are those of the names."""
        self._pixels = pixels
        self.colour = colour
        """What was asked for as its colour space."""
        self.space = space
        """What its pixels are in."""
        self._store = store

    @contextmanager
    def stored(self, folder: Path | None, sizes: Sequence[Size], gigabytes: float) -> Iterator[Footage]:
        """The same footage whose frames are decoded once: temporary files in `folder` keep them while this lasts.

        sizes: (w, h) that `read_small` and `level` will be asked for. gigabytes: what the frames may take; those that do not
        fit are decoded again.
        """
        count, display = len(self.frames), self.space.to_display
        with FrameStore(self._pixels.read, count, folder, sizes, 1e9 * gigabytes, display) as store:
            yield Footage(
                self.source, self.frames, self._pixels, self.title, self.padding, self.counted, self.colour, self.space, store
            )  # fmt: skip

    @property
    def is_stored(self) -> bool:
        """Whether its frames are those of `stored`."""
        return self._store is not None

    @property
    def width(self) -> int:
        return self._pixels.width

    @property
    def height(self) -> int:
        return self._pixels.height

    @property
    def is_linear(self) -> bool:
        """Float plates (EXR, float TIFF): scene-linear where nothing says otherwise."""
        return isinstance(self._pixels, Stills) and self._pixels.is_linear

    @property
    def files(self) -> list[Path]:
        """The files that the frames are in."""
        return self._pixels.paths if isinstance(self._pixels, Stills) else [self.source]

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.files[0].parent

    @property
    def headers(self) -> list[Header]:
        """Of each frame's file; empty for a movie."""
        return self._pixels.headers if isinstance(self._pixels, Stills) else []

    @property
    def layer(self) -> str | None:
        """Which layer of EXR files was asked for."""
        return self._pixels.layer if isinstance(self._pixels, Stills) else None

    @property
    def display_window(self) -> Window:
        """Left, top, right, bottom (both ends included) of the picture proper, in pixels from the first one that is stored;
        EXR files may store more around it."""
        window = self._pixels.window if isinstance(self._pixels, Stills) else None
        layer = self.headers[0].layer if window is not None else None
        if window is None or layer is None:
            return 0, 0, self.width - 1, self.height - 1
        left, top, right, bottom = layer.part.display_window
        return left - window[0], top - window[1], right - window[0], bottom - window[1]

    @property
    def origin(self) -> tuple[int, int]:
        """Where the first stored pixel lies in the coordinates of the plate's own header."""
        window = self._pixels.window if isinstance(self._pixels, Stills) else None
        return window[:2] if window is not None else (0, 0)

    def tags(self, index: int) -> Tags:
        """What the header of frame `index` says beside its pixels."""
        return self._pixels.tags(index)

    @property
    def orientation(self) -> str:
        """How its frames lie, where files ask for a turn; else ""."""
        if isinstance(self._pixels, Stills):
            return orientation.described(header.orientation for header in self._pixels.headers)
        turn = self._pixels.orientation
        return "" if turn == 1 else f"frames are turned as the movie says (EXIF orientation {turn})"

    def read_scene(self, index: int) -> np.ndarray:
        """Frame `index` (from 0) in the plate's own scene-linear space, (H, W, 3) float32."""
        return self.space.to_scene(self._read(index))

    def read_linear(self, index: int) -> np.ndarray:
        """Frame `index` (from 0) as scene-linear Rec.709, (H, W, 3) float32; float plates are not clamped."""
        return self.space.to_linear(self._read(index))

    def read_display(self, index: int) -> np.ndarray:
        """Frame `index` (from 0) as sRGB, (H, W, 3) uint8; the bytes of an 8-bit plate as they are."""
        return self.space.to_display(self._read(index))

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

        8-bit JPEG and PNG in sRGB stay where they are. Everything else is written to `scratch`, by the name
        `Frame.file`, with .png after it where it does not end so.
        """
        stills = self._pixels if isinstance(self._pixels, Stills) else None
        if stills and self.space.is_default and all(header.is_plain for header in stills.headers):
            return stills.paths[0].parent, [frame.file for frame in self.frames]
        names = []
        for index, frame in enumerate(self.frames):
            if stills and self.space.is_default and stills.headers[index].is_plain:
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


_NO_REQUEST = ColourRequest()


def open_footage(
    path: str | Path,
    skip_bad: bool = False,
    warn: Callable[[str], None] = warnings.warn,
    layer: str | None = None,
    colour: ColourRequest = _NO_REQUEST,
) -> Footage:
    """Opens a folder of frames, a pattern (plate.####.exr, plate.%04d.png) or a movie file.

    Every header is read and every file checked to be whole; pixels are not decoded yet, except for a movie,
    whose frames are counted that way. `warn` gets one sentence about anything unexpected. With `skip_bad`
    frames that cannot be read are left out with a warning. `layer`: which one of EXR files is the picture, by its name.
    `colour`: what is said of the colour space.

    Raises InputError where there is nothing, fewer than two frames, frames of several sizes or a bad file.
    """
    path = Path(path)
    if os.path.isdir(path):
        return _open_stills(path, path, sequence.list_images(path), skip_bad, warn, layer, colour)
    if os.path.exists(path):
        if path.suffix.lower() in sequence.SUFFIXES:
            raise InputError(
                f"{path} is a single image: give its folder, or a pattern such as plate.####{path.suffix}"
            )
        if layer is not None:
            raise InputError(f"--layer {layer} is for EXR files, and {path} is a movie: leave it away")
        return _open_movie(path, skip_bad, warn, colour)
    if sequence.is_pattern(path):
        return _open_stills(path, path.parent, sequence.match_pattern(path), skip_bad, warn, layer, colour)
    raise InputError(f"{path} does not exist: give a folder of frames, a pattern or a movie file")


def _open_stills(
    source: Path,
    folder: Path,
    paths: Sequence[Path],
    skip_bad: bool,
    warn: Callable[[str], None],
    layer: str | None,
    colour: ColourRequest,
) -> Footage:
    left_out = sequence.unread_images(folder) if source == folder else []
    if not paths:
        raise InputError(_nothing_in(source, folder, left_out))
    twins = _same_frame(paths)
    if twins:
        raise InputError(
            f"{twins[0].name} and {twins[1].name} in {folder} are the same frame twice: choose one kind by a pattern such as "
            f"plate.####{twins[0].suffix}"
        )
    numbering = number_names([path.stem for path in paths])
    if numbering.note:
        warn(numbering.note)
    kept: list[tuple[int, Path, Header]] = []
    for at, number in zip(numbering.order, numbering.numbers, strict=True):
        try:
            kept.append((number, paths[at], read_header(paths[at], layer)))
        except BadImage as error:
            if isinstance(error, NoDecoder) and any(path.suffix.lower() not in _HEIC for path in paths):
                left_out.append(paths[at])
                continue
            if not skip_bad and isinstance(error, Refused):
                raise
            if not skip_bad:
                raise InputError(f"{error}: replace it, or leave it out with --skip-bad-frames") from error
            warn(f"{error}; the frame is left out")
    if left_out:
        warn(
            f"{len(left_out)} pictures in {folder} are left out, of kinds that are not read here "
            f"({sequence.listed(left_out)}): convert them to {KINDS} if they are frames."
        )
    _check_count(source, len(kept))
    frames = [Frame(path.stem, number, path.name) for number, path, _ in kept]
    stills = Stills([path for _, path, _ in kept], [header for _, _, header in kept], layer)
    for note in _told_of_layers(stills):
        warn(note)
    title = sequence.plain_name(numbering.prefix or folder.resolve().name)
    space = input_space(stills.paths[0], stills.headers, stills.is_linear, colour, warn)
    footage = Footage(source, frames, stills, title, numbering.padding, not numbering.by_name, colour, space)
    if footage.orientation:
        warn(
            f"{footage.orientation[0].upper()}{footage.orientation[1:]}; cameras, masks and layers lie as they do."
        )
    return footage


_HEIC = (".heic", ".heif", ".hif")


def _nothing_in(source: Path, folder: Path, left_out: Sequence[Path]) -> str:
    """What to say where no image was found."""
    if left_out:
        return (
            f"{source} has {len(left_out)} pictures of kinds that are not read ({sequence.listed(left_out)}): "
            f"convert them to {KINDS}"
        )
    inner = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and sequence.list_images(entry)]
    if inner and source == folder:
        return f"{source} has frames only in folders of it ({sequence.listed(inner)}): give one of these"
    return f"{source} has no {KINDS} frames: check the path of the footage"


def _same_frame(paths: Sequence[Path]) -> tuple[Path, Path] | None:
    """Two files of one name in different formats."""
    by_stem: dict[str, Path] = {}
    for path in paths:
        twin = by_stem.setdefault(path.stem, path)
        if twin is not path:
            return twin, path
    return None


def _common_window(headers: Sequence[Header]) -> Window | None:
    """Of EXR files with one display window, that and what all of them store around it; None for other files."""
    layers = [header.layer for header in headers]
    parts = [layer.part for layer in layers if layer is not None]
    if len(parts) < len(headers) or len({part.display_window for part in parts}) > 1:
        return None
    left, top, right, bottom = parts[0].display_window
    windows = np.array([part.data_window for part in parts])
    return (
        min(left, int(windows[:, 0].max())),
        min(top, int(windows[:, 1].max())),
        max(right, int(windows[:, 2].min())),
        max(bottom, int(windows[:, 3].min())),
    )


def _told_of_layers(stills: Stills) -> list[str]:
    """What is to be known of which layers were taken, and where frames' headers do not agree."""
    notes = []
    layers = [header.layer for header in stills.headers if header.layer is not None]
    names = Counter(layer.name for layer in layers)
    if len(names) > 1:
        kinds = ", ".join(f"{name} in {count}" for name, count in names.most_common(4))
        notes.append(
            f"The frames have different layers as their picture: {kinds}; give one of them to --layer."
        )
    elif layers and layers[0].rivals:
        notes.append(
            f"The picture is taken from the layer {layers[0].name}; {', '.join(layers[0].rivals[:4])} could be it as well: "
            f"--layer NAME takes another."
        )
    if len({header.tags.pixel_aspect for header in stills.headers}) > 1:
        notes.append(
            "The frames' pixels have different aspects by their headers; that of the first frame counts."
        )
    return notes


def _open_movie(path: Path, skip_bad: bool, warn: Callable[[str], None], colour: ColourRequest) -> Footage:
    movie = MovieFrames(path, skip_bad, warn)
    _check_count(path, len(movie))
    names = [f"{path.stem}.{number:04d}" for number in range(1, len(movie) + 1)]
    frames = [Frame(name, number, f"{name}.png") for number, name in enumerate(names, start=1)]
    space = input_space(path, (), False, colour, warn)
    return Footage(path, frames, movie, sequence.plain_name(path.stem), 4, True, colour, space)


def _check_count(source: Path, count: int) -> None:
    if count < 2:
        had = "one frame" if count else "no frame"
        raise InputError(
            f"{source} has {had} that can be read: the method needs at least two, seen from different "
            "viewpoints (some dozens are better)"
        )
