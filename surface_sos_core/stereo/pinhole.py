"""Frames as a plane sweep looks at them: small, and without their lens' distortion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera


@dataclass(frozen=True)
class PinholeView:
    """A frame as a pinhole camera would have seen it.

    picture (h, w, 3) float32 display values; free (h, w) uint8, 1 where it shows what is looked for; focal and centre (2,)
    in its own pixels, whose centres are at +0.5; rotation (3, 3) from the world; place (3,) in the world.
    """

    picture: np.ndarray
    free: np.ndarray
    focal: np.ndarray
    centre: np.ndarray
    rotation: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray, free: np.ndarray, camera: Camera) -> PinholeView:
        """From what the camera saw, (h, w, 3) float32 at the view's size, and `free`, (a, b) uint8 at any."""
        lens, (height, width) = camera.lens, picture.shape[:2]
        scale = np.array((width / lens.width, height / lens.height))
        focal, centre = np.array(lens.focal_xy) * scale, np.array(lens.principal_point) * scale
        u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        local = np.stack([(u - centre[0]) / focal[0], (v - centre[1]) / focal[1], np.ones_like(u)], axis=-1)
        pixels = lens.project(local.reshape(-1, 3)).reshape(height, width, 2)
        pixels = np.where(np.isfinite(pixels), pixels, -1e4)
        x, y = np.moveaxis((pixels * scale - 0.5).astype(np.float32), -1, 0)
        seen = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        scale = np.array((free.shape[1] / lens.width, free.shape[0] / lens.height))
        x, y = np.moveaxis((pixels * scale - 0.5).astype(np.float32), -1, 0)
        free = cv2.remap(free, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
        return cls(seen, free, focal, centre, camera.rotation, camera.centre)
