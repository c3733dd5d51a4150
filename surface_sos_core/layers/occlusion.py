"""What an object of cells takes from the light of each direction, in compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

_CHUNK = 64  # points that a thread takes at a time


def blocked(
    cells: np.ndarray, extent: np.ndarray, points: np.ndarray, directions: np.ndarray, start: float
) -> np.ndarray:
    """(N, K) float32: the share of each of K bundles of light that the object keeps from a point.

    cells (X, Y, Z) bool: the object, over a box of +-extent (3,). points (N, 3) and the directions (K, R, 3) towards the
    light, of length 1, are in the box's coordinates; a ray begins so far (`start`) from its point.
    """
    out = np.zeros((len(points), len(directions)), np.float32)
    filled, size = np.ascontiguousarray(cells, np.uint8), np.asarray(extent, np.float32)
    _blocked(filled, size, points.astype(np.float32), directions.astype(np.float32), np.float32(start), out)
    return out


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _blocked(cells, extent, points, directions, start, out):  # type: ignore[no-untyped-def]
    count, rays = directions.shape[:2]
    shape = cells.shape
    scale = np.empty(3, np.float32)
    for axis in range(3):
        scale[axis] = np.float32(shape[axis]) / (np.float32(2.0) * extent[axis])
    step = np.float32(0.5) / max(scale[0], max(scale[1], scale[2]))
    for chunk in prange((len(points) + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(points))):
            for k in range(count):
                hits = 0
                for r in range(rays):
                    near, far = start, np.float32(1e9)
                    for axis in range(3):
                        slope = directions[k, r, axis]
                        if abs(slope) < np.float32(1e-9):
                            if abs(points[i, axis]) >= extent[axis]:
                                far = np.float32(-1.0)
                            continue
                        a = (-extent[axis] - points[i, axis]) / slope
                        b = (extent[axis] - points[i, axis]) / slope
                        near, far = max(near, min(a, b)), min(far, max(a, b))
                    t = near + np.float32(0.5) * step
                    while t < far:
                        x = np.int64((points[i, 0] + t * directions[k, r, 0] + extent[0]) * scale[0])
                        y = np.int64((points[i, 1] + t * directions[k, r, 1] + extent[1]) * scale[1])
                        z = np.int64((points[i, 2] + t * directions[k, r, 2] + extent[2]) * scale[2])
                        if (
                            min(x, min(y, z)) >= 0 and x < shape[0] and y < shape[1] and z < shape[2]
                            and cells[x, y, z]
                        ):  # fmt: skip
                            hits += 1
                            break
                        t += step
                out[i, k] = np.float32(hits) / np.float32(rays)
