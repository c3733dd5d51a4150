"""Images of a folder or a pattern: which files there are, and which are left out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from surface_sos_core.errors import InputError
from surface_sos_core.frame_numbers import natural_key

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".exr", ".webp", ".avif", ".heic", ".heif", ".hif",
)  # fmt: skip
UNREAD = (
    ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".x3f", ".3fr", ".iiq", ".gpr",
    ".dpx", ".cin", ".psd", ".psb", ".jp2", ".j2k", ".jxl", ".bmp", ".tga", ".gif", ".hdr", ".sgi", ".rgb", ".ppm", ".pnm",
    ".pfm", ".kra", ".xcf", ".svg",
)  # fmt: skip
"""Pictures that are not read, and are named where they lie among others."""

LONGEST_NAME = 200  # bytes of a name that something is added to; disks take 255

_PATTERN = re.compile(r"#+|%0?([0-9]*)d")


def is_pattern(path: Path) -> bool:
    return _PATTERN.search(path.name) is not None


def list_images(folder: Path) -> list[Path]:
    """The images of a folder by suffix, in natural order of their names; hidden files are left out."""
    return _with_suffix(folder, SUFFIXES)


def unread_images(folder: Path) -> list[Path]:
    """Pictures of a folder that are of kinds which are not read."""
    return _with_suffix(folder, UNREAD)


def _with_suffix(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    names = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    kept = (name for name in names if not name.startswith(".") and name.lower().endswith(suffixes))
    return [folder / name for name in sorted(kept, key=natural_key)]


def match_pattern(pattern: Path) -> list[Path]:
    """The images that a pattern such as plate.####.exr or plate.%04d.png stands for, in natural order."""
    if not pattern.parent.is_dir():
        raise InputError(f"{pattern.parent} is not a folder: check the path of the footage")
    text, regex, at = pattern.name, "", 0
    for place in _PATTERN.finditer(text):
        width = len(place.group()) if place.group().startswith("#") else int(place.group(1) or 1)
        width = min(width, 99)  # a minus is a digit's place
        regex += re.escape(text[at : place.start()]) + f"(?:[0-9]{{{width},}}|-[0-9]{{{max(1, width - 1)},}})"
        at = place.end()
    whole = re.compile(regex + re.escape(text[at:]))
    return [path for path in list_images(pattern.parent) if whole.fullmatch(path.name)]


def plain_name(name: str) -> str:
    """The name without what leads to another folder or ends a name on any system, and not too long for a file."""
    plain = re.sub(r"[\\/\0]", "_", name)
    short = os.fsencode(plain)[:LONGEST_NAME]
    return plain if len(short) < LONGEST_NAME else short.decode("utf-8", "ignore")


def listed(paths: Sequence[Path], most: int = 5) -> str:
    """The first file names, with dots where there are more."""
    return ", ".join(path.name for path in paths[:most]) + (", ..." if len(paths) > most else "")
