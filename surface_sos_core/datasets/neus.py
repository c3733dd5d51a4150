"""DTU and other scenes as NeuS has them (github.com/Totoro97/NeuS, "Data Convention"): cameras_sphere.npz, image/, mask/.

world_mat_i projects world points to pixels of image i, which count from the centre of the first one; scale_mat_i maps
the unit sphere, which holds the object, into the world.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.arrays import read_arrays
from surface_sos_core.cameras import Box, Camera
from surface_sos_core.datasets.dataset import DataSet, View, image_size
from surface_sos_core.datasets.parts import HALF_PIXEL, camera_at, images_of, need, pinhole
from surface_sos_core.errors import InputError

_MOST_BYTES = 1 << 26  # of matrices, some of each image


def read(path: Path) -> DataSet:
    """path: the folder of a scene. Its masks were drawn by hand, so they are truth."""
    file = need(path / "cameras_sphere.npz", "the cameras")
    try:
        stored = read_arrays(file, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as cameras of NeuS; get the set again.") from error
    projections, spheres = (_numbered(stored, prefix, file) for prefix in ("world_mat_", "scale_mat_"))
    images = images_of(path / "image", len(projections), file.name)
    masks: list[Path] | list[None] = [None] * len(images)
    if (path / "mask").is_dir():
        masks = images_of(path / "mask", len(images), file.name)
    views = [
        View(image, _camera(matrix, *image_size(image), f"{file}, camera of {image.name}"), truth=mask)
        for image, matrix, mask in zip(images, projections, masks, strict=True)
    ]
    box = Box(spheres[0][:3, 3].copy(), np.full(3, abs(spheres[0][0, 0])), np.eye(3)) if spheres else None
    return DataSet(views, box)


def _numbered(stored: dict[str, np.ndarray], prefix: str, file: Path) -> list[np.ndarray]:
    """The matrices (4, 4) of images 0, 1, .."""
    found: list[np.ndarray] = []
    while f"{prefix}{len(found)}" in stored:
        matrix = stored[f"{prefix}{len(found)}"]
        if matrix.shape != (4, 4) or matrix.dtype.kind not in "fiu" or not np.isfinite(matrix).all():
            raise InputError(f"{file}: {prefix}{len(found)} is no 4x4 matrix; get the set again.")
        found.append(matrix.astype(np.float64))
    return found


def _camera(projection: np.ndarray, width: int, height: int, where: str) -> Camera:
    """The camera whose K [R | t] is the projection, up to its scale."""
    matrix = projection[:3]
    determinant = np.linalg.det(matrix[:, :3])
    if abs(determinant) < 1e-12 * np.linalg.norm(matrix[:, :3]) ** 3:
        raise InputError(f"{where} is no projection; get the set again.")
    k, rotation, centre = cv2.decomposeProjectionMatrix(matrix * np.sign(determinant))[:3]
    k = k / k[2, 2]
    cx, cy = k[:2, 2] + HALF_PIXEL
    lens = pinhole(width, height, k[0, 0], k[1, 1], cx, cy, where)
    return camera_at(lens, rotation.T, (centre[:3] / centre[3]).ravel(), where)
