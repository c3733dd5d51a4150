"""Names of files and the numbers in them: which frame each is, and in which order they come.

Standard library only: the Blender add-on ships a copy of this file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LAST_FRAME = 1_048_574
"""Blender's last frame; larger numbers, times in milliseconds say, do not fit an EXR's imageCounter either."""

_RUN = re.compile(r"([0-9]+)")
_MINUS = re.compile(r"(?:^|[._ ])-$")
_SUFFIX = re.compile(r"\.(?=[^.]*[A-Za-z])[A-Za-z0-9]{1,5}$")


@dataclass(frozen=True)
class Numbering:
    """Frames in their order."""

    order: tuple[int, ...]
    """Where each frame is among the names that were given."""
    numbers: tuple[int, ...]
    """The number of each frame."""
    prefix: str | None
    """What all names have before the number; None where they differ, or are numbered by their order."""
    padding: int
    """Digits that numbers are written with; 4 where the names do not pad theirs."""
    by_name: bool
    """Whether the numbers are those in the names."""
    at_end: bool
    """Whether the numbers are the last ones in the names, where programs look for them."""
    note: str = ""
    """Why the frames are numbered by their order, where one would expect the names' own numbers."""


def number_names(stems: Sequence[str]) -> Numbering:
    """Numbers of names without suffixes.

    Names that are alike but for one number are numbered by it, others by their last. They are numbered by their natural
    order from 1 where a name has no number, two have the same, the last number does not go up with the names (as the
    seconds of a date do not), or a number is none that Blender has.
    """
    natural = sorted(range(len(stems)), key=lambda i: natural_key(stems[i]))
    split = [_split(stem) for stem in stems]
    bare = next((i for i in natural if not split[i][1]), None)
    if bare is not None:
        numbered = next((stems[i] for i in natural if split[i][1]), None)
        return _by_order(natural, f"{stems[bare]} has no number and {numbered} has one" if numbered else "")
    changing = _changing(split)
    at = changing[0] if len(changing) == 1 else -1
    numbers = _numbers_at(split, at)
    first: dict[int, int] = {}
    for i in natural:
        if numbers[i] in first:
            twin = stems[first[numbers[i]]]
            return _by_order(
                natural,
                f"{stems[i]} has the same number as {twin}; if the folder holds more than one sequence, choose one by a "
                "pattern such as plate.####.exr",
            )
        first[numbers[i]] = i
    ordered = sorted(range(len(stems)), key=lambda i: numbers[i])
    if len(changing) > 1 and ordered != natural:
        return _by_order(
            natural, f"the last number of names such as {stems[natural[0]]} does not go up with them"
        )
    for i in (ordered[0], ordered[-1]):
        if not 0 <= numbers[i] <= LAST_FRAME:
            limits = f"below 0 or above {LAST_FRAME}, Blender's last frame"
            return _by_order(ordered, f"the number of {stems[i]} is {limits}")
    runs = [digits[at] for _, digits in split]
    prefixes = {_prefix(texts, digits, at) for texts, digits in split}
    widths = {len(run) for run in runs}
    padded = len(widths) == 1 or any(run.startswith("0") and len(run) > 1 for run in runs)
    return Numbering(
        tuple(ordered),
        tuple(numbers[i] for i in ordered),
        prefixes.pop() if len(prefixes) == 1 else None,
        min(widths) if padded else 4,
        by_name=True,
        at_end=at in (-1, len(split[0][1]) - 1),
    )


def own_numbers(stems: Sequence[str]) -> list[int | None]:
    """The number of each name by which `number_names` would tell frames apart; None for a name without any."""
    split = [_split(stem) for stem in stems]
    told = [i for i, (_, digits) in enumerate(split) if digits]
    changing = _changing([split[i] for i in told])
    numbers = _numbers_at([split[i] for i in told], changing[0] if len(changing) == 1 else -1)
    found: list[int | None] = [None] * len(stems)
    for i, number in zip(told, numbers, strict=True):
        found[i] = number
    return found


def last_number(stem: str) -> int | None:
    """The last run of digits of a name without its suffix."""
    runs = _RUN.findall(stem)
    return int(runs[-1]) if runs else None


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sorts frame9 before frame10."""
    parts = _RUN.split(name)
    return [(int(part), "") if index % 2 else (0, part.lower()) for index, part in enumerate(parts)], name


def without_suffix(name: str) -> str:
    """A file's name without the suffix of a format: plate.1001 has none, since it is a number that ends it."""
    return _SUFFIX.sub("", name)


def _by_order(order: list[int], reason: str) -> Numbering:
    note = f"The frames are numbered by their order from 1: {reason}." if reason else ""
    return Numbering(tuple(order), tuple(range(1, len(order) + 1)), None, 4, False, False, note)


def _split(stem: str) -> tuple[list[str], list[str]]:
    """What is between the runs of digits, and these."""
    parts = _RUN.split(stem)
    return parts[::2], parts[1::2]


def _changing(split: Sequence[tuple[list[str], list[str]]]) -> list[int]:
    """Which of the numbers of names differ, where the names are alike but for them."""
    shapes = {(tuple(_unsigned(texts)), len(digits)) for texts, digits in split}
    if len(shapes) != 1:
        return []
    return [k for k in range(len(split[0][1])) if len({int(digits[k]) for _, digits in split}) > 1]


def _numbers_at(split: Sequence[tuple[list[str], list[str]]], at: int) -> list[int]:
    signed = [_is_negative(texts, digits) for texts, digits in split]
    minus = not all(signed)  # a dash before every number parts it from the name
    return [
        -int(digits[at]) if minus and negative else int(digits[at])
        for (_, digits), negative in zip(split, signed, strict=True)
    ]


def _unsigned(texts: list[str]) -> list[str]:
    return [text[:-1] if _MINUS.search(text) else text for text in texts]


def _is_negative(texts: list[str], digits: list[str]) -> bool:
    return _MINUS.search(texts[len(digits) - 1]) is not None


def _prefix(texts: list[str], digits: list[str], at: int) -> str:
    at %= len(digits)
    texts = _unsigned(texts)
    return "".join(text + run for text, run in zip(texts[: at + 1], [*digits[:at], ""], strict=True)).rstrip(
        "._- "
    )
