"""A shot folder measured against truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from surface_sos_core.errors import InputError
from surface_sos_core.evaluate import metrics
from surface_sos_core.evaluate.truth_files import (
    Truth,
    camera_centres,
    display,
    load_truth,
    read_display,
    read_matte,
    read_mesh,
)
from surface_sos_core.layers.exr import FrameLayers, read_layers
from surface_sos_core.manifest import FrameEntry, Manifest, ManifestError, read_manifest

REGION_GROWTH = 5.0
SURFACE_SAMPLES = 100_000
F_SCORE_THRESHOLD = 0.01
HIGHEST_PSNR = 100.0
"""Stands for equal images, so that means and JSON stay finite."""


def evaluate_shot(
    out: Path,
    truth_folder: Path,
    radius: float = 10.0,
    region_folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure the layers and the mesh of the shot in `out`. Returns a JSON-ready dict:

        radius           of the trimap band, pixels
        matte            null, or {"frames", "mean", "worst": {"name", "iou"}, "per_frame": [{"name", "frame",
                         ...}]}; the mean has miou, accuracy, sad, sad_thresholded (of the matte cut at 0.5),
                         mse, gradient, connectivity, the last four and sad again as ..._band, dtssd (null
                         without neighbours)
        clean            null, or the same with "gain"; psnr and ssim within the region in display values,
                         also ..._seen and ..._unseen, and all six after the shot's one gain as ..._gain
        shadowed         like clean, against plates in which the object's shadow stays, as it does in a shot's
        mesh             null, or {"chamfer", "chamfer_relative", "f_score", "precision", "recall",
                         "threshold", "aligned", "camera_rms"} in the truth's units
        skipped          names with truth whose frames have no layers
        unmatched        truth names that are no frames
        notes            what could not be measured, and why

    null stands for what could not be measured. Raises InputError when no name matches or a size differs.
    """
    try:
        manifest = read_manifest(out)
    except ManifestError as error:
        raise InputError(str(error)) from error
    truth = load_truth(truth_folder, region_folder)
    named = truth.mattes | truth.cleans | truth.shadowed
    matched = [entry for entry in manifest.frames if entry.name in named]
    if named and not matched and truth.mesh is None:
        raise InputError(
            f"no truth in {truth_folder} has the name of a frame of {out} "
            f"(truth {min(named)}, frames {', '.join(entry.name for entry in manifest.frames[:2])}): rename it"
        )
    notes: list[str] = []
    found = [entry for entry in matched if entry.layers]
    mattes = [entry for entry in found if entry.name in truth.mattes]
    cleans = [entry for entry in found if entry.name in truth.cleans and _has_region(truth, entry.name)]
    shadowed = [entry for entry in found if entry.name in truth.shadowed and _has_region(truth, entry.name)]
    without = [e.name for e in found if e.name in truth.cleans and not _has_region(truth, e.name)]
    if without:
        notes.append(f"clean plates without a matte or region of truth were left out: {', '.join(without)}")
    steps = _Steps(progress, len(mattes) + 2 * len(cleans) + 2 * len(shadowed))
    return {
        "radius": radius,
        "matte": _matte(out, manifest, mattes, truth, radius, steps) if mattes else None,
        "clean": _clean(out, cleans, truth, truth.cleans, steps) if cleans else None,
        "shadowed": _clean(out, shadowed, truth, truth.shadowed, steps) if shadowed else None,
        "mesh": _mesh(out, manifest, truth, notes),
        "skipped": [entry.name for entry in matched if not entry.layers],
        "unmatched": sorted(set(named) - {entry.name for entry in matched}),
        "notes": notes,
    }


