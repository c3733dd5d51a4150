"""What `farm` does: all shots of JOBS.json on a cluster, each as a template for a farm, or one task of one of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from surface_sos_core.cli.jobs import Refused, read_jobs
from surface_sos_core.ending import explain
from surface_sos_core.errors import InputError, ShotsFailed, SurfaceSosError
from surface_sos_core.events import Events, Listener
from surface_sos_core.farm.open_job import SHOTS_FILE, template, template_name, write_json
from surface_sos_core.farm.ray_engine import run_on_ray
from surface_sos_core.farm.tasks import Job, check_seen, frame_numbers, run_task
from surface_sos_core.jobs_file import read_entries
from surface_sos_core.masks.sources.request import FOUND
from surface_sos_core.terminal import say
from surface_sos_core.wording import counted


def make_shots(args: argparse.Namespace, on_event: Listener) -> None:
    """All shots, on Ray. Raises ShotsFailed where some failed, once the others are done."""
    events = Events(on_event)
    shots = [_seen(shot) for shot in read_jobs(args.jobs, events.warning)]
    jobs = [shot for shot in shots if isinstance(shot, Job)]
    for shot in shots:
        if isinstance(shot, Refused):
            events.warning(f"{shot.name} is left out: {shot.sentence}")
    ended = iter(run_on_ray(jobs, args.ray, args.workers, events, args.chunk_seconds) if jobs else [])
    failed = []
    for shot in shots:
        if isinstance(shot, Job):
            outcome = next(ended).failed
            if outcome is None:
                events.shot(str(shot.out), None, 0)
                continue
            shot = Refused(str(shot.out), f"{outcome.sentence} (on {outcome.machine})", outcome.code)
        events.shot(shot.name, shot.sentence, shot.code)
        failed.append(shot)
    _tell(args, failed, len(shots), "done")


def write_job_templates(args: argparse.Namespace, on_event: Listener) -> None:
    """A template for each shot, and the list of shots that they use. Raises ShotsFailed where some cannot be read, once the
    others are written."""
    events = Events(on_event)
    shots = [_seen(shot) for shot in read_jobs(args.jobs, events.warning)]
    listed = args.openjd / SHOTS_FILE
    if listed.resolve() == args.jobs.resolve():
        raise InputError(f"{listed} would be replaced; give another folder to --openjd.")
    failed = []
    for number, shot in enumerate(shots, start=1):
        if isinstance(shot, Job):
            try:
                path = args.openjd / template_name(shot, number)
                write_json(path, template(shot, number, frame_numbers(shot), args.chunk_seconds))
                if args.events is None:
                    say(f"template  {path}", sys.stdout)
                continue
            except SurfaceSosError as error:
                shot = Refused(str(shot.out), *explain(error))
        failed.append(shot)
    if len(failed) < len(shots):
        write_json(listed, read_entries(args.jobs, FOUND))
    _tell(args, failed, len(shots), "written")


def make_task(args: argparse.Namespace, on_event: Listener) -> None:
    """One task of one shot, here."""
    shots = read_jobs(args.jobs, Events(on_event).warning)
    if args.shot is None or not 1 <= args.shot <= len(shots):
        raise InputError(
            f"--shot N says which of the {counted(len(shots), 'shot')} of {args.jobs} --task is for, from 1."
        )
    shot = shots[args.shot - 1]
    if isinstance(shot, Refused):
        raise ShotsFailed(f"{shot.name}: {shot.sentence}", shot.code)
    frames = args.frames.replace(":", "x") if args.frames is not None else None  # steps as farms write them
    run_task(shot, args.task, on_event, frames)


def _seen(shot: Job | Refused) -> Job | Refused:
    """The shot, if its files are there."""
    if isinstance(shot, Job):
        try:
            check_seen(shot)
        except SurfaceSosError as error:
            return Refused(str(shot.out), *explain(error))
    return shot


def _tell(args: argparse.Namespace, failed: Sequence[Refused], count: int, what: str) -> None:
    if args.events is None:
        say(f"{count - len(failed)} of {counted(count, 'shot')} {what}", sys.stdout)
    if failed:
        told = "; ".join(f"{shot.name}: {shot.sentence}" for shot in failed)
        raise ShotsFailed(f"{len(failed)} of {counted(count, 'shot')} failed. {told}", failed[0].code)
