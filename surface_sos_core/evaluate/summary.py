"""What the report shows of a shot, read back from its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from surface_sos_core.cameras import CameraModel, box_from_json, read_model
from surface_sos_core.errors import InputError
from surface_sos_core.evaluate.report import (
    CameraPlot,
    ContactFrame,
    ReportData,
    over_checker,
    thumbnail,
    to_display,
)
from surface_sos_core.footage import image
from surface_sos_core.layers.exr import read_layers
from surface_sos_core.layers.self_check import worst_first
from surface_sos_core.manifest import FILE_NAME, FrameEntry, Manifest
from surface_sos_core.mesh.read import read_ply
from surface_sos_core.mesh.turntable import render_turntable
from surface_sos_core.shot_folder import ShotFolder
from surface_sos_core.train.checkpoint import read_history
from surface_sos_core.wording import counted

_SHOWN = 12


def report_data(folder: ShotFolder) -> ReportData:
    """Everything of the report, from shot.json, the layers, the mesh, the cameras and the checkpoint."""
    manifest = folder.manifest()
    history = read_history(folder.fields)
    preset = manifest.settings.get("preset", "")
    made = sum(entry.layers is not None for entry in manifest.frames)
    seconds = sum(manifest.timings.values())
    model = read_model(folder.cameras) if manifest.cameras else None
    return ReportData(
        title=folder.out.resolve().name,
        summary=(
            f"{made} of {counted(len(manifest.frames), 'frame')} of {manifest.footage.width}x{manifest.footage.height}, "
            f"{preset} preset, {seconds / 60:.1f} minutes"
        ),
        frames=[_contact_frame(folder, entry) for entry in _spread(manifest)],
        doubted=[_contact_frame(folder, entry) for entry in worst_first(manifest.frames)[:_SHOWN]],
        turntable=_stills(folder, manifest, model),
        cameras=_plot(manifest, model) if model else None,
        losses={
            "colour": [(step, colour) for step, colour, _ in history],
            "mask": [(step, mask) for step, _, mask in history],
        },
        metrics=manifest.metrics,
        worst=_worst(folder.evaluation) if manifest.metrics else {},
        warnings=manifest.warnings,
        settings=manifest.settings,
        timings=manifest.timings,
        software=manifest.software,
    )


def _spread(manifest: Manifest) -> list[FrameEntry]:
    """Some of the frames that have layers, from the first to the last."""
    done = [entry for entry in manifest.frames if entry.layers]
    chosen = np.unique(np.linspace(0, len(done) - 1, min(_SHOWN, len(done))).round().astype(int))
    return [done[i] for i in chosen]


def _contact_frame(folder: ShotFolder, entry: FrameEntry) -> ContactFrame:
    layers = read_layers(folder.out / str(entry.layers)).in_rec709()
    return ContactFrame(
        f"{entry.name} ({entry.frame})",
        thumbnail(to_display(layers.over(layers.clean))),
        thumbnail(over_checker(layers.foreground)),
        thumbnail(to_display(layers.clean)),
        entry.doubts,
    )


def _stills(folder: ShotFolder, manifest: Manifest, model: CameraModel | None) -> list[np.ndarray]:
    if manifest.mesh is None or manifest.mesh.ply is None or model is None:
        return []
    surface, colours = read_ply(folder.out / manifest.mesh.ply)
    return list(render_turntable(surface, colours, _up(model), views=4, towards=_towards(model)))


def _worst(evaluation: Path) -> dict[str, np.ndarray]:
    """The pictures that the last evaluation left, mattes first."""
    files = sorted(evaluation.glob("*.png"), key=lambda file: file.name.partition(".")[0] != "matte")
    return {file.stem: image.rgb(image.decode(file)) for file in files}


def _up(model: CameraModel) -> np.ndarray:
    """(3,) mean of the cameras' upward directions: people hold cameras upright."""
    mean = -np.mean([camera.rotation[1] for camera in model.cameras.values()], axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def _towards(model: CameraModel) -> np.ndarray:
    """(3,) where the first camera stands, seen from the object."""
    first = next(iter(model.cameras.values()))
    return -first.axis


def _plot(manifest: Manifest, model: CameraModel) -> CameraPlot:
    cameras = list(model.cameras.values())
    corners = None
    if manifest.box is not None:
        given = {key: value for key, value in manifest.box.items() if key in ("centre", "size", "rotation")}
        try:
            box = box_from_json(given)
        except (ValueError, TypeError) as error:
            raise InputError(f"The box in {FILE_NAME} cannot be used: {error}.") from error
        signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        corners = box.to_world(signs * box.extent)
    points = model.points.xyz[:: max(1, len(model.points) // 1500)] if len(model.points) else None
    return CameraPlot(
        np.array([camera.centre for camera in cameras]),
        np.array([camera.axis for camera in cameras]),
        _up(model),
        corners,
        points,
    )
