"""The product's table of contents: each stage in order, from footage to report."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surface_sos_core.cameras import Camera, match_cameras, model_files, read_box, read_model, write_model
from surface_sos_core.datasets.dataset import write_shot
from surface_sos_core.datasets.read import read_dataset
from surface_sos_core.errors import InputError
from surface_sos_core.evaluate.pictures import write_worst_pictures
from surface_sos_core.evaluate.report import write_report
from surface_sos_core.evaluate.summary import report_data
from surface_sos_core.evaluate.truth import evaluate_shot
from surface_sos_core.events import Events
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import open_footage
from surface_sos_core.layers.exr import write_layers
from surface_sos_core.layers.stage import view_layers
from surface_sos_core.manifest import FrameEntry, write_manifest
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.masks.write import check_masks_folder, reasons_told, write_masks
from surface_sos_core.settings import Settings, preset
from surface_sos_core.shot_folder import ModelFolder, ShotFolder, file_stamps
from surface_sos_core.stages.cameras import camera_stage, check_parallax, solved_cameras
from surface_sos_core.stages.layers import file_names, layer_stage, studio_of
from surface_sos_core.stages.masks import mask_stage
from surface_sos_core.stages.mesh import mesh_stage
from surface_sos_core.stages.report import report_stage
from surface_sos_core.stages.run import (
    STAGES,
    Run,
    existing_shot,
    footage_stamp,
    new_manifest,
    open_shot,
    prepare_device,
    selected_frames,
    take_over,
)
from surface_sos_core.stages.training import trained_fields, training_stage


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
    device = prepare_device(settings)

    events.stage("footage", 1, len(STAGES))
    footage = open_footage(shot.footage, shot.skip_bad_frames, events.warning)
    selected = selected_frames(shot.frames, [frame.number for frame in footage.frames])
    given_box = read_box(shot.box) if shot.box is not None else None
    given_cameras = read_model(shot.cameras) if shot.cameras is not None else None
    if given_cameras is not None:
        match_cameras(given_cameras, footage, lambda message: None)
        check_parallax(given_cameras)
    source = open_source(request, footage, settings, events.warning)

    with folder.locked():
        folder.check(mode)  # again, since another run may have been faster
        if mode == "overwrite" and folder.contents():
            folder.clear()
        run = Run(folder, settings, events, footage, new_manifest(footage, settings), [], selected)
        if mode == "resume":
            take_over(run, folder.manifest())
        run.save("footage")
        inputs: dict[str, Any] = {
            "footage": footage_stamp(footage),
            "cameras": file_stamps(model_files(shot.cameras)) if shot.cameras is not None else None,
            "seed": settings.seed,
        }
        model = camera_stage(run, given_cameras, inputs)
        inputs |= {
            "masks": request.stamp(),
            "box": given_box.as_dict() if given_box is not None else None,
        }
        consensus = mask_stage(run, model, source, given_box, inputs)
        trainer = training_stage(run, consensus, model, device)
        layer_stage(run, trainer, consensus, again=False)
        mesh_stage(run, trainer, consensus, again=False)
        folder.remove_caches()
        report_stage(run)
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
        write_model(solved_cameras(opened, folder.out, seed, events), folder.out)
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
    source = open_source(request, opened, Settings(), events.warning)
    count = 1 + (model is None and source.needs_cameras)
    if model is None and source.needs_cameras:
        events.stage("cameras", 1, count)
        with tempfile.TemporaryDirectory() as scratch:
            model = solved_cameras(opened, Path(scratch), seed, events)
        held = match_cameras(model, opened, events.warning)
    events.stage("masks", count, count)

    def progress(done: int, total: int) -> None:
        events.progress(done, total, "frames")

    found = source.find(MaskShot(opened, model, held, given_box, Settings(), events.warning, progress))
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
    with existing_shot(out).locked():
        run, consensus = open_shot(Path(out), settings, events or Events())
        model = read_model(run.folder.cameras)
        training_stage(run, consensus, model, prepare_device(run.settings))
        run.folder.remove_caches()


def layers(
    out: Path, settings: Settings | None = None, events: Events | None = None, frames: str | None = None
) -> None:
    """Write the layers of a trained shot, all or those of the frames asked for."""
    with existing_shot(out).locked():
        run, consensus = open_shot(Path(out), settings, events or Events(), frames)
        layer_stage(run, trained_fields(run, consensus), consensus, again=True)


def mesh(out: Path, settings: Settings | None = None, events: Events | None = None) -> None:
    """Write the mesh of a trained shot."""
    with existing_shot(out).locked():
        run, consensus = open_shot(Path(out), settings, events or Events())
        mesh_stage(run, trained_fields(run, consensus), consensus, again=True)


def render(out: Path, cameras: Path, to: Path, events: Events | None = None, overwrite: bool = False) -> Path:
    """The layers as other cameras of the same world see them; `to` gets the shape of a shot folder."""
    model = read_model(cameras)
    names = file_names(model)
    target, mode = ShotFolder(Path(to)), "overwrite" if overwrite else "new"
    if target.out.resolve() == Path(out).resolve():
        raise InputError(
            f"{to} is the shot itself, whose layers would be lost; give another folder to --out."
        )
    target.check(mode)
    run, consensus = open_shot(Path(out), None, events or Events())
    trainer = trained_fields(run, consensus)
    with target.locked():
        target.check(mode)
        if target.contents():
            target.clear()
        run.events.stage("holdouts", 1, 2)
        studio = studio_of(run, trainer, consensus)
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
    with existing_shot(folder.out).locked():
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
