"""What masks say of places that views see beside a hull: there, nearly nothing but real parts is masked in most of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.hull_votes import look_size
from surface_sos_core.settings import ThinPartSettings
from surface_sos_core.shapes import dilated


def told_beside(
    hull: np.ndarray,
    world: np.ndarray,
    probability: np.ndarray,
    trust: np.ndarray,
    cameras: Sequence[Camera | None],
    views: np.ndarray,
    box: Box,
    settings: ThinPartSettings,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each of the views: (N,) bool, which of the places (N, 3) are in its picture, and of these (M,) each: how far it
    is believed there, 0 to 1 and 0 where the hull is in the way, and what its mask has, 0 to 1.

    hull: (R, R, R) bool over the whole box. probability and trust: (frames, h, w) uint8, of one size or two.
    """
    shape = probability.shape[1:]
    width, height = look_size(probability[0], settings.look_edge)
    cells = hull.astype(np.float32)
    for i in views:
        camera = cameras[i]
        assert camera is not None
        free = _free(project_grid(cells, box, camera, width, height) > 0.5, settings.wobble)
        pixels, _ = camera.project(world)
        seen, at = picture_pixels(camera, pixels, shape)
        _, trusted = picture_pixels(camera, pixels, trust.shape[1:])
        _, looked_at = picture_pixels(camera, pixels, free.shape)
        yield seen, free[looked_at] * (trust[i][trusted] / 255.0), probability[i][at] / 255.0


def _free(hull: np.ndarray, wobble: float) -> np.ndarray:
    """(h, w) bool: pixels clearly beside a hull (h, w) bool, whose outline is as uncertain as the masks' own."""
    diameter = 2.0 * np.sqrt(hull.sum() / np.pi)
    radius = max(1, round(wobble * diameter))
    return ~dilated(hull, radius)
