"""Numbered images on disk: which files there are, in which order, with which frame numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from surface_sos_core.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".exr")
KINDS = "JPEG, PNG, TIFF or EXR"

LONGEST_NAME = 200  # bytes of a name that something is added to; disks take 255

_PATTERN = re.compile(r"#+|%0?([0-9]*)d")
_DIGITS = re.compile(r"[0-9]+")


def is_pattern(path: Path) -> bool:
    return _PATTERN.search(path.name) is not None


def list_images(folder: Path) -> list[Path]:
    """The images of a folder by suffix, in natural order of their names; hidden files are left out."""
    names = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    return sorted(
        (folder / name for name in names if not name.startswith(".") and name.lower().endswith(SUFFIXES)),
        key=natural_key,
    )


def match_pattern(pattern: Path) -> list[Path]:
    """The images that a pattern such as plate.####.exr or plate.%04d.png stands for, in natural order."""
    if not pattern.parent.is_dir():
        raise InputError(f"{pattern.parent} is not a folder: check the path of the footage")
    text, regex, at = pattern.name, "", 0
    for place in _PATTERN.finditer(text):
        width = len(place.group()) if place.group().startswith("#") else int(place.group(1) or 1)
        regex += re.escape(text[at : place.start()]) + f"[0-9]{{{min(width, 99)},}}"
        at = place.end()
    whole = re.compile(regex + re.escape(text[at:]))
    return [path for path in list_images(pattern.parent) if whole.fullmatch(path.name)]


def natural_key(path: Path) -> tuple[list[str | int], str]:
    """Sorts frame9 before frame10."""
    parts = re.split(r"([0-9]+)", path.name)
    return [int(part) if index % 2 else part.lower() for index, part in enumerate(parts)], path.name


def plain_name(name: str) -> str:
    """The name without what leads to another folder or ends a name on any system, and not too long for a file."""
    plain = re.sub(r"[\\/\0]", "_", name)
    short = os.fsencode(plain)[:LONGEST_NAME]
    return plain if len(short) < LONGEST_NAME else short.decode("utf-8", "ignore")


def last_number(stem: str) -> int | None:
    """The last run of digits of a name without its suffix."""
    runs = _DIGITS.findall(stem)
    return int(runs[-1]) if runs else None


def number_images(paths: Sequence[Path], warn: Callable[[str], None]) -> list[tuple[int, Path]]:
    """Frame number and file in order of the numbers.

    The number is the last of the name. Where a name has none, or two have the same, all are numbered by their
    place in natural order of names, from 1.
    """
    by_number: dict[int, Path] = {}
    for path in paths:
        number = last_number(path.stem)
        if number is not None and number not in by_number:
            by_number[number] = path
            continue
        if by_number:
            twin = f" the same number as {by_number[number].name}" if number is not None else " no number"
            warn(
                f"{path.name} has{twin}, so frames are numbered by their order from 1; if the folder holds "
                "more than one sequence, choose one by a pattern such as plate.####.exr"
            )
        return list(enumerate(paths, start=1))
    return sorted(by_number.items())


def title_and_padding(numbered: Sequence[tuple[int, Path]], folder: Path) -> tuple[str, int]:
    """What the frames are called before their number, and how many digits their numbers are written with.

    The name is the folder's where the frames have no common one; the digits are 4 where the plate does not pad.
    """
    prefixes, runs = set(), []
    for number, path in numbered:
        places = list(_DIGITS.finditer(path.stem))
        if not places or int(places[-1].group()) != number:  # numbered by order
            return plain_name(folder.resolve().name), 4
        prefixes.add(path.stem[: places[-1].start()].rstrip("._- "))
        runs.append(places[-1].group())
    widths = {len(run) for run in runs}
    padded = len(widths) == 1 or any(run.startswith("0") and len(run) > 1 for run in runs)
    title = prefixes.pop() if len(prefixes) == 1 else ""
    return plain_name(title or folder.resolve().name), min(widths) if padded else 4
