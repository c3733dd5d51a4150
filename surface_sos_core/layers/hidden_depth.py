"""How far away the background is that the object hides from a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.cameras.planes import plane_disparity
from surface_sos_core.fields.scene import Scene
from surface_sos_core.layers.shown_depth import ShownPlaces, cost_of_shown, shown_disparity
from surface_sos_core.layers.sources import Sources
from surface_sos_core.render.look import backdrop_depth
from surface_sos_core.render.proposal import Proposals
from surface_sos_core.render.rays import Rays
from surface_sos_core.settings import PlateSettings, ShownSettings, SweepSettings
from surface_sos_core.stereo.sweep import sweep_disparity


@dataclass(frozen=True)
class Background:
    """What is known of everything but the object: BaCo, sparse points (N, 3) and the planes (K, 4) that many of them lie
    on, both in the world, and what the frames' own sweeps show."""

    scene: Scene
    proposals: Proposals
    points: np.ndarray
    planes: np.ndarray
    shown: ShownPlaces


def hidden_depth(
    background: Background,
    camera: Camera,
    cast: Callable[[np.ndarray], Rays],
    hole: np.ndarray,
    display: np.ndarray | None,
    front: np.ndarray,
    sources: Sources,
    own: int | None,
    settings: PlateSettings,
    shown: ShownSettings,
    sweep: SweepSettings,
) -> np.ndarray:
    """Depth (H, W) of the background in and around `hole` (H, W); 1 far from it.

    BaCo's depth, planes and sparse points say what is likely, the other frames' colours decide. display (H, W, 3): the
    frame's own picture, None for a camera that filmed nothing; front (H, W): depth of the object where it is; own: the
    frame's number.
    """
    height, width = hole.shape
    stride = max(1, -(-max(height, width) // settings.depth_edge))
    reach = settings.depth_margin * stride
    low = (np.argwhere(hole).min(axis=0) - reach).clip(0) // stride
    high = -(-(np.argwhere(hole).max(axis=0) + reach + 1).clip(None, (height, width)) // stride)
    rows, columns = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    lattice = np.stack(np.meshgrid((columns + 0.5) * stride, (rows + 0.5) * stride), axis=-1)
    shape = lattice.shape[:2]
    believed = _believed(background, cast, lattice, stride, settings.backdrop_samples)
    origin, directions = camera.rays(lattice.reshape(-1, 2))
    directions = np.nan_to_num(directions).reshape(*shape, 3)

    covered = _on_lattice(hole, lattice)
    world = origin + directions[covered] / believed[covered][:, None]
    chosen = sources.choose(camera, world, settings.depth_views, own)
    disparity = believed
    if chosen:
        seen = np.full((*shape, 3), np.nan, np.float32)
        if display is not None:
            small = cv2.resize(
                display.astype(np.float32),
                (max(1, width // stride), max(1, height // stride)),
                interpolation=cv2.INTER_AREA,
            )
            at = np.minimum(rows, small.shape[0] - 1)[:, None], np.minimum(columns, small.shape[1] - 1)
            seen = np.where(
                cv2.dilate(covered.astype(np.uint8), np.ones((3, 3)))[..., None] > 0, seen, small[at]
            )
        ceiling = settings.in_front / np.maximum(_on_lattice(front, lattice), 1e-9)
        ceiling = np.where(covered & (ceiling > 1e-6), ceiling, np.inf)
        priors = np.concatenate([believed[None], plane_disparity(background.planes, origin, directions)])
        steps = _disparities(camera, background.points, believed[covered], lattice, settings)
        told = shown_disparity(
            camera,
            [background.shown.of(i) for i in chosen],
            (rows[0], columns[0]),
            stride,
            steps,
            covered,
            shown,
        )
        views = [sources.view(i, stride) for i in chosen]
        likely = cost_of_shown(told, steps, shown)
        disparity = sweep_disparity(origin, directions, seen, priors, ceiling, steps, views, sweep, likely)
    depth = np.ones((height, width), np.float32)
    size = (len(columns) * stride, len(rows) * stride)
    # Disparity is what changes linearly over a flat surface.
    fine = cv2.resize(disparity.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    top, left = rows[0] * stride, columns[0] * stride
    bottom, right = min(height, top + size[1]), min(width, left + size[0])
    depth[top:bottom, left:right] = 1.0 / fine[: bottom - top, : right - left]
    return depth


def rough_depth(
    background: Background,
    camera: Camera,
    cast: Callable[[np.ndarray], Rays],
    edge: int,
    settings: PlateSettings,
) -> np.ndarray:
    """BaCo's depth (H, W) all over a camera's picture, asked at so few pixels that `edge` of them make its longer edge."""
    lens = camera.lens
    step = max(1.0, max(lens.width, lens.height) / edge)
    columns, rows = (max(1, round(side / step)) for side in (lens.width, lens.height))
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    pixels = np.stack([x.ravel() * lens.width, y.ravel() * lens.height], axis=1)
    depth = backdrop_depth(background.scene, background.proposals, cast(pixels), settings.backdrop_samples)
    disparity = 1.0 / depth.cpu().numpy().reshape(rows, columns)
    return 1.0 / cv2.resize(disparity, (lens.width, lens.height), interpolation=cv2.INTER_LINEAR)


def _believed(
    background: Background,
    cast: Callable[[np.ndarray], Rays],
    lattice: np.ndarray,
    stride: int,
    samples: int,
) -> np.ndarray:
    """BaCo's disparity (h, w), asked at every second lattice point: it is only a hint."""
    rows, columns = lattice.shape[:2]
    half = (-(-columns // 2), -(-rows // 2))
    corner = lattice[0, 0] - 0.5 * stride
    coarse = np.stack(np.meshgrid(np.arange(half[0]), np.arange(half[1])), axis=-1)
    pixels = corner + (coarse + 0.5) * (2 * stride)
    rays = cast(pixels.reshape(-1, 2))
    depth = backdrop_depth(background.scene, background.proposals, rays, samples)
    disparity = 1.0 / depth.cpu().numpy().reshape(half[1], half[0])
    fine = cv2.resize(disparity, (2 * half[0], 2 * half[1]), interpolation=cv2.INTER_LINEAR)
    return fine[:rows, :columns]


def _on_lattice(picture: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """The values of a picture (H, W) at lattice points (h, w, 2)."""
    column, row = lattice[..., 0].astype(int), lattice[..., 1].astype(int)
    return picture[row.clip(0, picture.shape[0] - 1), column.clip(0, picture.shape[1] - 1)]


def _disparities(
    camera: Camera, points: np.ndarray, believed: np.ndarray, lattice: np.ndarray, settings: PlateSettings
) -> np.ndarray:
    """The disparities to try: from the farthest to the nearest that BaCo or a sparse point around the hole has."""
    pixels, away = camera.project(points)
    first, last = lattice[0, 0], lattice[-1, -1]
    with np.errstate(invalid="ignore"):
        inside = (away > 0) & ((pixels >= first) & (pixels <= last)).all(axis=1)
    known = 1.0 / away[inside]
    ends = settings.range_quantile, 1.0 - settings.range_quantile
    ranges = [np.quantile(part, ends) for part in (believed, known) if len(part)]
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    return np.linspace(low / settings.widen, high * settings.widen, settings.disparities)
