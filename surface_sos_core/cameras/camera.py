"""Cameras in the world, the sparse points they saw, and the two together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from surface_sos_core.cameras.lens import Lens


@dataclass(frozen=True, eq=False)
class Camera:
    """One image's camera: x_camera = rotation @ x_world + translation; x right, y down, z forward.

    name: image file name in the camera model; rotation (3, 3) and translation (3,) float64.
    """

    name: str
    lens: Lens
    rotation: np.ndarray
    translation: np.ndarray

    @cached_property
    def centre(self) -> np.ndarray:
        """(3,) where the camera stands, in the world."""
        return -self.rotation.T @ self.translation

    @property
    def axis(self) -> np.ndarray:
        """(3,) unit viewing direction in the world."""
        return self.rotation[2]

    def project(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (N, 2), nan where not visible, and depth (N,) along the axis, of world points (N, 3)."""
        local = np.asarray(world, dtype=np.float64) @ self.rotation.T + self.translation
        return self.lens.project(local), local[:, 2]

    def rays(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Origin (3,) and directions (N, 3) in the world of pixels (N, 2).

        Directions have length 1 along the viewing axis, so origin + t direction lies at depth t; nan where
        the lens has no ray (see Lens.unproject).
        """
        return self.centre, self.lens.unproject(pixels) @ self.rotation

    def picture_rays(self, width: int, height: int) -> np.ndarray:
        """Directions (height, width, 3), as `rays` gives them, of the pixels of the image at another size."""
        u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        pixels = np.stack(
            (u.ravel() * self.lens.width / width, v.ravel() * self.lens.height / height), axis=1
        )
        return self.rays(pixels)[1].reshape(height, width, 3)

    def sees(self, world: np.ndarray) -> np.ndarray:
        """(N,) bool: the world points (N, 3) that fall inside the image."""
        pixels, _ = self.project(world)
        with np.errstate(invalid="ignore"):
            return np.all((pixels >= 0) & (pixels < (self.lens.width, self.lens.height)), axis=1)


@dataclass(frozen=True, eq=False)
class Points:
    """Sparse points and the images that saw them.

    xyz (N, 3) float64; rgb (N, 3) uint8; error (N,) float64, mean reprojection error in pixels (-1 unknown).
    Track of point i: entries track_start[i] to track_start[i + 1] (track_start int64, N + 1) of track_image
    (M,) int32, the position of the image in the model's order, and of track_xy (M, 2) float64, where it was
    seen, in pixels (nan where the model does not say).
    """

    xyz: np.ndarray
    rgb: np.ndarray
    error: np.ndarray
    track_start: np.ndarray
    track_image: np.ndarray
    track_xy: np.ndarray

    @staticmethod
    def empty() -> Points:
        return Points(
            np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0),
            np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros((0, 2)),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def track_length(self) -> np.ndarray:
        """(N,) how many observations each point has."""
        return np.diff(self.track_start)

    @cached_property
    def track_point(self) -> np.ndarray:
        """(M,) the point that each track entry belongs to."""
        return np.repeat(np.arange(len(self)), self.track_length)

    def seen_by(self, image: int) -> np.ndarray:
        """Indices of the points whose track holds the model's image number `image`."""
        return np.unique(self.track_point[self.track_image == image])


@dataclass(frozen=True, eq=False)
class CameraModel:
    """Cameras by image name, in the model's order, and sparse points (possibly none) in the same world."""

    cameras: dict[str, Camera]
    points: Points

    def renamed(self, names: dict[str, str]) -> CameraModel:
        """The same model with other image names; those missing from `names` stay."""
        cameras = [replace(c, name=names.get(c.name, c.name)) for c in self.cameras.values()]
        return CameraModel({c.name: c for c in cameras}, self.points)
