"""A shot as tasks. Each may run on any machine that sees the shot's files, and again at any time: what is done is kept.

inspect, cameras, masks and train follow each other, then come layers in chunks of frames, and the mesh beside them; report
ends the shot: it enters all layers into shot.json and makes what is missing still. Where one is done already it ends at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from surface_sos_core.ending import explain
from surface_sos_core.errors import InputError, SetupError
from surface_sos_core.events import Listener
from surface_sos_core.farm.graph import ON_GPU, Name
from surface_sos_core.footage import ColourRequest, open_footage, parse_frames
from surface_sos_core.masks.sources.request import NETWORKS
from surface_sos_core.pipeline import Shot, make_missing_layers, make_missing_mesh, segment
from surface_sos_core.settings import Settings
from surface_sos_core.shot_folder import Mode, ShotFolder


@dataclass(frozen=True)
class Job:
    """A shot to be made; its paths are absolute. mode: what is done with a shot that is in its folder already, see `_mode`."""

    shot: Shot
    settings: Settings
    mode: Mode = "new"

    @property
    def out(self) -> Path:
        return Path(self.shot.out)

    def missing_path(self) -> Path | None:
        """One of the files that a machine has to see, and this one does not."""
        shot, masks = self.shot, self.shot.mask_request()
        given = [shot.cameras, shot.box, shot.weights, masks.path]
        footage = Path(shot.footage)
        is_pattern = any(mark in footage.name for mark in "#%") and not footage.exists()
        paths = [footage.parent if is_pattern else footage, *(Path(path) for path in given if path is not None)]
        return next((path for path in paths if not path.exists()), None)

    def may_use_gpu(self, name: Name) -> bool:
        """Whether a task of this name would compute on a GPU."""
        is_network = self.shot.mask_request().name in NETWORKS
        return self.settings.device != "cpu" and (name in ON_GPU or (name == "masks" and is_network))


def run_task(job: Job, name: Name, on_event: Listener | None = None, frames: str | None = None) -> None:
    """Do one task of a shot; raises the errors of `segment`. frames: those that get layers, of the task of this name."""
    settings = job.settings
    if settings.device == "cuda" and not job.may_use_gpu(name):
        settings = replace(settings, device="auto")  # a machine without one does as well
    if name == "inspect":
        segment(job.shot, settings, on_event, _mode(job), until="footage")
    elif name == "layers":
        make_missing_layers(job.out, settings, on_event, frames or job.shot.frames)
    elif name == "mesh":
        make_missing_mesh(job.out, settings, on_event)
    elif name == "report":
        segment(job.shot, settings, on_event, "resume")
    else:
        segment(job.shot, settings, on_event, "resume", until=name)


def _mode(job: Job) -> Mode:
    """How a shot is begun. A farm's jobs are run again to go on, so a shot of the same footage is no obstacle."""
    folder = ShotFolder(job.out)
    if job.mode == "overwrite":
        return "overwrite" if folder.out.is_dir() and folder.contents() else "new"
    if not folder.out.is_dir() or not folder.contents():
        return "new"
    folder.check("resume")
    if job.mode == "new" and folder.manifest().footage.path != str(Path(job.shot.footage).resolve()):
        folder.check("new")  # says what may be done
    return "resume"


def frame_numbers(job: Job) -> list[int]:
    """Of the frames that get layers, in order. Raises InputError for footage that cannot be read."""
    shot = job.shot
    colour = ColourRequest.asked(shot.colour_space, shot.ocio)
    footage = open_footage(shot.footage, shot.skip_bad_frames, lambda message: None, shot.layer, colour)
    numbers = [frame.number for frame in footage.frames]
    return numbers if shot.frames is None else [numbers[i] for i in parse_frames(shot.frames, numbers)]


@dataclass(frozen=True)
class Outcome:
    """How a task ended, on which machine."""

    code: int
    """An exit code of the command line's."""
    sentence: str
    """What went wrong; empty where nothing did."""
    seconds: float
    machine: str
    warnings: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()
    """Of `inspect`: those that get layers."""


def ended_task(job: Job, name: Name, machine: str, on_event: Listener, frames: str | None = None) -> Outcome:
    """Do one task and tell how it ended, whatever that is; only a request to end comes out as it is."""
    begun, warnings = time.monotonic(), []

    def hear(event: dict[str, object]) -> None:
        if event["event"] == "warning":
            warnings.append(str(event["message"]))
        on_event(event)

    code, sentence, numbers = 0, "", []
    try:
        _see(job, machine)
        run_task(job, name, hear, frames)
        numbers = frame_numbers(job) if name == "inspect" else []
    except Exception as error:  # noqa: BLE001 (told, with its exit code)
        sentence, code = explain(error, job.out)
    return Outcome(code, sentence, time.monotonic() - begun, machine, tuple(warnings), tuple(numbers))


def _see(job: Job, machine: str) -> None:
    """Raises SetupError where this machine lacks what the one that began the jobs has seen."""
    hidden = job.missing_path()
    if hidden is not None:
        raise SetupError(f"{machine} does not see {hidden}: mount the folder there, under the same path.")


def check_seen(job: Job) -> None:
    """Raises InputError for a path that is not there at all."""
    missing = job.missing_path()
    if missing is not None:
        raise InputError(f"{missing} does not exist: check the path.")


def as_text(numbers: list[int]) -> str:
    """Ascending frame numbers as `--frames` takes them.

    >>> as_text([1001, 1002, 1003, 1007])
    '1001-1003,1007'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
