"""The shots of JOBS.json, as jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from surface_sos_core.cli.commands import asked_settings, asked_shot
from surface_sos_core.cli.parsers import parser
from surface_sos_core.ending import explain
from surface_sos_core.errors import InputError
from surface_sos_core.farm.tasks import Job
from surface_sos_core.jobs_file import BLENDER, read_entries, segment_words
from surface_sos_core.masks.sources.request import FOUND
from surface_sos_core.shot_folder import Mode


@dataclass(frozen=True)
class Refused:
    """An entry that is no shot, or whose options cannot be used."""

    name: str
    sentence: str
    code: int


def read_jobs(path: Path, warn: Callable[[str], None]) -> list[Job | Refused]:
    """The shots in their order. Raises JobsError for a file that is no list of shots, InputError where two would
    write one folder."""
    entries = read_entries(path, FOUND)
    jobs = [_job(entry, number) for number, entry in enumerate(entries, start=1)]
    outs = [job.out for job in jobs if isinstance(job, Job)]
    twice = next((out for out in outs if outs.count(out) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two shots would write {twice}; give each an out of its own.")
    if any(isinstance(entry, dict) and entry.keys() & set(BLENDER) for entry in entries):
        warn(
            f"{path}: save and composite are done by Blender: scripts/batch.py takes the list too, now with --ray, or with --resume later."
        )
    return jobs


def _job(entry: object, number: int) -> Job | Refused:
    name = str(entry.get("out", f"shot {number}")) if isinstance(entry, dict) else f"shot {number}"
    try:
        args = parser().parse_args(segment_words(entry))
        mode: Mode = "resume" if args.resume else "overwrite" if args.overwrite else "new"
        return Job(asked_shot(args), asked_settings(args), mode)
    except Exception as error:  # noqa: BLE001 (told, with its exit code)
        return Refused(name, *explain(error))
