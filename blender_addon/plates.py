"""The plates of a shot as Blender shows them: which files, with which frame numbers. No bpy.

The rules are the core's (DESIGN: command line): a frame's number is the last run of digits of its name, and
its place in the order of names where a name has none or two have the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .colmap import Image, ModelError
from .errors import AddonError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".exr")
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
        raise PlateError(f"{path} holds no JPEG, PNG, TIFF or EXR frames; check the path of the footage.")
    numbers = numbers_of([file.stem for file in files])
    by_name = all(last_number(stem) == number for stem, number in numbers.items())
    first = min(files, key=lambda file: numbers[file.stem])
    title = common_prefix(numbers) if by_name else None
    return Plates(title or folder.resolve().name, first, numbers, title is not None)


def numbers_of(stems: list[str]) -> dict[str, int]:
    """The frame number of each name, given in natural order."""
    found = [last_number(stem) for stem in stems]
    if None in found or len(set(found)) < len(found):
        return {stem: place for place, stem in enumerate(stems, start=1)}
    return {stem: number for stem, number in zip(stems, found, strict=True) if number is not None}


def by_frame(images: Iterable[Image], numbers: dict[str, int]) -> dict[int, Image]:
    """The image of each frame, in order of the frames; `numbers` are frame numbers by names without suffix.

    Without numbers, the images' own names give them. Images that are no frames are left out. Raises
    ModelError where none is, or two are the same.
    """
    by_stem: dict[str, Image] = {}
    for image in images:
        stem = PurePosixPath(image.name.replace("\\", "/")).stem
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
    numbers = numbers or numbers_of(sorted(by_stem, key=natural_key))
    return {numbers[stem]: by_stem[stem] for stem in sorted(by_stem, key=lambda stem: numbers[stem])}


def common_prefix(stems: Iterable[str]) -> str | None:
    """What all names have before their last number; None where they differ."""
    prefixes = {_prefix(stem) for stem in stems}
    return prefixes.pop() if len(prefixes) == 1 else None


def last_number(stem: str) -> int | None:
    """The last run of digits of a name without its suffix."""
    runs = _DIGITS.findall(stem)
    return int(runs[-1]) if runs else None


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts frame9 before frame10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if index % 2 else (0, part.lower()) for index, part in enumerate(parts)]


def _images(folder: Path) -> list[Path]:
    names = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    kept = (name for name in names if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES))
    return [folder / name for name in sorted(kept, key=natural_key)]


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
