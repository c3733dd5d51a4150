"""A shot folder measured against truth.

The truth folder holds any of these; images are matched with frames by their names' stems:

    matte/ (or mattes/, truth/)     mattes, white = object; images in the folder itself are taken as mattes
                                    too
    clean/ (or clean_plates/)       photographs or renders without the object
    region/ (or regions/, clean_plates_object_region/)   white where a clean plate counts; without it, the
                                                         truth matte,
                                    grown by 5 pixels
    mesh.ply                        the object's surface
    cameras/                        COLMAP model of the true cameras, to bring the solved world into the
                                    truth's
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from surface_sos_core.cameras import read_model
from surface_sos_core.errors import InputError
from surface_sos_core.evaluate import metrics
from surface_sos_core.footage import image
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.layers.exr import FrameLayers, read_layers
from surface_sos_core.manifest import FrameEntry, Manifest, ManifestError, read_manifest
from surface_sos_core.mesh.read import read_ply

MATTE_FOLDERS = ("matte", "mattes", "truth")
CLEAN_FOLDERS = ("clean", "clean_plates")
REGION_FOLDERS = ("region", "regions", "clean_plates_object_region")
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr"}
REGION_GROWTH = 5.0
SURFACE_SAMPLES = 100_000
F_SCORE_THRESHOLD = 0.01
HIGHEST_PSNR = 100.0
"""Stands for equal images, so that means and JSON stay finite."""


@dataclass(frozen=True)
class Truth:
    """Files of truth, by stem."""

    mattes: dict[str, Path]
    cleans: dict[str, Path]
    regions: dict[str, Path]
    mesh: Path | None
    cameras: Path | None


def load_truth(folder: Path, region_folder: Path | None = None) -> Truth:
    """Find what `folder` holds; `region_folder` overrides its regions. InputError when there is nothing."""
    for given in (folder, region_folder):
        if given is not None and not given.is_dir():
            raise InputError(f"{given} is not a folder: give one that holds truth")
    mesh, cameras = folder / "mesh.ply", folder / "cameras"
    truth = Truth(
        mattes=_first_images(folder, MATTE_FOLDERS) or _images(folder),
        cleans=_first_images(folder, CLEAN_FOLDERS),
        regions=_images(region_folder) if region_folder else _first_images(folder, REGION_FOLDERS),
        mesh=mesh if mesh.is_file() else None,
        cameras=cameras if cameras.is_dir() else None,
    )
    if not (truth.mattes or truth.cleans or truth.mesh):
        raise InputError(f"{folder} holds no truth: put images into matte/ or clean/, or a mesh.ply, there")
    return truth


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
    named = truth.mattes | truth.cleans
    matched = [entry for entry in manifest.frames if entry.name in named]
    if named and not matched and truth.mesh is None:
        raise InputError(
            f"no truth in {truth_folder} has the name of a frame of {out} "
            f"(truth {min(named)}, frames {', '.join(entry.name for entry in manifest.frames[:2])}): rename it"
        )
    notes: list[str] = []
    found = [entry for entry in matched if entry.layers]
    cleans = [entry for entry in found if entry.name in truth.cleans and _has_region(truth, entry.name)]
    without = [e.name for e in found if e.name in truth.cleans and not _has_region(truth, e.name)]
    if without:
        notes.append(f"clean plates without a matte or region of truth were left out: {', '.join(without)}")
    mattes = [entry for entry in found if entry.name in truth.mattes]
    steps = _Steps(progress, len(mattes) + 2 * len(cleans))
    return {
        "radius": radius,
        "matte": _matte(out, manifest, mattes, truth, radius, steps) if mattes else None,
        "clean": _clean(out, cleans, truth, steps) if cleans else None,
        "mesh": _mesh(out, manifest, truth, notes),
        "skipped": [entry.name for entry in matched if not entry.layers],
        "unmatched": sorted(set(named) - {entry.name for entry in matched}),
        "notes": notes,
    }


def table(measured: dict[str, Any]) -> str:
    """The result of `evaluate_shot` as plain text."""
    lines: list[str] = []
    for part in ("matte", "clean"):
        result = measured[part]
        if result is None:
            continue
        gain = f", one gain of {result['gain']:.4f}" if part == "clean" else ""
        lines.append(f"{part} ({result['frames']} frames{gain})")
        lines += _rows(result["mean"])
        name, value = result["worst"].values()
        lines.append(f"  {'worst frame':<22}{name} ({value:.4f})")
        first = [key for key in result["per_frame"][0] if key not in ("name", "frame")][:3]
        width = max(len(row["name"]) for row in result["per_frame"])
        lines += [
            f"    {row['name']:<{width}}  " + "  ".join(f"{key} {_number(row[key])}" for key in first)
            for row in result["per_frame"]
        ]
    if measured["mesh"] is not None:
        lines += ["mesh", *_rows(measured["mesh"])]
    for key, text in (("skipped", "truth of frames without layers"), ("unmatched", "truth of no frame")):
        if measured[key]:
            lines.append(f"{text}: {', '.join(measured[key])}")
    return "\n".join(lines + measured["notes"])


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
        alpha = np.clip(_layers(out, entry).foreground[..., 3], 0, 1)
        expected = _read_matte(truth.mattes[entry.name], alpha.shape)
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


def _clean(out: Path, entries: list[FrameEntry], truth: Truth, steps: _Steps) -> dict[str, Any]:
    cross = power = 0.0
    for entry in entries:
        plate, expected, region, _ = _clean_pair(out, entry, truth)
        terms = metrics.gain_terms(plate, expected, region)
        cross, power = cross + terms[0], power + terms[1]
        steps.next()
    gain = cross / power if power > 0 else 1.0
    rows: list[dict[str, Any]] = []
    for entry in entries:  # read again: all plates at once would not fit into memory
        plate, expected, region, seen = _clean_pair(out, entry, truth)
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
    vertices, faces = _read_mesh(out / manifest.mesh.ply)
    true_vertices, true_faces = _read_mesh(truth.mesh)
    camera_rms = None
    if truth.cameras is not None and manifest.cameras is not None:
        source, target = _camera_centres(out / manifest.cameras, truth.cameras)
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


def _images(folder: Path) -> dict[str, Path]:
    files = sorted(item for item in folder.iterdir() if item.suffix.lower() in SUFFIXES and item.is_file())
    return {item.stem: item for item in files if not item.name.startswith(".")}


def _first_images(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """Images of the first of the subfolders that is there."""
    return next((_images(folder / name) for name in names if (folder / name).is_dir()), {})


def _has_region(truth: Truth, name: str) -> bool:
    return name in truth.regions or name in truth.mattes


def _layers(out: Path, entry: FrameEntry) -> FrameLayers:
    if entry.layers is None:
        raise ValueError(f"frame {entry.name} has no layers")
    return read_layers(out / entry.layers)


def _clean_pair(
    out: Path, entry: FrameEntry, truth: Truth
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clean plate and truth in display values (H, W, 3), the region that counts, and where it was seen."""
    layers = _layers(out, entry)
    shape = layers.depth.shape
    expected = _read_display(truth.cleans[entry.name], shape)
    if entry.name in truth.regions:
        region = _read_matte(truth.regions[entry.name], shape) > 0.5
    else:
        inside = _read_matte(truth.mattes[entry.name], shape) > 0.5
        region = distance_transform_edt(~inside) <= REGION_GROWTH if inside.any() else inside
    return _display(layers.clean), expected, region, layers.seen > 0.5


