"""The product's table of contents: each stage in order, from footage to report."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from surface_sos_core.cameras import (
    Box,
    Camera,
    CameraModel,
    match_cameras,
    read_box,
    read_model,
    solve_cameras,
    triangulate_points,
    write_model,
)
from surface_sos_core.datasets.dataset import write_shot
from surface_sos_core.datasets.read import read_dataset
from surface_sos_core.device import choose_device
from surface_sos_core.errors import Cancelled, InputError
from surface_sos_core.evaluate.report import write_report
from surface_sos_core.evaluate.summary import report_data
from surface_sos_core.evaluate.truth import evaluate_shot
from surface_sos_core.events import Events
from surface_sos_core.footage import Footage, open_footage, parse_frames
from surface_sos_core.footage.cache import cached_plates
from surface_sos_core.layers.exr import write_layers
from surface_sos_core.layers.stage import Studio, frame_layers, open_studio, view_layers
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, MeshEntry, write_manifest
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import Consensus, build_consensus, read_consensus, save_consensus
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.masks.sources.source import MaskShot, MaskSource
from surface_sos_core.masks.write import check_masks_folder, reasons_told, write_masks
from surface_sos_core.mesh.export import write_glb, write_ply
from surface_sos_core.mesh.surface import object_surface
from surface_sos_core.settings import Settings, preset, settings_from_dict
from surface_sos_core.shot_folder import ShotFolder, folder_stamp, software_versions
from surface_sos_core.train.batches import Batches, sights_of
from surface_sos_core.train.checkpoint import load_trainer, save_trainer
from surface_sos_core.train.preview import write_preview
from surface_sos_core.train.trainer import Trainer

_LEAST_TRACK = 3  # frames that must have seen a sparse point before it guides the fields
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

    def stage(self, name: str) -> None:
        self.events.stage(name, _STAGES.index(name) + 1, len(_STAGES))

    def progress(self, unit: str) -> Callable[[int, int], None]:
        return lambda done, total: self.events.progress(done, total, unit)

    def save(self, finished: str | None = None) -> None:
        """Bring shot.json up to date."""
        if finished is not None:
            self.events.end_stage()
            if finished not in self.manifest.stages:
                self.manifest.stages.append(finished)
        self.manifest.timings.update({k: round(v, 2) for k, v in self.events.timings.items()})
        self.manifest.warnings = [*self.events.warnings]
        write_manifest(self.folder.out, self.manifest)


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

    if mode == "overwrite" and folder.out.exists() and any(folder.out.iterdir()):
        folder.clear()
    run = _Run(folder, settings, events, footage, _new_manifest(footage, settings), [], selected)
    run.save("footage")

    inputs: dict[str, Any] = {"footage": _footage_stamp(footage), "cameras": folder_stamp(shot.cameras)}
    model = _camera_stage(run, given_cameras, inputs)
    inputs |= {"masks": request.stamp(), "box": folder_stamp(shot.box)}
    coarse, consensus = _mask_stage(run, model, source, given_box, inputs)
    inputs |= {"settings": dataclasses.replace(settings, device="").as_dict()}
    trainer = _training_stage(run, coarse, consensus, model, device)
    _layer_stage(run, trainer, consensus, inputs)
    _mesh_stage(run, trainer, consensus)
    folder.plates.unlink(missing_ok=True)
    _report_stage(run, trainer)
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
    events, out = events or Events(), Path(out)
    if out.is_file():
        raise InputError(f"{out} is a file; give a folder to --out.")
    ours = {"cameras.txt", "images.txt", "points3D.txt"}
    if out.is_dir() and any(out.iterdir()):
        if {path.name for path in out.iterdir()} != ours:
            raise InputError(
                f"{out} holds files that are not a camera model; choose an empty or new folder for --out."
            )
        if not overwrite:
            raise InputError(f"{out} already holds a camera model; add --overwrite to replace it.")
    events.stage("cameras", 1, 1)
    opened = open_footage(footage, skip_bad_frames, events.warning)
    model = _solve(opened, out.parent, seed, events)
    write_model(model, out)
    events.end_stage()
    return out


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
    run, consensus, coarse = _open_shot(Path(out), settings, events or Events())
    model = read_model(run.folder.cameras)
    _training_stage(run, coarse, consensus, model, _prepare_device(run.settings))


def layers(
    out: Path, settings: Settings | None = None, events: Events | None = None, frames: str | None = None
) -> None:
    """Write the layers of a trained shot, all or those of the frames asked for."""
    run, consensus, _ = _open_shot(Path(out), settings, events or Events(), frames)
    _layer_stage(run, _trained(run, consensus), consensus, None)


def mesh(out: Path, settings: Settings | None = None, events: Events | None = None) -> None:
    """Write the mesh of a trained shot."""
    run, consensus, _ = _open_shot(Path(out), settings, events or Events())
    _mesh_stage(run, _trained(run, consensus), consensus)


def render(out: Path, cameras: Path, to: Path, events: Events | None = None, overwrite: bool = False) -> Path:
    """The layers as other cameras of the same world see them; `to` gets the shape of a shot folder."""
    model = read_model(cameras)
    target = ShotFolder(Path(to))
    if target.out.resolve() == Path(out).resolve():
        raise InputError(
            f"{to} is the shot itself, whose layers would be lost; give another folder to --out."
        )
    target.check("overwrite" if overwrite else "new")
    run, consensus, _ = _open_shot(Path(out), None, events or Events())
    trainer = _trained(run, consensus)
    if target.out.exists() and any(target.out.iterdir()):
        target.clear()
    run.events.stage("holdouts", 1, 2)
    studio = _studio(run, trainer, consensus)
    run.events.stage("layers", 2, 2)
    write_model(model, target.cameras)
    manifest = dataclasses.replace(run.manifest, frames=[], mesh=None, metrics=None, stages=["layers"])
    for i, camera in enumerate(model.cameras.values()):
        stem = Path(camera.name).stem
        name = f"layers/{stem}.exr"
        write_layers(target.out / name, view_layers(studio, camera), i + 1)
        manifest.frames.append(FrameEntry(stem, i + 1, name))
        run.events.progress(i + 1, len(model.cameras), "frames")
        write_manifest(target.out, manifest)
    run.events.end_stage()
    return target.out / "shot.json"


def evaluate(
    out: Path, truth: Path, events: Events | None = None, region: Path | None = None, radius: float = 10
) -> dict[str, Any]:
    """Measure a shot against truth; the metrics go into shot.json and, where there is one, the report."""
    events, folder = events or Events(), ShotFolder(Path(out))
    events.stage("evaluate", 1, 1)
    metrics = evaluate_shot(
        folder.out, Path(truth), radius, region, lambda done, total: events.progress(done, total, "frames")
    )
    manifest = folder.manifest()
    manifest.metrics = metrics
    write_manifest(folder.out, manifest)
    if folder.report.exists():
        write_report(folder.report, report_data(folder))
    events.end_stage()
    return metrics


def _prepare_device(settings: Settings) -> torch.device:
    device = choose_device(settings.device)
    torch.manual_seed(settings.seed)
    return device


def _selected(frames: str | None, numbers: list[int]) -> list[int]:
    return list(range(len(numbers))) if frames is None else parse_frames(frames, numbers)


def _footage_stamp(footage: Footage) -> list[Any]:
    source = Path(footage.source)
    stamp = folder_stamp(source if source.exists() else source.parent)
    return [stamp, [frame.file for frame in footage.frames], footage.width, footage.height]


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
    if folder.finished("cameras", inputs):
        model = read_model(folder.cameras)
    else:
        seed, scratch = run.settings.seed, folder.checkpoint
        if given is None:
            model = _solve(run.footage, scratch, seed, events)
        else:
            model = triangulate_points(
                run.footage, given, scratch, run.progress("steps"), seed, events.warning
            )
        write_model(model, folder.cameras)
        folder.finish("cameras", inputs)
    run.cameras = match_cameras(model, run.footage, events.warning)
    _check_parallax(model)
    run.manifest.cameras = "cameras"
    run.save("cameras")
    return model


def _mask_stage(
    run: _Run, model: CameraModel, source: MaskSource, box: Box | None, inputs: dict[str, Any]
) -> tuple[np.ndarray, Consensus]:
    """Coarse masks (frames, h, w) uint8, given or found, and what they agree on."""
    run.stage("masks")
    folder, events = run.folder, run.events
    inputs = {**inputs, "consensus": dataclasses.asdict(run.settings.consensus)}
    if folder.finished("masks", inputs) and folder.consensus.exists():
        probability, consensus = read_consensus(folder.consensus)
    else:
        masks = source.find(
            MaskShot(run.footage, model, run.cameras, box, events.warning, run.progress("frames"))
        )
        for note in reasons_told(masks, run.footage):
            events.warning(note)
        probability = masks.probability
        consensus = build_consensus(masks, run.cameras, run.settings.consensus, box, run.progress("views"))
        _warn_of_empty(run, masks)
        save_consensus(folder.consensus, probability, consensus)
        folder.finish("masks", inputs)
    run.manifest.box = {**consensus.box.as_dict(), "world_to_box": consensus.box.similarity.tolist()}
    run.save("masks")
    return probability, consensus


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
def _training_stage(
    run: _Run,
    coarse: np.ndarray,
    consensus: Consensus,
    model: CameraModel,
    device: torch.device,
) -> Trainer:
    """FoCoR and BaCo, trained; goes on from a checkpoint of the same inputs."""
    run.stage("train")
    folder, events, settings = run.folder, run.events, run.settings
    inputs = {
        "footage": _footage_stamp(run.footage),
        "consensus": hashlib.sha256(folder.consensus.read_bytes()).hexdigest(),
        "settings": dataclasses.replace(settings, device="").as_dict(),
    }
    trainer = Trainer.start(settings, consensus.grid, consensus.box.extent, device)
    if folder.finished("train started", inputs) and folder.fields.exists():
        load_trainer(folder.fields, trainer)
    else:
        folder.fields.unlink(missing_ok=True)
        folder.finish("train started", inputs)
        trainer.fit_to_consensus(consensus.grid, consensus.box.extent)
    total = settings.train.iterations
    if trainer.step < total:
        plates = cached_plates(run.footage, folder.plates, settings.train.image_edge)
        batches = Batches(
            plates,
            coarse,
            consensus,
            run.cameras,
            sights_of(model.points, list(model.cameras), run.cameras, _LEAST_TRACK),
            settings.train,
            device,
            settings.seed + trainer.step,
        )
        shown = next(i for i in [*run.selected, *range(len(run.cameras))] if run.cameras[i] is not None)
        saved = looked = time.monotonic()

        def after_step(step: int) -> None:
            nonlocal saved, looked
            now = time.monotonic()
            if step % 10 == 0 or step == total:
                events.progress(step, total, "iterations")
            if now - looked > settings.train.preview_seconds or step == total:
                looked = now
                write_preview(folder.preview, trainer, batches, shown)
                events.preview(folder.preview, run.footage.frames[shown].number, step)
            if now - saved > settings.train.checkpoint_seconds:
                saved = now
                save_trainer(folder.fields, trainer)

        try:
            trainer.run(batches, after_step)
        except (KeyboardInterrupt, Cancelled):
            save_trainer(folder.fields, trainer)
            raise
        save_trainer(folder.fields, trainer)
        if trainer.skipped:
            events.warning(
                f"{trainer.skipped} training steps were skipped because their gradients were not finite; look at the mattes."
            )
    run.manifest.settings = {**settings.as_dict(), "ran": {"iterations": trainer.step, "device": device.type}}
    run.save("train")
    return trainer


def _studio(run: _Run, trainer: Trainer, consensus: Consensus) -> Studio:
    points = read_model(run.folder.cameras).points
    return open_studio(
        run.settings,
        trainer.scene,
        trainer.proposals,
        consensus.box,
        run.footage,
        run.cameras,
        points.xyz[points.track_length >= _LEAST_TRACK],
        run.progress("holdouts"),
    )


def _layer_stage(run: _Run, trainer: Trainer, consensus: Consensus, inputs: dict[str, Any] | None) -> None:
    """An EXR for each selected frame that has a camera; `inputs` given: those of an interrupted run are kept."""
    run.stage("layers")
    folder = run.folder
    keep = inputs is not None and folder.finished("layers started", inputs)
    if inputs is not None:
        folder.finish("layers started", inputs)
    todo = [i for i in run.selected if run.cameras[i] is not None]
    studio = None
    for n, i in enumerate(todo):
        entry, frame = run.manifest.frames[i], run.footage.frames[i]
        name = f"layers/{run.footage.title}.{frame.number:0{run.footage.padding}d}.exr"
        if not (keep and (folder.out / name).exists()):
            studio = studio or _studio(run, trainer, consensus)
            write_layers(folder.out / name, frame_layers(studio, i), frame.number)
        entry.layers = name
        if n % 20 == 0:
            run.save()
        run.events.progress(n + 1, len(todo), "frames")
    run.save("layers")


def _mesh_stage(run: _Run, trainer: Trainer, consensus: Consensus) -> None:
    run.stage("mesh")
    surface, colours = object_surface(trainer.scene, consensus.box, run.settings.mesh)
    write_ply(run.folder.mesh / "object.ply", surface, colours)
    write_glb(run.folder.mesh / "object.glb", surface, colours)
    run.manifest.mesh = MeshEntry("mesh/object.ply", "mesh/object.glb")
    run.save("mesh")


def _report_stage(run: _Run, trainer: Trainer) -> None:
    run.stage("report")
    run.save("report")
    write_report(run.folder.report, report_data(run.folder))
    run.save()


def _open_shot(
    out: Path, settings: Settings | None, events: Events, frames: str | None = None
) -> tuple[_Run, Consensus, np.ndarray]:
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
    probability, consensus = read_consensus(folder.consensus)
    return run, consensus, probability


def _trained(run: _Run, consensus: Consensus) -> Trainer:
    """The trainer as its checkpoint has it."""
    if not run.folder.fields.exists():
        raise InputError(
            f"{run.folder.out} has no trained fields; run `surface-sos train {run.folder.out}` first."
        )
    trainer = Trainer.start(run.settings, consensus.grid, consensus.box.extent, _prepare_device(run.settings))
    load_trainer(run.folder.fields, trainer)
    return trainer
