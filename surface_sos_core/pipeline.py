"""The product's table of contents: each stage in order, from footage to report."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from surface_sos_core.cameras import (
    Box,
    Camera,
    CameraModel,
    match_cameras,
    model_files,
    read_box,
    read_model,
    solve_cameras,
    triangulate_points,
    write_model,
)
from surface_sos_core.datasets.dataset import write_shot
from surface_sos_core.datasets.read import read_dataset
from surface_sos_core.device import choose_device
from surface_sos_core.errors import Cancelled, InputError, is_out_of_memory
from surface_sos_core.evaluate.pictures import write_worst_pictures
from surface_sos_core.evaluate.report import write_report
from surface_sos_core.evaluate.summary import report_data
from surface_sos_core.evaluate.truth import evaluate_shot
from surface_sos_core.events import Events
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import Footage, open_footage, parse_frames
from surface_sos_core.footage.cache import cached_plates
from surface_sos_core.footage.exposure import exposure_gains, read_gains, save_gains
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.footage.sequence import plain_name
from surface_sos_core.interruption import held_back
from surface_sos_core.layers.at_once import frames_at_once, in_order
from surface_sos_core.layers.exr import write_layers
from surface_sos_core.layers.stage import Studio, frame_layers, open_studio, view_layers
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, MeshEntry, write_manifest
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import (
    Consensus,
    build_consensus,
    contradiction,
    read_consensus,
    save_consensus,
    unpack_masks,
)
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.masks.sources.source import MaskShot, MaskSource
from surface_sos_core.masks.write import check_masks_folder, reasons_told, write_masks
from surface_sos_core.mesh.export import write_glb, write_ply
from surface_sos_core.mesh.surface import object_surface
from surface_sos_core.settings import Settings, preset, settings_from_dict
from surface_sos_core.shot_folder import ModelFolder, ShotFolder, file_stamps, software_versions
from surface_sos_core.train.batches import Batches, sights_of
from surface_sos_core.train.checkpoint import load_newest, previous_of, remove_checkpoints, save_trainer
from surface_sos_core.train.preview import write_preview
from surface_sos_core.train.trainer import Trainer

_LEAST_TRACK = 3  # frames that must have seen a sparse point before it guides the fields
_LISTED = 4  # changed inputs that are named
_Made = TypeVar("_Made")
_STAGES = ("footage", "cameras", "masks", "train", "layers", "mesh", "report")


@dataclass(frozen=True)
class Shot:
    """What a person has: footage, where the results go, and whatever else is known of it.

    footage: a folder, a pattern or a movie. masks: where coarse masks come from, as `--masks` takes it (None: automatic),
    with the weights and the pick of some sources. cameras: a COLMAP model. box: a JSON file of the scene box. frames:
    which frames get layers ("1001-1040x2,1055"); all of them train.
    """

    footage: str | Path
    out: Path
    masks: str | Path | None = None
    cameras: Path | None = None
    box: Path | None = None
    frames: str | None = None
    skip_bad_frames: bool = False
    weights: Path | None = None
    pick: str | None = None


@dataclass
class _Run:
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
        self.events.stage(name, _STAGES.index(name) + 1, len(_STAGES))

    def progress(self, unit: str) -> Callable[[int, int], None]:
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

    def save(self, finished: str | None = None) -> None:
        """Bring shot.json up to date."""
        if finished is not None:
            self.events.end_stage()
            stages = {*self.manifest.stages, finished}
            self.manifest.stages = [name for name in _STAGES if name in stages]
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


def segment(
    shot: Shot, settings: Settings | None = None, events: Events | None = None, mode: str = "new"
) -> Path:
    """Everything: cameras, mattes, clean plates, mesh, report. Returns the path of shot.json.

    mode: new, resume (finished stages whose inputs are unchanged are kept) or overwrite. Raises the errors of errors.py;
    nothing in OUT is touched before the inputs have been read.
    """
    settings, events = settings or preset("default"), events or Events()
    started = time.monotonic()
    folder = ShotFolder(Path(shot.out))
    folder.check(mode)
    request = MaskRequest.parse("auto" if shot.masks is None else str(shot.masks), shot.weights, shot.pick)
    device = _prepare_device(settings)

    events.stage("footage", 1, len(_STAGES))
    footage = open_footage(shot.footage, shot.skip_bad_frames, events.warning)
    selected = _selected(shot.frames, [frame.number for frame in footage.frames])
    given_box = read_box(shot.box) if shot.box is not None else None
    given_cameras = read_model(shot.cameras) if shot.cameras is not None else None
    if given_cameras is not None:
        match_cameras(given_cameras, footage, lambda message: None)
        _check_parallax(given_cameras)
    source = open_source(request, footage, events.warning)

    with folder.locked():
        folder.check(mode)  # again, since another run may have been faster
        if mode == "overwrite" and folder.contents():
            folder.clear()
        run = _Run(folder, settings, events, footage, _new_manifest(footage, settings), [], selected)
        if mode == "resume":
            earlier = folder.manifest()
            _remove_lost(folder, run.manifest, earlier)
            _take_over(run.manifest, earlier)
        run.save("footage")
        inputs: dict[str, Any] = {
            "footage": _footage_stamp(footage),
            "cameras": file_stamps(model_files(shot.cameras)) if shot.cameras is not None else None,
            "seed": settings.seed,
        }
        model = _camera_stage(run, given_cameras, inputs)
        inputs |= {
            "masks": request.stamp(),
            "box": given_box.as_dict() if given_box is not None else None,
        }
        consensus = _mask_stage(run, model, source, given_box, inputs)
        trainer = _training_stage(run, consensus, model, device)
        _layer_stage(run, trainer, consensus, again=False)
        _mesh_stage(run, trainer, consensus, again=False)
        folder.remove_caches()
        _report_stage(run)
        events.done(folder.out / "shot.json", folder.report, round(time.monotonic() - started, 2))
    return folder.out / "shot.json"


def solve(
    footage: str | Path,
    out: Path,
    events: Events | None = None,
    seed: int = 0,
    skip_bad_frames: bool = False,
    overwrite: bool = False,
) -> Path:
    """Cameras only, written to `out` as a COLMAP text model."""
    events, folder = events or Events(), ModelFolder(Path(out))
    folder.check(overwrite)
    events.stage("cameras", 1, 1)
    opened = open_footage(footage, skip_bad_frames, events.warning)
    with folder.locked():
        folder.check(overwrite)
        write_model(_solve(opened, folder.out, seed, events), folder.out)
    events.end_stage()
    return folder.out


def find_masks(
    footage: str | Path,
    out: Path,
    request: MaskRequest,
    cameras: Path | None = None,
    box: Path | None = None,
    events: Events | None = None,
    seed: int = 0,
    skip_bad_frames: bool = False,
    overwrite: bool = False,
) -> Path:
    """Coarse masks only, written to `out` as PNG files that `segment` takes; a frame that stays unknown gets none.

    cameras: a COLMAP model; without one they are solved for a source that needs them, others do without.
    """
    events, out = events or Events(), Path(out)
    opened = open_footage(footage, skip_bad_frames, events.warning)
    check_masks_folder(out, opened, overwrite)
    given_box = read_box(box) if box is not None else None
    model = read_model(cameras) if cameras is not None else None
    held: list[Camera | None] = [None] * len(opened.frames)
    if model is not None:
        held = match_cameras(model, opened, events.warning)
    source = open_source(request, opened, events.warning)
    count = 1 + (model is None and source.needs_cameras)
    if model is None and source.needs_cameras:
        events.stage("cameras", 1, count)
        with tempfile.TemporaryDirectory() as scratch:
            model = _solve(opened, Path(scratch), seed, events)
        held = match_cameras(model, opened, events.warning)
    events.stage("masks", count, count)

    def progress(done: int, total: int) -> None:
        events.progress(done, total, "frames")

    found = source.find(MaskShot(opened, model, held, given_box, events.warning, progress))
    for note in reasons_told(found, opened):
        events.warning(note)
    write_masks(found, opened, out)
    events.end_stage()
    return out


def import_dataset(kind: str, path: Path, out: Path, events: Events | None = None) -> list[Path]:
    """A data set of others, brought to `out` whole or not at all; returns the folders and files that it became."""
    events = events or Events()
    events.stage("import", 1, 1)
    dataset = read_dataset(kind, Path(path))
    write_shot(dataset, Path(out), lambda done, total: events.progress(done, total, "frames"))
    for note in dataset.notes:
        events.warning(f"{path}: {note}")
    events.end_stage()
    return sorted(Path(out).iterdir())


def train(out: Path, settings: Settings | None = None, events: Events | None = None) -> None:
    """Train the fields of a shot folder whose cameras and masks are there; goes on from its checkpoint."""
    with _existing(out).locked():
        run, consensus = _open_shot(Path(out), settings, events or Events())
        model = read_model(run.folder.cameras)
        _training_stage(run, consensus, model, _prepare_device(run.settings))
        run.folder.remove_caches()


def layers(
    out: Path, settings: Settings | None = None, events: Events | None = None, frames: str | None = None
) -> None:
    """Write the layers of a trained shot, all or those of the frames asked for."""
    with _existing(out).locked():
        run, consensus = _open_shot(Path(out), settings, events or Events(), frames)
        _layer_stage(run, _trained(run, consensus), consensus, again=True)


def mesh(out: Path, settings: Settings | None = None, events: Events | None = None) -> None:
    """Write the mesh of a trained shot."""
    with _existing(out).locked():
        run, consensus = _open_shot(Path(out), settings, events or Events())
        _mesh_stage(run, _trained(run, consensus), consensus, again=True)


def render(out: Path, cameras: Path, to: Path, events: Events | None = None, overwrite: bool = False) -> Path:
    """The layers as other cameras of the same world see them; `to` gets the shape of a shot folder."""
    model = read_model(cameras)
    names = _file_names(model)
    target, mode = ShotFolder(Path(to)), "overwrite" if overwrite else "new"
    if target.out.resolve() == Path(out).resolve():
        raise InputError(
            f"{to} is the shot itself, whose layers would be lost; give another folder to --out."
        )
    target.check(mode)
    run, consensus = _open_shot(Path(out), None, events or Events())
    trainer = _trained(run, consensus)
    with target.locked():
        target.check(mode)
        if target.contents():
            target.clear()
        run.events.stage("holdouts", 1, 2)
        studio = _studio(run, trainer, consensus)
        run.events.stage("layers", 2, 2)
        manifest = dataclasses.replace(run.manifest, frames=[], mesh=None, metrics=None, stages=["layers"])
        write_manifest(target.out, manifest)  # first, so that the folder is known as a shot's
        write_model(model, target.cameras)
        for i, camera in enumerate(model.cameras.values()):
            name = f"layers/{names[i]}.exr"
            write_layers(target.out / name, view_layers(studio, camera), i + 1)
            manifest.frames.append(FrameEntry(names[i], i + 1, name))
            run.events.progress(i + 1, len(model.cameras), "frames")
            write_manifest(target.out, manifest)
        run.events.end_stage()
    return target.out / "shot.json"


def evaluate(
    out: Path, truth: Path, events: Events | None = None, region: Path | None = None, radius: float = 10
) -> dict[str, Any]:
    """Measure a shot against truth: the metrics go into shot.json, OUT/evaluation and, where there is one, the report.

    OUT/evaluation gets metrics.json and pictures of the worst frames. `region` overrides where clean plates count;
    `radius` is that of the trimap's band, in pixels.
    """
    events, folder = events or Events(), ShotFolder(Path(out))
    with _existing(folder.out).locked():
        events.stage("evaluate", 1, 1)
        metrics = evaluate_shot(
            folder.out,
            Path(truth),
            radius,
            region,
            lambda done, total: events.progress(done, total, "frames"),
        )
        write_worst_pictures(folder.evaluation, folder.out, Path(truth), metrics, region)
        with write_atomically(folder.evaluation / "metrics.json") as partial:
            partial.write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        manifest = folder.manifest()
        manifest.metrics = metrics
        write_manifest(folder.out, manifest)
        if folder.report.exists():
            write_report(folder.report, report_data(folder))
        events.end_stage()
    return metrics


def _existing(out: Path) -> ShotFolder:
    """The folder of a shot that is there; raises InputError where it is not."""
    folder = ShotFolder(Path(out))
    folder.manifest()
    return folder


def _file_names(model: CameraModel) -> list[str]:
    """What the layers of each image are called: its name without folders and suffix, made to differ from all before."""
    names: list[str] = []
    taken: set[str] = set()
    for i, image in enumerate(model.cameras):
        name = plain_name(Path(image.replace("\\", "/")).stem)
        while name.lower() in taken:  # many disks do not tell a from A
            name = f"{name}.{i + 1}"
        names.append(name)
        taken.add(name.lower())
    return names


def _remove_lost(folder: ShotFolder, manifest: Manifest, earlier: Manifest) -> None:
    """Remove the layers of frames that the footage has no more, which nothing would name from now on."""
    frames = {(entry.name, entry.frame) for entry in manifest.frames}
    for entry in earlier.frames:
        if entry.layers is not None and (entry.name, entry.frame) not in frames:
            (folder.out / entry.layers).unlink(missing_ok=True)


def _take_over(manifest: Manifest, earlier: Manifest) -> None:
    """Go on with what an earlier run of the same frames has made; each stage decides whether that is good still."""
    made = {(entry.name, entry.frame): entry.layers for entry in earlier.frames}
    for entry in manifest.frames:
        entry.layers = made.get((entry.name, entry.frame))
    manifest.box, manifest.cameras = earlier.box, earlier.cameras
    manifest.mesh, manifest.metrics = earlier.mesh, earlier.metrics
    manifest.timings, manifest.stages = dict(earlier.timings), list(earlier.stages)
    manifest.warnings = list(earlier.warnings)


def _prepare_device(settings: Settings) -> torch.device:
    device = choose_device(settings.device)
    torch.manual_seed(settings.seed)
    return device


def _selected(frames: str | None, numbers: list[int]) -> list[int]:
    return list(range(len(numbers))) if frames is None else parse_frames(frames, numbers)


def _footage_stamp(footage: Footage) -> list[Any]:
    return [file_stamps(footage.files), footage.width, footage.height]


def _training_inputs(run: _Run) -> dict[str, Any]:
    """What the fields come from: by the content of what earlier stages have written."""
    settings = run.settings
    made = {name: run.folder.cameras / f"{name}.txt" for name in ("cameras", "images", "points3D")}
    written = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in made.items()}
    train = {**dataclasses.asdict(settings.train), "preview_seconds": None, "checkpoint_seconds": None}
    return {
        "footage": _footage_stamp(run.footage),
        "consensus": hashlib.sha256(run.folder.consensus.read_bytes()).hexdigest(),
        "model": written,
        "settings": {"fields": dataclasses.asdict(settings.fields), "train": train, "seed": settings.seed},
    }


def _new_manifest(footage: Footage, settings: Settings) -> Manifest:
    return Manifest(
        footage=FootageEntry(
            str(Path(footage.source).resolve()), footage.width, footage.height, footage.title
        ),
        frames=[FrameEntry(frame.name, frame.number) for frame in footage.frames],
        settings=settings.as_dict(),
        software=software_versions(),
    )


def _check_parallax(model: CameraModel) -> None:
    """Refuse cameras that all stand in one place."""
    centres = np.array([camera.centre for camera in model.cameras.values()])
    spread = float(np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())
    away = 1.0
    if len(model.points):
        away = float(np.median(np.linalg.norm(model.points.xyz - centres.mean(axis=0), axis=1)))
    if spread < 1e-3 * away:
        raise InputError(
            "All cameras of the model stand in one place; the method needs parallax: walk around the object."
        )


def _solve(footage: Footage, scratch: Path, seed: int, events: Events) -> CameraModel:
    return solve_cameras(
        footage,
        scratch,
        lambda done, total: events.progress(done, total, "steps"),
        seed,
        events.warning,
    )


def _camera_stage(run: _Run, given: CameraModel | None, inputs: dict[str, Any]) -> CameraModel:
    """Cameras read or solved, with sparse points, and one for each frame that has one."""
    run.stage("cameras")
    folder, events = run.folder, run.events
    model = _kept(run, "cameras", inputs, lambda: read_model(folder.cameras))
    if model is None:
        seed, scratch = run.settings.seed, folder.checkpoint
        if given is None:
            model = _solve(run.footage, scratch, seed, events)
        else:
            model = triangulate_points(
                run.footage, given, scratch, run.progress("steps"), seed, events.warning
            )
        write_model(model, folder.cameras)
        folder.note("cameras", inputs)
    run.cameras = match_cameras(model, run.footage, events.warning)
    _check_parallax(model)
    run.manifest.cameras = "cameras"
    run.save("cameras")
    return model


def _mask_stage(
    run: _Run, model: CameraModel, source: MaskSource, box: Box | None, inputs: dict[str, Any]
) -> Consensus:
    """What the coarse masks, given or found, agree on; both are kept."""
    run.stage("masks")
    folder, events = run.folder, run.events
    inputs = {**inputs, "settings": {"consensus": dataclasses.asdict(run.settings.consensus)}}
    consensus = _kept(run, "masks", inputs, lambda: read_consensus(folder.consensus, len(run.footage.frames)))
    if consensus is None:
        masks = source.find(
            MaskShot(run.footage, model, run.cameras, box, events.warning, run.progress("frames"))
        )
        for note in reasons_told(masks, run.footage):
            events.warning(note)
        consensus = build_consensus(masks, run.cameras, run.settings.consensus, box, run.progress("views"))
        _warn_of_empty(run, masks)
        if (doubt := contradiction(consensus.agreement)) is not None:
            events.warning(doubt)
        save_consensus(folder.consensus, masks.probability, consensus)
        folder.note("masks", inputs)
    run.manifest.box = {**consensus.box.as_dict(), "world_to_box": consensus.box.similarity.tolist()}
    run.save("masks")
    return consensus


def _kept(run: _Run, stage: str, inputs: dict[str, Any], read: Callable[[], _Made]) -> _Made | None:
    """What `stage` made of the same inputs; None where it has to be made, be it that its files are damaged."""
    if not run.keeps(stage, inputs):
        return None
    try:
        return read()
    except InputError as error:
        run.events.warning(f"The stage {stage} is done again: {error}")
        run.folder.forget(stage)
        run.worked = True
        return None


def _warn_of_empty(run: _Run, masks: CoarseMasks) -> None:
    empty = [run.footage.frames[i].name for i in np.flatnonzero(masks.known & masks.empty)]
    if empty:
        run.events.warning(
            f"The object should be seen in {len(empty)} frames whose masks are black, so these count as unknown: "
            f"{', '.join(empty[:8])}{', ...' if len(empty) > 8 else ''}."
        )


@contextmanager
def _without_denormals() -> Iterator[None]:
    """Moments of hash entries that are never hit decay into denormals, which are slow.

    Only while it trains: building a k-d tree of scipy's without denormals can end in a segmentation fault.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@_without_denormals()
