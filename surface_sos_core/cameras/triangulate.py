"""Sparse points for cameras that came without: triangulated from the footage, the cameras as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.colmap import read_model, write_model
from surface_sos_core.cameras.match import match_cameras
from surface_sos_core.cameras.solver_process import (
    Job,
    SolvableFootage,
    run_worker,
    usable_cores,
    workplace,
)
from surface_sos_core.errors import SetupError, SolveError
from surface_sos_core.settings import PointSettings, SolveSettings


def triangulate_points(
    footage: SolvableFootage,
    model: CameraModel,
    scratch: Path,
    settings: PointSettings,
    solve: SolveSettings,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
    warn: Callable[[str], None] | None = None,
) -> CameraModel:
    """The model with sparse points, triangulated from the frames that it has cameras of; its cameras stay.

    A model that has enough points comes back as it is; so does one for which this fails or finds next to
    nothing, of which `warn` is told. solve: how features are found and matched. Works below `scratch` and leaves nothing there. `progress` gets
    (done, total) steps. Repeatable for a seed as far as COLMAP's threads allow. Raises InputError where the
    model is not one of this footage (see match_cameras).
    """
    if len(model.points) >= settings.enough:
        return model
    try:
        points = _found(footage, model, scratch, settings, solve, progress, seed)
    except (SolveError, SetupError) as error:
        if warn is not None:
            warn(f"The camera model stays at {len(model.points)} sparse points: {error}")
        return model
    return CameraModel(model.cameras, points)


def _found(
    footage: SolvableFootage,
    model: CameraModel,
    scratch: Path,
    settings: PointSettings,
    solve: SolveSettings,
    progress: Callable[[int, int], None] | None,
    seed: int,
) -> Points:
    """Points that hold up, their tracks in the model's order of images and in its lenses' pixels.

    Raises SolveError where the cameras are not those of the frames, and where there are too few points.
    """
    fitted = match_cameras(model, footage, lambda message: None)  # lenses of the frames' size
    if sum(camera is not None for camera in fitted) < 2:
        raise SolveError("a single frame has a camera; triangulating takes more.")
    order = {name: number for number, name in enumerate(model.cameras)}
    with workplace(footage, scratch) as (work, files):
        seen = {camera.name: (camera, file) for camera, file in zip(fitted, files, strict=True) if camera}
        names = [file for _, file in seen.values()]
        named = {file: replace(camera, name=file) for camera, file in seen.values()}
        write_model(CameraModel(named, Points.empty()), work / "given")
        least = settings.least_track if len(names) > settings.few_frames else 2
        job = Job(
            str(work / "images"), names, str(work), str(work / "model"), seed, usable_cores(), solve,
            str(work / "given"), pairs_by_pose(list(named.values()), settings), least,
        )  # fmt: skip
        outcome = run_worker(job, progress, way_out="give a camera model that has points")
        found = read_model(work / "model")
    if outcome["matches"] and outcome["fit"] < settings.least_fit:
        raise SolveError(
            f"only {outcome['fit']:.0%} of the matches between the frames agree with its cameras; "
            "check that these belong to the frames."
        )
    image_of = {file: order[name] for name, (_, file) in seen.items()}
    images = np.array([image_of[name] for name in found.cameras], np.int32)[found.points.track_image]
    cameras = list(model.cameras.values())
    size = np.array([(camera.lens.width, camera.lens.height) for camera in cameras])
    xy = found.points.track_xy * (size / (footage.width, footage.height))[images]
    # features are no finer than the pixels that they were found in
    finest = min(solve.image_edge, max(footage.width, footage.height))
    tolerance = settings.most_error * np.maximum(1.0, size.max(axis=1) / finest)
    tracks = replace(found.points, track_image=images, track_xy=xy)
    points = reliable_points(tracks, cameras, tolerance[images], least, settings.least_angle)
    if len(points) < max(settings.least_found, len(model.points)):
        raise SolveError(f"{len(points)} were found in the frames, too few; more texture in the scene helps.")
    return points


def pairs_by_pose(cameras: Sequence[Camera], settings: PointSettings) -> list[tuple[int, int]]:
    """Cameras (by position) whose images are worth matching: all pairs of a short shot, else each with the
    views nearest to it and, ever more thinly, with further ones that look the same way: near views match
    well, further ones tell depth."""
    count = len(cameras)
    if count <= settings.all_pairs_frames:
        return list(combinations(range(count), 2))
    centres = np.array([camera.centre for camera in cameras])
    axes = np.array([camera.axis for camera in cameras])
    spread = float(np.median(np.linalg.norm(centres - centres.mean(axis=0), axis=1))) + 1e-12
    ranks = [1, 2, 3]  # then 4, 6, 8, 12, 16, 24, ..
    ranks += [r for k in range(2, count.bit_length()) for r in (2**k, 3 * 2 ** (k - 1)) if r < count]
    pairs: set[tuple[int, int]] = set()
    for i in range(count):
        turn = np.arccos(np.clip(axes @ axes[i], -1.0, 1.0))
        apart = turn + np.linalg.norm(centres - centres[i], axis=1) / spread
        apart[i] = -1.0
        near = [j for j in np.argsort(apart)[ranks].tolist() if turn[j] < np.radians(settings.widest_turn)]
        pairs |= {(min(i, j), max(i, j)) for j in near}
    return sorted(pairs)


def reliable_points(
    points: Points,
    cameras: Sequence[Camera],
    tolerance: np.ndarray,
    least_track: int,
    least_angle: float,
) -> Points:
    """Points that at least `least_track` of the images see where the cameras project them, from
    angles of at least `least_angle` degrees.

    tolerance: (M,) pixels for each entry of the tracks; entries beyond it are dropped.
    """
    error = np.full(len(points.track_image), np.nan)
    for image in np.unique(points.track_image):
        entries = np.flatnonzero(points.track_image == image)
        pixels, _ = cameras[image].project(points.xyz[points.track_point[entries]])
        error[entries] = np.linalg.norm(pixels - points.track_xy[entries], axis=1)
    with np.errstate(invalid="ignore"):
        good = error < tolerance
    centres = np.array([camera.centre for camera in cameras])
    kept: list[np.ndarray] = []  # per point that stays, its entries
    numbers: list[int] = []
    for number, xyz in enumerate(points.xyz):
        start, end = points.track_start[number : number + 2]
        entries = start + np.flatnonzero(good[start:end])
        images = np.unique(points.track_image[entries])
        if len(images) >= least_track and _widest_angle(centres[images] - xyz) >= least_angle:
            kept.append(entries)
            numbers.append(number)
    if not kept:
        return Points.empty()
    entries = np.concatenate(kept)
    return Points(
        points.xyz[numbers],
        points.rgb[numbers],
        np.array([error[e].mean() for e in kept]),
        np.concatenate(([0], np.cumsum([len(e) for e in kept]))).astype(np.int64),
        points.track_image[entries],
        points.track_xy[entries],
    )


def _widest_angle(rays: np.ndarray) -> float:
    """Degrees between those two of the rays (N, 3) that are furthest apart."""
    unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return float(np.degrees(np.arccos(np.clip((unit @ unit.T).min(), -1.0, 1.0))))
