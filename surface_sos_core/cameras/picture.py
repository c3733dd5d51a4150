"""The pixels of a picture that is smaller or larger than the camera's own."""

from __future__ import annotations

import numpy as np

from surface_sos_core.cameras.camera import Camera


def picture_pixels(
    camera: Camera, pixels: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Where the camera's pixels (N, 2), nan where not visible, lie in a picture of it of another `shape` (height, width).

    Returns (N,) bool: those inside the image, the same at any shape; and row and column (M,) int of these.
    """
    height, width = shape
    with np.errstate(invalid="ignore"):
        inside = np.all((pixels >= 0) & (pixels < (camera.lens.width, camera.lens.height)), axis=1)
    x, y = pixels[inside].T
    column, row = (
        (x * (width / camera.lens.width)).astype(int),
        (y * (height / camera.lens.height)).astype(int),
    )
    # What lies at the very end may be rounded beyond it.
    return inside, (np.minimum(row, height - 1), np.minimum(column, width - 1))


def at_size(
    row: np.ndarray, column: np.ndarray, size: tuple[int, ...], other: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (N,) of a picture of `size`, height and width, as those of the same picture of an `other` size."""
    return row * other[0] // size[0], column * other[1] // size[1]