def _training_stage(run: _Run, consensus: Consensus, model: CameraModel, device: torch.device) -> Trainer:
    """FoCoR and BaCo, trained; goes on from a checkpoint of the same inputs."""
    run.stage("train")
    folder, events, settings = run.folder, run.events, run.settings
    inputs = _training_inputs(run)

    def start() -> Trainer:
        return Trainer.start(settings, consensus.grid, consensus.box.extent, device)

    kept = run.keeps("train", inputs)
    trainer = _resumed(run, start) if kept else None
    if trainer is None:
        remove_checkpoints(folder.fields)
        folder.plates.unlink(missing_ok=True)
        folder.note("train", inputs)
        trainer = start()
        trainer.fit_to_consensus(consensus.grid, consensus.box.extent)
    total = settings.train.iterations
    if trainer.step < total:
        run.worked = True
        run.once_smaller("train", lambda part: _optimise(run, trainer, consensus, model, part))
        if trainer.skipped:
            events.warning(
                f"{trainer.skipped} training steps were skipped because their gradients were not finite; look at the mattes."
            )
    _keep_gains(run, model)
    run.manifest.settings = {**settings.as_dict(), "ran": {"iterations": trainer.step, "device": device.type}}
    run.save("train")
    return trainer


def _resumed(run: _Run, start: Callable[[], Trainer]) -> Trainer | None:
    """The trainer as its checkpoints have it; None where there is none that can be read."""
    fields = run.folder.fields
    if not (fields.exists() or previous_of(fields).exists()):
        return None
    try:
        return load_newest(fields, start, run.events.warning)
    except InputError as error:
        run.events.warning(f"Training begins anew, since no checkpoint can be read: {error}")
        return None


