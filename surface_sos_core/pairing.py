"""Which file belongs to which frame: masks, and images of a camera model, by their names, else by the numbers in them.

Standard library only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from surface_sos_core.frame_numbers import own_numbers, without_suffix


class NamedFrame(Protocol):
    """A frame as pairing needs it: see footage.Frame."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...


@dataclass(frozen=True)
class Pairs:
    """of: for each frame that has any, the positions of its files; more than one where names do not tell them apart."""

    of: dict[int, list[int]]
    by_number: bool = False
    shifted: bool = False
    """Whether the numbers of the files were counted from their own first one."""


def pair(frames: Sequence[NamedFrame], files: Sequence[str], counted: bool) -> Pairs:
    """By name: plate.1001.exr belongs to plate.1001.jpg, plate.1001, and plate.1001.jpg.png; where no name fits, by number.

    files: names, perhaps below folders; counted: the frames have no numbers of their own (a movie's), so that their place
    counts: from 0 where a file is numbered 0, from the first number where there is a file for every frame, else from 1.
    """
    names = [PurePosixPath(file.replace("\\", "/")).name for file in files]
    by_key: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        for key in {name, without_suffix(name)}:
            by_key.setdefault(key, []).append(i)
    of: dict[int, list[int]] = {}
    for i, frame in enumerate(frames):
        found = [at for at in by_key.get(frame.file, []) if names[at] == frame.file]
        found = found or by_key.get(frame.name, []) or by_key.get(frame.file, [])
        if found:
            of[i] = found
    return Pairs(of) if of else _by_number(frames, names, counted)


def nearest_folder(files: Sequence[str], found: Sequence[int], folders: Sequence[str]) -> list[int]:
    """Those of the files `found` whose folders agree with most of `folders`, counted from the innermost."""

    def agreeing(at: int) -> int:
        own = PurePosixPath(files[at].replace("\\", "/")).parts[-2::-1]
        pairs = zip(own, reversed(folders), strict=False)
        return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(own), len(folders)))

    most = max(agreeing(at) for at in found)
    return [at for at in found if agreeing(at) == most]


def _by_number(frames: Sequence[NamedFrame], names: Sequence[str], counted: bool) -> Pairs:
    """By numbers that only one file has."""
    told = own_numbers([without_suffix(name) for name in names])
    times = Counter(told)
    at = {number: i for i, number in enumerate(told) if number is not None and times[number] == 1}
    if not at:
        return Pairs({})
    numbers = own_numbers([frame.name for frame in frames])
    known = {number for number in numbers if number is not None}
    low, high = min(at), max(at)
    whole = len(at) == len(frames) == high - low + 1
    shifted = False
    if counted or len(known) < len(frames):
        first = low if whole or low == 0 else 1
        shifted = first != 1
        numbers = list(range(first, first + len(frames)))
    elif whole and {low, min(known)} == {0, 1} and max(known) - min(known) == high - low:
        shifted = True  # both are whole, and one counts from 0, the other from 1
        numbers = [number - min(known) + low for number in numbers if number is not None]
    of = {i: [at[number]] for i, number in enumerate(numbers) if number is not None and number in at}
    return Pairs(of, True, shifted)
