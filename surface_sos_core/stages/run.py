"""A run through the stages: what they share, what it keeps of an earlier one, and how a shot folder is opened again."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from surface_sos_core.cameras import Camera, match_cameras, read_model
from surface_sos_core.device import choose_device
from surface_sos_core.errors import InputError, is_out_of_memory
from surface_sos_core.events import Events
from surface_sos_core.footage import ColourRequest, Footage, open_footage, parse_frames
from surface_sos_core.footage.training_size import training_size
from surface_sos_core.manifest import FootageEntry, FrameEntry, MadeEntry, Manifest, write_manifest
from surface_sos_core.masks.coarse import reduced_size
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import read_consensus
from surface_sos_core.provenance import joined, software_versions
from surface_sos_core.settings import STAGE_GROUPS, Settings, groups_of, settings_from_dict
from surface_sos_core.shot_folder import ContentStamps, ShotFolder, file_stamps
from surface_sos_core.wording import counted

STAGES = ("footage", "cameras", "masks", "train", "layers", "mesh", "report")
MOVING_STAGES = (
    "footage",
    "masks",
    "cameras",
    "layers",
    "report",
)  # a subject that moves is held out of solving
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
    stamps: ContentStamps = field(default_factory=ContentStamps)
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
            self.events.warning(
                f"The stage {stage} is done again: {self._listed(stage, changes, inputs)} changed since."
            )
        self.folder.forget(stage)
        self.manifest.made.pop(stage, None)
        self.manifest.timings.pop(stage, None)
        self.manifest.stages = [name for name in self.manifest.stages if name not in (stage, "report")]
        self.worked = True
        return False

    def _listed(self, stage: str, changes: list[str], inputs: dict[str, Any]) -> str:
        """The inputs that have changed, the first of them by name."""
        names = list(changes)
        if "code" in names:  # first, with both versions
            names.remove("code")
            made = self.manifest.made.get(stage)
            then = made.code if made else "an older one"
            names.insert(0, f"the program ({then}, now {inputs['code']})")
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"{', '.join(names[:_LISTED])}{more}"

    def note(self, stage: str, inputs: dict[str, Any]) -> None:
        """Note what `stage` was finished with or, where it keeps what is half done, begun with: all its files are this
        run's. Its `inputs` hold the version of its code as "code"."""
        self.folder.note(stage, inputs)
        self.manifest.made[stage] = MadeEntry(inputs["code"], software_versions())
        values = self.settings.as_dict()
        self.manifest.settings |= {group: values[group] for group in groups_of(stage)}

    def adds_to(self, stage: str, code: str, software: dict[str, str] | None = None) -> None:
        """Note that some files of `stage` were made by these versions (None: this process's), the others by earlier ones."""
        used = software_versions() if software is None else software
        entry = self.manifest.made.setdefault(stage, MadeEntry(code, dict(used)))
        entry.code = joined([entry.code, code])
        for name, version in used.items():
            entry.software[name] = joined([entry.software.get(name, version), version])
        self.made_more()

    def made_more(self) -> None:
        """Note that something is there now which the report does not show."""
        self.worked = True
        self.manifest.stages = [name for name in self.manifest.stages if name != "report"]

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
        self.manifest.software |= all_software(self.manifest.made)
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


def all_software(made: dict[str, MadeEntry]) -> dict[str, str]:
    """Every version of each library that made something here."""
    used = [entry.software for entry in made.values()]
    names = sorted({name for software in used for name in software})
    return {name: joined([software[name] for software in used if name in software]) for name in names}


def existing_shot(out: str | Path) -> ShotFolder:
    """The folder of a shot that is there; raises InputError where it is not."""
    folder = ShotFolder(Path(out))
    folder.manifest()
    return folder


def reopened(
    out: Path, settings: Settings | None, events: Events, stage: str, frames: str | None = None
) -> tuple[Run, Consensus]:
    """A shot folder as an earlier run left it, its footage, cameras and masks, to do `stage` of it again.

    Of `settings` only what the stage reads counts, the device, and the seed where it trains; all else is as it was when
    what the stage goes on from was made.
    """
    own = settings_from_dict(ShotFolder(out).manifest().settings)
    run = reopened_run(out, for_stage(stage, settings, own), events, frames)
    if is_moving(run.folder):
        raise InputError(
            f"The subject of {out} moves, so it has no fields to do this from; `surface-sos segment ... --out {out} --resume` "
            "makes what such a shot has."
        )
    return run, kept_consensus(run)


def reopened_run(out: Path, settings: Settings, events: Events, frames: str | None = None) -> Run:
    """A shot folder as an earlier run left it, with its footage, and its cameras where it has some; `settings` to go on by."""
    folder = ShotFolder(out)
    manifest = folder.manifest()
    selected = selected_frames(frames, [entry.frame for entry in manifest.frames])
    entry = manifest.footage
    colour = ColourRequest(entry.colour_space, entry.ocio)
    footage = open_footage(entry.path, True, events.warning, entry.layer, colour)
    if len(manifest.frames) != len(footage.frames):
        raise InputError(
            f"{manifest.footage.path} now has {counted(len(footage.frames), 'frame')}, the shot in {out} was made from "
            f"{len(manifest.frames)}; bring the footage back or segment it again."
        )
    cameras: list[Camera | None] = [None] * len(footage.frames)
    if manifest.cameras is not None:
        cameras = match_cameras(read_model(folder.cameras), footage, events.warning)
    return Run(folder, settings, events, footage, manifest, cameras, selected)


