"""What is known of how far away all is that a frame shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera


@dataclass(frozen=True)
class KnownDepth:
    """Disparity (1 / depth along the axis) of a frame's pixels (h, w), 0 where it is not known, and how fine it is: `step`."""

    disparity: np.ndarray
    step: float

    def span(self, error: float) -> tuple[np.ndarray, np.ndarray]:
        """The nearest and the farthest (h, w) that what is seen can be, where disparities are wrong by `error` steps at
        most; 0 and infinite where nothing is known."""
        known, room = self.disparity > 0, error * self.step
        with np.errstate(divide="ignore"):
            nearest = np.where(known, 1 / (self.disparity + room), 0.0)
            farthest = np.where(self.disparity > room, 1 / (self.disparity - room), np.inf)
        return nearest, farthest

    def at(self, size: tuple[int, int]) -> KnownDepth:
        """At another size (w, h)."""
        return KnownDepth(cv2.resize(self.disparity, size, interpolation=cv2.INTER_NEAREST), self.step)


def places_shown(camera: Camera, disparity: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(N, 3) in the world, what the kept pixels (h, w) bool show, row by row, by their disparity (h, w)."""
    height, width = disparity.shape
    directions = np.nan_to_num(camera.picture_rays(width, height))
    return camera.centre + directions[kept] / disparity[kept][:, None]


def pixels_that_show(
    world: np.ndarray, camera: Camera, disparity: np.ndarray, tolerance: float
) -> np.ndarray:
    """(N,) the number, row by row, of the pixel that shows each place (N, 3) in the world; -1 where none does.

    It does where the camera's own disparity (h, w) is within `tolerance` of the place's, not where that is unknown (0).
    """
    height, width = disparity.shape
    pixels, depth = camera.project(world)
    with np.errstate(invalid="ignore", divide="ignore"):
        column = np.floor(pixels[:, 0] * (width / camera.lens.width))
        row = np.floor(pixels[:, 1] * (height / camera.lens.height))
        looked_at = (depth > 0) & (column >= 0) & (row >= 0) & (column < width) & (row < height)
    found = np.full(len(world), -1)
    number = row[looked_at].astype(int) * width + column[looked_at].astype(int)
    known = disparity.ravel()[number]
    shown = (known > 0) & (np.abs(known - 1 / depth[looked_at]) < tolerance)
    found[looked_at] = np.where(shown, number, -1)
    return found
