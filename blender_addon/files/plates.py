"""The plates of a shot as Blender shows them: which files, with which frame numbers. No bpy.

Frames are numbered by the core's own rules, of which the add-on has a copy (frame_numbers).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..core import frame_numbers
from ..errors import AddonError
from .colmap import Image, ModelError

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".exr", ".webp", ".avif", ".heic", ".heif", ".hif",
)  # fmt: skip
_UNSHOWN = (".avif", ".heic", ".heif", ".hif")  # the core reads them, Blender does not
LINEAR_SUFFIX = ".exr"
_PATTERN = re.compile(r"#+|%0?([0-9]*)d")
_DIGITS = re.compile(r"[0-9]+")


class PlateError(AddonError):
    """Footage that is not there or holds no frames; the message is for people."""


@dataclass(frozen=True)
class Plates:
    """A sequence of image files, or a movie.

    title: the name before the number, else the folder's. file: the first image, or the movie. numbers: the
    frame number of each image by its file name without suffix; empty for a movie, whose frames count from 1.
    shown: whether Blender's image sequences, which find a file by the number in its name, can play it.
    """

    title: str
    file: Path
    numbers: dict[str, int]
    shown: bool

    @property
    def is_movie(self) -> bool:
        return self.file.suffix.lower() not in IMAGE_SUFFIXES


def open_plates(footage: str | Path) -> Plates:
    """The frames of a folder, a pattern (plate.####.exr, plate.%04d.png) or a movie.

    Raises PlateError where there is nothing of the kind.
    """
    path = Path(footage)
    if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES:
        return Plates(path.stem, path, {}, True)
    if path.is_dir():
        files, folder = _images(path), path
    elif path.is_file():  # one frame of a sequence, as a file browser gives it
        files, folder = _siblings(path), path.parent
    elif _PATTERN.search(path.name) and path.parent.is_dir():
        whole = _regex(path.name)
        files, folder = [file for file in _images(path.parent) if whole.fullmatch(file.name)], path.parent
    else:
        raise PlateError(f"The footage {path} does not exist; give a folder of frames, a pattern or a movie.")
    if not files:
        raise PlateError(
            f"{path} holds no frames that are read (JPEG, PNG, TIFF, EXR, WebP, AVIF or HEIC); check the path of the footage."
        )
    numbering = frame_numbers.number_names([file.stem for file in files])
    ordered = [files[at] for at in numbering.order]
    numbers = dict(zip((file.stem for file in ordered), numbering.numbers, strict=True))
    shown = numbering.by_name and numbering.at_end and numbering.prefix is not None
    shown = shown and not any(file.suffix.lower() in _UNSHOWN for file in files)
    return Plates(numbering.prefix or folder.resolve().name, ordered[0], numbers, shown)


def sequence_of(file: str) -> str:
    """The pattern of the sequence that an image file is a frame of, such as a file browser gives; other paths as they are.

    Goes by the name alone, so that a path relative to a .blend file stays one: its last number is the frame's.
    """
    name = os.path.basename(file)
    stem, suffix = os.path.splitext(name)
    runs = list(_DIGITS.finditer(stem))
    if suffix.lower() not in IMAGE_SUFFIXES or _PATTERN.search(name) or not runs:
        return file
    last = runs[-1]
    digits = "#" * len(last.group()) if last.group().startswith("0") else "#"
    return file[: len(file) - len(name)] + stem[: last.start()] + digits + stem[last.end() :] + suffix


def numbers_of(stems: list[str]) -> dict[str, int]:
    """The frame number of each name, in order of the frames."""
    numbering = frame_numbers.number_names(stems)
    return {stems[at]: number for at, number in zip(numbering.order, numbering.numbers, strict=True)}


def by_frame(images: Iterable[Image], numbers: dict[str, int]) -> dict[int, Image]:
    """The image of each frame, in order of the frames; `numbers` are frame numbers by names without suffix.

    Without numbers, the images' own names give them. Images that are no frames are left out. Raises
    ModelError where none is, or two are the same.
    """
    by_stem: dict[str, Image] = {}
    for image in images:
        stem = frame_numbers.without_suffix(PurePosixPath(image.name.replace("\\", "/")).name)
        if numbers and stem not in numbers:
            continue
        if stem in by_stem:
            twins = f"{by_stem[stem].name} and {image.name}"
            raise ModelError(f"The images {twins} of the camera model are the same frame; names must differ.")
        by_stem[stem] = image
    if not by_stem:
        name = next(iter(numbers))
        raise ModelError(
            f"No image of the camera model is a frame of the footage, such as {name}; names must agree."
        )
    numbers = numbers or numbers_of(sorted(by_stem, key=frame_numbers.natural_key))
    return {numbers[stem]: by_stem[stem] for stem in sorted(by_stem, key=lambda stem: numbers[stem])}


def common_prefix(stems: Iterable[str]) -> str | None:
    """What all names have before their last number; None where they differ."""
    prefixes = {_prefix(stem) for stem in stems}
    return prefixes.pop() if len(prefixes) == 1 else None


def _images(folder: Path) -> list[Path]:
    names = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    kept = (name for name in names if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES))
    return [folder / name for name in sorted(kept, key=frame_numbers.natural_key)]


def _siblings(file: Path) -> list[Path]:
    prefix, suffix = _prefix(file.stem), file.suffix.lower()
    return [
        one for one in _images(file.parent) if _prefix(one.stem) == prefix and one.suffix.lower() == suffix
    ]


def _prefix(stem: str) -> str:
    places = list(_DIGITS.finditer(stem))
    return stem[: places[-1].start()].rstrip("._- ") if places else stem


def _regex(pattern: str) -> re.Pattern[str]:
    text, at = "", 0
    for place in _PATTERN.finditer(pattern):
        width = len(place.group()) if place.group().startswith("#") else int(place.group(1) or 1)
        text += re.escape(pattern[at : place.start()]) + f"[0-9]{{{min(width, 99)},}}"
        at = place.end()
    return re.compile(text + re.escape(pattern[at:]))