def is_moving(folder: ShotFolder) -> bool:
    """Whether it is a shot whose subject was found to move."""
    return folder.subject.exists() and not folder.consensus.exists()


def kept_consensus(run: Run) -> Consensus:
    """What the masks agree on, as it was kept; InputError where there is nothing yet."""
    out = run.folder.out
    if run.manifest.cameras is None or not run.folder.consensus.exists():
        raise InputError(
            f"{out} has no cameras and masks yet; run `surface-sos segment ... --out {out} --resume` first."
        )
    return read_consensus(run.folder.consensus, len(run.footage.frames))


def for_stage(stage: str, asked: Settings | None, own: Settings) -> Settings:
    """A shot's own settings with those that `stage` reads as they are asked for."""
    if asked is None:
        return own
    read: dict[str, Any] = {group: getattr(asked, group) for group in STAGE_GROUPS[stage]}
    if stage == "train":
        read |= {"preset": asked.preset, "seed": asked.seed}
    return dataclasses.replace(own, device=asked.device, **read)


def new_manifest(footage: Footage, settings: Settings, source: str = "auto") -> Manifest:
    """Of a shot that nothing has been made for; `source`: where its masks come from."""
    tags = footage.tags(0)
    return Manifest(
        footage=FootageEntry(
            str(Path(footage.source).resolve()),
            footage.width,
            footage.height,
            footage.title,
            footage.layer,
            footage.colour.space,
            footage.colour.config,
            tags.pixel_aspect,
            float(tags.fps) if tags.fps is not None else None,
        ),
        frames=[FrameEntry(frame.name, frame.number) for frame in footage.frames],
        settings=settings.as_dict(),
        colour_space=footage.space.identity,
        layers_space=footage.space.scene.interop_id or footage.space.scene.name,
        objects={"object": source},
    )


def take_over(run: Run, earlier: Manifest) -> None:
    """Go on with what an earlier run of the same frames has made; each stage decides whether that is good still.

    The layers of frames that the footage has no more are removed: nothing would name them from now on.
    """
    manifest = run.manifest
    made = {(entry.name, entry.frame): entry for entry in earlier.frames}
    for entry in manifest.frames:
        before = made.pop((entry.name, entry.frame), entry)
        entry.layers, entry.doubts = before.layers, list(before.doubts)
    for lost in filter(None, (entry.layers for entry in made.values())):
        (run.folder.out / lost).unlink(missing_ok=True)
    manifest.made, manifest.software = dict(earlier.made), dict(earlier.software)
    used = {group for stage in earlier.made for group in groups_of(stage)}
    manifest.settings |= {group: earlier.settings[group] for group in used & earlier.settings.keys()}
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


def frames_kept(footage: Footage, settings: Settings, folder: Path) -> AbstractContextManager[Footage]:
    """The footage whose frames are decoded once, at the sizes that the stages look at, in temporary files in `folder`."""
    gigabytes = settings.footage.cache_gigabytes
    trained = training_size(footage, settings.train.image_edge, gigabytes, lambda message: None)
    edges = (settings.start.edge, settings.mending.edge)
    return footage.stored(folder, [trained, *(reduced_size(footage, edge) for edge in edges)], gigabytes)


def footage_stamp(footage: Footage) -> list[Any]:
    """What tells whether the frames are those of an earlier run."""
    asked = filter(None, [footage.layer, footage.space.key])
    return [file_stamps(footage.files), footage.width, footage.height, *asked]


def model_stamp(run: Run) -> dict[str, str]:
    """The camera model that the shot has, by content."""
    files = {name: run.folder.cameras / f"{name}.txt" for name in ("cameras", "images", "points3D")}
    return {name: run.stamps.of(path) for name, path in files.items()}


def training_inputs(run: Run, code: str) -> dict[str, Any]:
    """What the fields come from: by the content of what earlier stages have written. `code`: the training's version."""
    return {
        "footage": footage_stamp(run.footage),
        "consensus": run.stamps.of(run.folder.consensus),
        "model": model_stamp(run),
        "settings": {**run.settings.of_stage("train"), "seed": run.settings.seed},
        "code": code,
    }


def inputs_from_fields(run: Run, stage: str, code: str) -> dict[str, Any]:
    """What `stage`, by the version `code` of it, makes of the trained fields: what these come from, and its settings."""
    trained = run.manifest.made.get("train")
    inputs = training_inputs(run, code)
    inputs["fields"] = trained.code if trained else None
    inputs["settings"] |= run.settings.of_stage(stage)
    return inputs
