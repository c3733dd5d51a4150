"""JOBS.json, a list of shots: each an object of the options of `segment`, and of what Blender does with it afterwards.

Standard library only: the command line reads it, and scripts/batch.py inside Blender.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BLENDER = ("save", "composite")
"""What batch.py does with a shot that is done; no options of `segment`."""
_PATHS = ("footage", "out", "weights", "cameras", "box", "config", *BLENDER)


class JobsError(Exception):
    """One sentence on the file, or on a shot in it."""


def read_entries(path: Path, found: Sequence[str]) -> list[Any]:
    """What the file holds, with all paths absolute; they are relative to the file's folder there.

    found: names of the sources that find masks. Raises JobsError for a file that is no list of shots.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise JobsError(
            f"{path} cannot be read as a list of shots: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise JobsError(f'{path} holds no list of shots: write [{{"footage": ..., "out": ...}}, ...].')
    folder = path.resolve().parent
    return [
        {name: absolute(name, value, folder, found) for name, value in entry.items()}
        if isinstance(entry, dict)
        else entry
        for entry in entries
    ]


def absolute(name: str, value: Any, folder: Path, found: Sequence[str]) -> Any:
    """The value of an option, the path in it, if any, made absolute."""
    if not isinstance(value, str) or not value.strip():
        return value

    def path(text: str) -> str:
        return os.path.abspath(folder / os.path.expanduser(text))

    if name == "masks":
        source, colon, drawn = value.partition(":")
        if source in found:
            return f"{source}{colon}{path(drawn)}" if drawn else value
        return path(value)
    is_path = name in _PATHS
    is_path |= (name == "ocio" and not value.startswith("ocio://")) or (
        name == "fill" and value.endswith(".onnx")
    )
    return path(value) if is_path else value


def segment_words(entry: object) -> list[str]:
    """`segment` as it would be typed for a shot. Raises JobsError for what is no shot, or lacks footage or out."""
    given = _shot(entry)
    for name in ("footage", "out"):
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise JobsError(f"{name} is missing; it is a path.")
    options = {name: value for name, value in given.items() if name not in ("footage", *BLENDER)}
    return ["segment", given["footage"], *option_words(options)]


def option_words(entry: object) -> list[str]:
    """All options of a shot as they would be typed. Raises JobsError for what is no shot."""
    return [
        word
        for name, value in _shot(entry).items()
        for one in (value if isinstance(value, list) else [value])
        for word in _word(name, one)
    ]


def _shot(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise JobsError(f'a shot is an object such as {{"footage": ..., "out": ...}}, not {entry!r}.')
    return entry


def _word(name: str, value: Any) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is None or value is False:
        return []
    if not isinstance(value, (str, int)):
        raise JobsError(f"{name} is {value!r}, which is no text or number.")
    return [f"--{name}={value}"]