def _display(linear: np.ndarray) -> np.ndarray:
    return srgb_encode(np.clip(linear, 0, 1)).astype(np.float32)


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    pixels = image.decode(path)
    if pixels.shape[:2] != shape[:2]:
        raise InputError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]}, its frame is {shape[1]}x{shape[0]}: "
            "give truth of the plate's size"
        )
    return pixels


def _read_matte(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the alpha where there is one that says anything, else the first channel."""
    pixels = _read(path, shape)
    if np.issubdtype(pixels.dtype, np.integer):
        pixels = pixels / np.float32(np.iinfo(pixels.dtype).max)
    has_alpha = pixels.shape[2] in (2, 4) and np.any(pixels[..., -1] < 1)
    return np.clip(pixels[..., -1 if has_alpha else 0], 0, 1).astype(np.float32)


def _read_display(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    pixels = image.rgb(_read(path, shape))
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels / np.float32(np.iinfo(pixels.dtype).max)
    return _display(pixels)


def _read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    mesh, _ = read_ply(path)
    return mesh.vertices, mesh.faces


def _camera_centres(found: Path, truth: Path) -> tuple[np.ndarray, np.ndarray]:
    """Centres (N, 3) of the cameras that both models name, by stem."""
    source = {Path(name).stem: camera.centre for name, camera in read_model(found).cameras.items()}
    target = {Path(name).stem: camera.centre for name, camera in read_model(truth).cameras.items()}
    shared = [name for name in source if name in target]
    return (
        np.array([source[name] for name in shared]).reshape(-1, 3),
        np.array([target[name] for name in shared]).reshape(-1, 3),
    )


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


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)


def _rows(values: dict[str, Any]) -> list[str]:
    return [f"  {name:<22}{_number(value)}" for name, value in values.items()]
