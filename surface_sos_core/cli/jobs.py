"""JOBS.json, the list of shots that scripts/batch.py reads: each an object of the options of `segment`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surface_sos_core.cli.commands import asked_settings, asked_shot
from surface_sos_core.cli.parsers import parser
from surface_sos_core.ending import explain
from surface_sos_core.errors import InputError
from surface_sos_core.farm.tasks import Job
from surface_sos_core.masks.sources.request import FOUND
from surface_sos_core.shot_folder import Mode

_PATHS = ("footage", "out", "weights", "cameras", "box", "config", "save", "composite")
_BLENDER = ("save", "composite")  # what batch.py does with a shot that is done


@dataclass(frozen=True)
class Refused:
    """An entry that is no shot, or whose options cannot be used."""

    name: str
    sentence: str
    code: int


def read_jobs(path: Path, warn: Callable[[str], None]) -> list[Job | Refused]:
    """The shots in their order. Raises InputError for a file that is no list of shots, or where two would write one folder."""
    entries = read_entries(path)
    jobs = [_job(entry, number) for number, entry in enumerate(entries, start=1)]
    outs = [job.out for job in jobs if isinstance(job, Job)]
    twice = next((out for out in outs if outs.count(out) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two shots would write {twice}; give each an out of its own.")
    if any(isinstance(entry, dict) and entry.keys() & set(_BLENDER) for entry in entries):
        warn(
            f"{path}: save and composite are done by Blender; run scripts/batch.py with --resume once the shots are there."
        )
    return jobs


def read_entries(path: Path) -> list[Any]:
    """What the file holds, with all paths absolute; they are relative to the file's folder there."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read as a list of shots: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise InputError(f'{path} holds no list of shots: write [{{"footage": ..., "out": ...}}, ...].')
    folder = path.resolve().parent
    return [
        {name: _absolute(name, value, folder) for name, value in entry.items()}
        if isinstance(entry, dict)
        else entry
        for entry in entries
    ]


def _absolute(name: str, value: Any, folder: Path) -> Any:
    """The value of an option, the path in it, if any, made absolute."""
    if not isinstance(value, str) or not value.strip():
        return value

    def path(text: str) -> str:
        return os.path.abspath(folder / os.path.expanduser(text))

    if name == "masks":
        source, colon, drawn = value.partition(":")
        if source in FOUND:
            return f"{source}{colon}{path(drawn)}" if drawn else value
        return path(value)
    is_path = name in _PATHS
    is_path |= (name == "ocio" and not value.startswith("ocio://")) or (
        name == "fill" and value.endswith(".onnx")
    )
    return path(value) if is_path else value


def _job(entry: object, number: int) -> Job | Refused:
    name = str(entry.get("out", f"shot {number}")) if isinstance(entry, dict) else f"shot {number}"
    try:
        args = parser().parse_args(_words(entry))
        mode: Mode = "resume" if args.resume else "overwrite" if args.overwrite else "new"
        return Job(asked_shot(args), asked_settings(args), mode)
    except Exception as error:  # noqa: BLE001 (told, with its exit code)
        return Refused(name, *explain(error))


def _words(entry: object) -> list[str]:
    """`segment` as it would be typed for an entry."""
    if not isinstance(entry, dict):
        raise InputError(f'a shot is an object such as {{"footage": ..., "out": ...}}, not {entry!r}.')
    for name in ("footage", "out"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise InputError(f"{name} is missing; it is a path.")
    words = ["segment", entry["footage"]]
    for name, value in entry.items():
        if name != "footage" and name not in _BLENDER:
            for one in value if isinstance(value, list) else [value]:
                words += _word(name, one)
    return words


def _word(name: str, value: Any) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is None or value is False:
        return []
    if not isinstance(value, str | int):
        raise InputError(f"{name} is {value!r}, which is no text or number.")
    return [f"--{name}={value}"]