def _optimise(run: _Run, trainer: Trainer, consensus: Consensus, model: CameraModel, part: int) -> None:
    """Train to the last step, with one part of so many of each step's rays."""
    folder, train = run.folder, run.settings.train
    train = dataclasses.replace(train, rays=max(1, train.rays // part))
    with (
        _plates(run) as plates,
        unpack_masks(folder.consensus, folder.masks, len(run.footage.frames)) as masks,
    ):
        sights = sights_of(model.points, list(model.cameras), run.cameras, _LEAST_TRACK)
        gains = exposure_gains(plates, run.cameras, sights.xyz)
        save_gains(folder.exposure, gains)
        device, seed = trainer.scene.extent.device, run.settings.seed
        _step_by_step(
            run,
            trainer,
            Batches(plates, masks, consensus, run.cameras, sights, gains, train, device, seed),
        )


def _plates(run: _Run) -> FrameStack:
    """The frames at the size they are trained at."""
    train = run.settings.train
    return cached_plates(
        run.footage, run.folder.plates, train.image_edge, train.cache_gigabytes, run.events.warning
    )


def _keep_gains(run: _Run, model: CameraModel) -> None:
    """Measure the exposures again where training, which does so, was over before and their file is lost or damaged."""
    try:
        read_gains(run.folder.exposure, len(run.cameras))
        return
    except InputError as error:
        run.events.warning(f"The exposures are measured again: {error}")
    run.worked = True
    with _plates(run) as plates:
        sights = sights_of(model.points, list(model.cameras), run.cameras, _LEAST_TRACK)
        save_gains(run.folder.exposure, exposure_gains(plates, run.cameras, sights.xyz))


def _step_by_step(run: _Run, trainer: Trainer, batches: Batches) -> None:
    """All steps that are left, with progress and previews on the way; checkpoints lie between two steps."""
    folder, events, train = run.folder, run.events, run.settings.train
    total = train.iterations
    shown = next(i for i in [*run.selected, *range(len(run.cameras))] if run.cameras[i] is not None)
    saved = looked = time.monotonic()

    with held_back() as let_signals_in:

        def after_step(step: int) -> None:
            nonlocal saved, looked
            try:
                let_signals_in()
                now = time.monotonic()
                if step % 10 == 0 or step == total:
                    events.progress(step, total, "iterations")
                if now - looked > train.preview_seconds or step == total:
                    looked = now
                    write_preview(folder.preview, trainer, batches, shown)
                    events.preview(folder.preview, run.footage.frames[shown].number, step)
            except (KeyboardInterrupt, Cancelled):
                save_trainer(folder.fields, trainer)
                raise
            if now - saved > train.checkpoint_seconds or step == total:
                saved = now
                save_trainer(folder.fields, trainer)

        trainer.run(batches, after_step)


def _studio(run: _Run, trainer: Trainer, consensus: Consensus, part: int = 1) -> Studio:
    """What layers are made from; `part`: rays are rendered in parts so many times as small."""
    points = read_model(run.folder.cameras).points
    return open_studio(
        run.settings,
        trainer.scene,
        dataclasses.replace(trainer.proposals, rays_at_once=trainer.proposals.rays_at_once // part),
        consensus.box,
        run.footage,
        run.cameras,
        points.xyz[points.track_length >= _LEAST_TRACK],
        read_gains(run.folder.exposure, len(run.cameras)),
        run.progress("holdouts"),
    )


def _layer_stage(run: _Run, trainer: Trainer, consensus: Consensus, again: bool) -> None:
    """An EXR for each selected frame that has a camera; those that are there are kept unless all are made `again`."""
    run.stage("layers")
    folder, entries = run.folder, run.manifest.frames
    todo = [i for i in run.selected if run.cameras[i] is not None]
    inputs = _training_inputs(run)
    inputs["settings"]["layers"] = dataclasses.asdict(run.settings.layers)
    if not again and not run.keeps("layers", inputs):
        run.manifest.metrics = None
        for i, entry in enumerate(entries):
            if entry.layers is not None and i not in todo:
                (folder.out / entry.layers).unlink(missing_ok=True)
            entry.layers = None
        run.save()
        folder.note("layers", inputs)
    elif again and folder.changes("layers", inputs) != []:
        folder.forget("layers")  # some frames' layers are of other settings from now on
    names = {
        i: f"layers/{run.footage.title}.{run.footage.frames[i].number:0{run.footage.padding}d}.exr"
        for i in todo
    }
    missing = [i for i in todo if again or entries[i].layers != names[i] or not _whole(folder.out / names[i])]
    run.events.progress(len(todo) - len(missing), len(todo), "frames")
    if missing:
        run.worked = True
        run.once_smaller("layers", lambda part: _write_frames(run, trainer, consensus, names, missing, part))
    run.save("layers")


def _write_frames(
    run: _Run, trainer: Trainer, consensus: Consensus, names: dict[int, str], missing: list[int], part: int
) -> None:
    """The layers of the frames that are missing, which leave that list as they are done."""
    studio = _studio(run, trainer, consensus, part)
    pixels = run.footage.width * run.footage.height
    at_once = 1 if part > 1 else frames_at_once(pixels, trainer.scene.extent.device)
    with closing(in_order(partial(frame_layers, studio), list(missing), at_once)) as made:
        for i, layers in made:
            write_layers(run.folder.out / names[i], layers, run.footage.frames[i].number)
            run.manifest.frames[i].layers = names[i]
            run.save()
            missing.pop(0)
            run.events.progress(len(names) - len(missing), len(names), "frames")


def _whole(path: Path) -> bool:
    """Whether a layer file is there, to its end."""
    try:
        read_header(path)
    except BadImage:
        return False
    return True


def _mesh_stage(run: _Run, trainer: Trainer, consensus: Consensus, again: bool) -> None:
    """The surface; one that is there is kept unless it is made `again`."""
    run.stage("mesh")
    ply, glb = run.folder.mesh / "object.ply", run.folder.mesh / "object.glb"
    inputs = _training_inputs(run)
    inputs["settings"]["mesh"] = dataclasses.asdict(run.settings.mesh)
    if not again and not run.keeps("mesh", inputs):
        run.manifest.metrics = None
        again = True
    if again or not (ply.is_file() and glb.is_file()):
        run.worked = True
        run.folder.forget("mesh")
        surface, colours = run.once_smaller(
            "mesh", lambda part: object_surface(trainer.scene, consensus.box, run.settings.mesh, part)
        )
        write_ply(ply, surface, colours)
        write_glb(glb, surface, colours)
        run.folder.note("mesh", inputs)
    run.manifest.mesh = MeshEntry("mesh/object.ply", "mesh/object.glb")
    run.save("mesh")


def _report_stage(run: _Run) -> None:
    run.stage("report")
    if run.worked or "report" not in run.manifest.stages or not run.folder.report.is_file():
        run.save()
        write_report(run.folder.report, report_data(run.folder))
    run.save("report")


def _open_shot(
    out: Path, settings: Settings | None, events: Events, frames: str | None = None
) -> tuple[_Run, Consensus]:
    """A shot folder as an earlier run left it: its footage, cameras and masks."""
    folder = ShotFolder(out)
    manifest = folder.manifest()
    settings = settings or settings_from_dict(manifest.settings)
    selected = _selected(frames, [entry.frame for entry in manifest.frames])
    footage = open_footage(manifest.footage.path, True, events.warning)
    run = _Run(folder, settings, events, footage, manifest, [], selected)
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


def _trained(run: _Run, consensus: Consensus) -> Trainer:
    """The trainer as its checkpoint has it."""
    if not (run.folder.fields.exists() or previous_of(run.folder.fields).exists()):
        raise InputError(
            f"{run.folder.out} has no trained fields; run `surface-sos train {run.folder.out}` first."
        )
    device = _prepare_device(run.settings)
    return load_newest(
        run.folder.fields,
        lambda: Trainer.start(run.settings, consensus.grid, consensus.box.extent, device),
        run.events.warning,
    )
