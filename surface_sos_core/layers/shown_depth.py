"""How far away the background is that a frame hides, as other frames tell that show it: each by a plane sweep of its own."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.settings import ShownSettings
from surface_sos_core.stereo.frame_disparity import FrameSweeps
from surface_sos_core.stereo.known_depth import places_shown


class ShownPlaces:
    """The background that frames show, as places in the world.

    holdouts: (frames, h, w) uint8 at any size, above 0 where the object may be.
    """

    def __init__(self, sweeps: FrameSweeps, cameras: Sequence[Camera | None], holdouts: np.ndarray) -> None:
        self._sweeps, self._cameras, self._holdouts = sweeps, cameras, holdouts

    def of(self, index: int) -> np.ndarray:
        """(N, 3) in the world, what a frame shows of the background."""
        camera, disparity = self._cameras[index], self._sweeps[index]
        if camera is None:
            raise ValueError(f"frame at position {index} has no camera")
        covered = cv2.resize(self._holdouts[index], disparity.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return places_shown(camera, disparity, self._sweeps.inside(index) & (covered == 0))


def shown_disparity(
    camera: Camera,
    places: Sequence[np.ndarray],
    first: tuple[int, int],
    stride: int,
    steps: np.ndarray,
    wanted: np.ndarray,
    settings: ShownSettings,
) -> np.ndarray:
    """Disparity (h, w) of the nearest surface that several frames show, nan where too few do or it is not `wanted` (h, w).

    places: of each frame that is asked, (N, 3) in the world. The lattice has a point in the middle of every `stride` pixels
    of `camera`, its first at row and column `first`; steps (n,): disparities that are told apart, growing evenly.
    """
    votes, hits = np.zeros((2, len(steps), *wanted.shape), np.uint16)
    grow = np.ones((settings.spread,) * 2, np.uint8)
    for world in places:
        hit = _hits(camera, world, first, stride, steps, wanted.shape)
        for k in np.flatnonzero(hit.any(axis=(1, 2))):
            hit[k] = cv2.dilate(hit[k], grow)
        hits += hit
        near = hit.copy()  # a step away counts as well
        near[1:] |= hit[:-1]
        near[:-1] |= hit[1:]
        votes += near
    enough = votes >= settings.agree
    level = len(steps) - 1 - np.argmax(enough[::-1], axis=0)
    return np.where(wanted & enough.any(axis=0), _middle(hits, level, steps), np.nan)


def cost_of_shown(told: np.ndarray, steps: np.ndarray, settings: ShownSettings) -> np.ndarray:
    """(h, w, n) what each of the steps (n,) costs where a disparity (h, w) is told; nothing where that is nan."""
    away = np.abs(steps.astype(np.float32) - told[..., None].astype(np.float32)) / (
        settings.near * (steps[1] - steps[0])
    )
    return np.nan_to_num(settings.weight * np.minimum(away, 1.0)).astype(np.float32)


def _hits(
    camera: Camera,
    world: np.ndarray,
    first: tuple[int, int],
    stride: int,
    steps: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """(n, h, w) uint8, 1 at the steps and lattice points where places (N, 3) lie."""
    pixels, depth = camera.project(world)
    with np.errstate(invalid="ignore", divide="ignore"):
        column = np.floor(pixels[:, 0] / stride) - first[1]
        row = np.floor(pixels[:, 1] / stride) - first[0]
        level = np.rint((1.0 / depth - steps[0]) / (steps[1] - steps[0]))
        inside = (depth > 0) & (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
        inside &= (level >= 0) & (level < len(steps))
    hit = np.zeros((len(steps), *shape), np.uint8)
    hit[level[inside].astype(int), row[inside].astype(int), column[inside].astype(int)] = 1
    return hit


def _middle(hits: np.ndarray, level: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Disparity (h, w), the mean of what is hit (n, h, w) from a step before the nearest level (h, w) to three behind it."""
    rows, columns = np.indices(level.shape)
    counts = {
        shift: hits[(level + shift).clip(0, len(steps) - 1), rows, columns].astype(np.float64)
        for shift in range(-3, 2)
    }
    away = sum(shift * count for shift, count in counts.items()) / np.maximum(sum(counts.values()), 1.0)
    return steps[level] + (steps[1] - steps[0]) * away