class _Steps:
    """Counts the images done for a progress callback."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def next(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)


def _matte(
    out: Path, manifest: Manifest, entries: list[FrameEntry], truth: Truth, radius: float, steps: _Steps
) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    flicker: list[float] = []
    place = {entry.name: index for index, entry in enumerate(manifest.frames)}
    before: tuple[int, np.ndarray, np.ndarray] | None = None
    for entry in entries:
        alpha = np.clip(frame_layers(out, entry).foreground[..., 3], 0, 1)
        expected = read_matte(truth.mattes[entry.name], alpha.shape)
        band = metrics.trimap_band(expected, radius)
        row: dict[str, Any] = {
            "name": entry.name,
            "frame": entry.frame,
            "iou": metrics.iou(alpha, expected),
            "accuracy": metrics.accuracy(alpha, expected),
            "sad": metrics.sad(alpha, expected),
            "sad_thresholded": metrics.sad((alpha > 0.5).astype(np.float32), expected),
        }
        for suffix, region in (("", None), ("_band", band)):
            row["sad" + suffix] = metrics.sad(alpha, expected, region)
            row["mse" + suffix] = metrics.mse(alpha, expected, region)
            row["gradient" + suffix] = metrics.gradient_error(alpha, expected, region)
            row["connectivity" + suffix] = metrics.connectivity_error(alpha, expected, region)
        rows.append(row)
        index = place[entry.name]
        if before is not None and before[0] == index - 1:
            flicker.append(metrics.dtssd(before[1], alpha, before[2], expected))
        before = index, alpha, expected
        steps.next()
    result = _summary(rows, "iou")
    mean = result["mean"]
    result["mean"] = {
        "miou": mean.pop("iou"),
        **mean,
        "dtssd": _finite(float(np.mean(flicker))) if flicker else None,
    }
    return result


def _clean(
    out: Path, entries: list[FrameEntry], truth: Truth, plates: dict[str, Path], steps: _Steps
) -> dict[str, Any]:
    cross = power = 0.0
    for entry in entries:
        plate, expected, region, _ = clean_pair(out, entry, truth, plates)
        terms = metrics.gain_terms(plate, expected, region)
        cross, power = cross + terms[0], power + terms[1]
        steps.next()
    gain = cross / power if power > 0 else 1.0
    rows: list[dict[str, Any]] = []
    for entry in entries:  # read again: all plates at once would not fit into memory
        plate, expected, region, seen = clean_pair(out, entry, truth, plates)
        row: dict[str, Any] = {"name": entry.name, "frame": entry.frame}
        for suffix, factor in (("", 1.0), ("_gain", gain)):
            for split, part in (("", region), ("_seen", region & seen), ("_unseen", region & ~seen)):
                scaled = plate * np.float32(factor)
                row[f"psnr{split}{suffix}"] = min(metrics.psnr(scaled, expected, part), HIGHEST_PSNR)
                row[f"ssim{split}{suffix}"] = metrics.ssim(scaled, expected, part)
        rows.append(row)
        steps.next()
    return {"gain": gain, **_summary(rows, "psnr")}


def _mesh(out: Path, manifest: Manifest, truth: Truth, notes: list[str]) -> dict[str, Any] | None:
    if truth.mesh is None:
        return None
    if manifest.mesh is None or manifest.mesh.ply is None:
        notes.append("the shot has no mesh to compare with the truth's")
        return None
    vertices, faces = read_mesh(out / manifest.mesh.ply)
    true_vertices, true_faces = read_mesh(truth.mesh)
    camera_rms = None
    if truth.cameras is not None and manifest.cameras is not None:
        source, target = camera_centres(out / manifest.cameras, truth.cameras)
        try:
            scale, rotation, translation = metrics.align_similarity(source, target)
        except ValueError as error:
            raise InputError(
                f"{truth.cameras} cannot be aligned with the shot's cameras by name ({error}): "
                "give truth cameras for at least 3 frames that are not on a line"
            ) from error
        vertices = scale * vertices @ rotation.T + translation
        apart = scale * source @ rotation.T + translation - target
        camera_rms = float(np.sqrt(np.mean(np.sum(apart**2, axis=1))))
    else:
        notes.append("no cameras of truth: the mesh was compared in the world it is in")
    size = float(np.linalg.norm(np.ptp(true_vertices[true_faces].reshape(-1, 3), axis=0)))
    chamfer, f_score, precision, recall = metrics.chamfer_and_f_score(
        metrics.sample_surface(vertices, faces, SURFACE_SAMPLES, seed=0),
        metrics.sample_surface(true_vertices, true_faces, SURFACE_SAMPLES, seed=1),
        F_SCORE_THRESHOLD * size,
    )
    return {
        "chamfer": chamfer,
        "chamfer_relative": chamfer / size,
        "f_score": f_score,
        "precision": precision,
        "recall": recall,
        "threshold": F_SCORE_THRESHOLD * size,
        "aligned": camera_rms is not None,
        "camera_rms": camera_rms,
    }


def _has_region(truth: Truth, name: str) -> bool:
    return name in truth.regions or name in truth.mattes


def frame_layers(out: Path, entry: FrameEntry) -> FrameLayers:
    """The layers of a frame that has some, in Rec.709."""
    if entry.layers is None:
        raise ValueError(f"frame {entry.name} has no layers")
    return read_layers(out / entry.layers).in_rec709()


def clean_pair(
    out: Path, entry: FrameEntry, truth: Truth, plates: dict[str, Path]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clean plate and that of truth in display values (H, W, 3), the region that counts, and where it was seen."""
    layers = frame_layers(out, entry)
    shape = layers.depth.shape
    expected = read_display(plates[entry.name], shape)
    if entry.name in truth.regions:
        region = read_matte(truth.regions[entry.name], shape) > 0.5
    else:
        inside = read_matte(truth.mattes[entry.name], shape) > 0.5
        region = distance_transform_edt(~inside) <= REGION_GROWTH if inside.any() else inside
    return display(layers.clean), expected, region, layers.seen > 0.5


def _summary(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Means over the frames that have a value, the frame where `key` is lowest, the rows with null for nan."""
    names = [name for name in rows[0] if name not in ("name", "frame")]
    finite = [row | {name: _finite(row[name]) for name in names} for row in rows]
    mean: dict[str, float | None] = {}
    for name in names:
        values = [row[name] for row in finite if row[name] is not None]
        mean[name] = float(np.mean(values)) if values else None
    worst = min(finite, key=lambda row: math.inf if row[key] is None else row[key])
    return {
        "frames": len(rows),
        "mean": mean,
        "worst": {"name": worst["name"], key: worst[key]},
        "per_frame": finite,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
