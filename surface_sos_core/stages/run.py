"""A run through the stages: what they share, what it keeps of an earlier one, and how a shot folder is opened again."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from surface_sos_core.cameras import Camera, match_cameras, read_model
from surface_sos_core.device import choose_device
from surface_sos_core.errors import InputError, is_out_of_memory
from surface_sos_core.events import Events
from surface_sos_core.footage import Footage, open_footage, parse_frames
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, write_manifest
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import read_consensus
from surface_sos_core.settings import Settings, settings_from_dict
from surface_sos_core.shot_folder import ShotFolder, file_stamps, software_versions

STAGES = ("footage", "cameras", "masks", "train", "layers", "mesh", "report")
LEAST_TRACK = 3  # frames that must have seen a sparse point before it guides the fields
_LISTED = 4  # changed inputs that are named
_Made = TypeVar("_Made")


@dataclass
class Run:
    """What the stages share: the folder, the settings, the frames with their cameras, and what to tell."""

    folder: ShotFolder
    settings: Settings
    events: Events
    footage: Footage
    manifest: Manifest
    cameras: list[Camera | None]
    selected: list[int]
    worked: bool = False
    """Whether a stage had anything to do."""

    def stage(self, name: str) -> None:
        """Tell that one of STAGES begins."""
        self.events.stage(name, STAGES.index(name) + 1, len(STAGES))

    def progress(self, unit: str) -> Callable[[int, int], None]:
        """What tells how many of a stage's units are done, of how many."""
        return lambda done, total: self.events.progress(done, total, unit)

    def keeps(self, stage: str, inputs: dict[str, Any]) -> bool:
        """Whether what `stage` made here is good still; tells what has changed where it is not.

        A stage that is not kept loses its note, so that what it replaces from now on never counts as finished.
        """
        changes = self.folder.changes(stage, inputs)
        if changes == []:
            return True
        if changes:
            more = f" and {len(changes) - _LISTED} more" if len(changes) > _LISTED else ""
            self.events.warning(
                f"The stage {stage} is done again: {', '.join(changes[:_LISTED])}{more} changed since."
            )
        self.folder.forget(stage)
        self.manifest.timings.pop(stage, None)
        self.manifest.stages = [name for name in self.manifest.stages if name not in (stage, "report")]
        self.worked = True
        return False

    def read_kept(self, stage: str, inputs: dict[str, Any], read: Callable[[], _Made]) -> _Made | None:
        """What `stage` made of the same inputs; None where it has to be made, be it that its files are damaged."""
        if not self.keeps(stage, inputs):
            return None
        try:
            return read()
        except InputError as error:
            self.events.warning(f"The stage {stage} is done again: {error}")
            self.folder.forget(stage)
            self.worked = True
            return None

    def save(self, finished: str | None = None) -> None:
        """Bring shot.json up to date."""
        if finished is not None:
            self.events.end_stage()
            stages = {*self.manifest.stages, finished}
            self.manifest.stages = [name for name in STAGES if name in stages]
        for stage, spent in self.events.timings.items():
            self.manifest.timings[stage] = round(self.manifest.timings.get(stage, 0.0) + spent, 2)
        self.events.timings.clear()
        self.manifest.warnings = list(dict.fromkeys([*self.manifest.warnings, *self.events.warnings]))
        write_manifest(self.folder.out, self.manifest)

    def once_smaller(self, stage: str, work: Callable[[int], _Made]) -> _Made:
        """What `work(1)` makes or, where memory runs out, `work(4)`: the same from batches of a quarter the size."""
        try:
            return work(1)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        gc.collect()  # outside the handler, which would hold on to the frames and their tensors
        torch.cuda.empty_cache()
        self.events.warning(f"Memory ran out in the stage {stage}; it is tried again in smaller parts.")
        return work(4)


def existing_shot(out: Path) -> ShotFolder:
    """The folder of a shot that is there; raises InputError where it is not."""
    folder = ShotFolder(Path(out))
    folder.manifest()
    return folder


def open_shot(
    out: Path, settings: Settings | None, events: Events, frames: str | None = None
) -> tuple[Run, Consensus]:
    """A shot folder as an earlier run left it: its footage, cameras and masks."""
    folder = ShotFolder(out)
    manifest = folder.manifest()
    settings = settings or settings_from_dict(manifest.settings)
    selected = selected_frames(frames, [entry.frame for entry in manifest.frames])
    footage = open_footage(manifest.footage.path, True, events.warning)
    run = Run(folder, settings, events, footage, manifest, [], selected)
    if len(manifest.frames) != len(footage.frames):
        raise InputError(
            f"{manifest.footage.path} now has {len(footage.frames)} frames, the shot in {out} was made from "
            f"{len(manifest.frames)}; bring the footage back or segment it again."
        )
    if manifest.cameras is None or not folder.consensus.exists():
        raise InputError(
            f"{out} has no cameras and masks yet; run `surface-sos segment ... --out {out} --resume` first."
        )
    run.cameras = match_cameras(read_model(folder.cameras), footage, events.warning)
    return run, read_consensus(folder.consensus, len(footage.frames))


def new_manifest(footage: Footage, settings: Settings) -> Manifest:
    """Of a shot that nothing has been made for."""
    return Manifest(
        footage=FootageEntry(
            str(Path(footage.source).resolve()), footage.width, footage.height, footage.title
        ),
        frames=[FrameEntry(frame.name, frame.number) for frame in footage.frames],
        settings=settings.as_dict(),
        software=software_versions(),
    )


def take_over(run: Run, earlier: Manifest) -> None:
    """Go on with what an earlier run of the same frames has made; each stage decides whether that is good still.

    The layers of frames that the footage has no more are removed: nothing would name them from now on.
    """
    manifest = run.manifest
    made = {(entry.name, entry.frame): entry.layers for entry in earlier.frames}
    for entry in manifest.frames:
        entry.layers = made.pop((entry.name, entry.frame), None)
    for lost in filter(None, made.values()):
        (run.folder.out / lost).unlink(missing_ok=True)
    manifest.box, manifest.cameras = earlier.box, earlier.cameras
    manifest.mesh, manifest.metrics = earlier.mesh, earlier.metrics
    manifest.timings, manifest.stages = dict(earlier.timings), list(earlier.stages)
    manifest.warnings = list(earlier.warnings)


def selected_frames(frames: str | None, numbers: list[int]) -> list[int]:
    """Which frames, of such numbers, `--frames` asks for; all of them by None."""
    return list(range(len(numbers))) if frames is None else parse_frames(frames, numbers)


def prepare_device(settings: Settings) -> torch.device:
    """The device to compute on, PyTorch's random numbers begun from the seed."""
    device = choose_device(settings.device)
    torch.manual_seed(settings.seed)
    return device


def footage_stamp(footage: Footage) -> list[Any]:
    """What tells whether the frames are those of an earlier run."""
    return [file_stamps(footage.files), footage.width, footage.height]


def training_inputs(run: Run) -> dict[str, Any]:
    """What the fields come from: by the content of what earlier stages have written."""
    settings = run.settings
    made = {name: run.folder.cameras / f"{name}.txt" for name in ("cameras", "images", "points3D")}
    written = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in made.items()}
    return {
        "footage": footage_stamp(run.footage),
        "consensus": hashlib.sha256(run.folder.consensus.read_bytes()).hexdigest(),
        "model": written,
        "settings": {**settings.of_stage("train"), "seed": settings.seed},
    }
