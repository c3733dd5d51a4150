"""Marching rays through a voxel grid: how a volume looks from a camera, without any network."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from surface_sos_core.cameras import Box, Camera


def project_grid(
    grid: np.ndarray,
    box: Box,
    camera: Camera,
    width: int,
    height: int,
    span: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """The largest value of `grid` along the ray of every pixel, from the first to the second depth (height, width) of `span`.

    grid: (R, R, R) float32 over the whole box, its cells as long-sided as the box is, indexed x, y, z. Returns (height, width) float32, 0 where the
    ray misses the box. The camera's picture is divided into width x height pixels.
    """
    start = box.to_box(camera.centre[None])[0] / box.extent
    steps = (camera.picture_rays(width, height).reshape(-1, 3) @ box.rotation) * (box.scale / box.extent)
    first, last = (
        (np.ravel(s) for s in span)
        if span is not None
        else (np.zeros(len(steps)), np.full(len(steps), np.inf))
    )
    values = _largest_along_rays(
        np.ascontiguousarray(grid, dtype=np.float32),
        start,
        np.ascontiguousarray(steps),
        2.0 / grid.shape[0],
        first,
        last,
    )
    return values.reshape(height, width)


@njit(parallel=True, fastmath=True, cache=True)
def _largest_along_rays(  # type: ignore[no-untyped-def]
    grid, origin, directions, step, first, last
):  # pragma: no cover
    size = grid.shape[0]
    out = np.zeros(directions.shape[0], dtype=np.float32)
    for i in prange(directions.shape[0]):
        near, far = first[i], min(last[i], 1e30)
        for k in range(3):
            d = directions[i, k]
            if abs(d) < 1e-12:
                if abs(origin[k]) > 1.0:
                    far = -1.0
                continue
            a = (-1.0 - origin[k]) / d
            b = (1.0 - origin[k]) / d
            near = max(near, min(a, b))
            far = min(far, max(a, b))
        if not far > near:
            continue
        length = np.sqrt(directions[i, 0] ** 2 + directions[i, 1] ** 2 + directions[i, 2] ** 2)
        dt = step / length
        best = np.float32(0.0)
        t = near + 0.5 * min(dt, far - near)
        while t < far:
            x = int((origin[0] + t * directions[i, 0] + 1.0) * 0.5 * size)
            y = int((origin[1] + t * directions[i, 1] + 1.0) * 0.5 * size)
            z = int((origin[2] + t * directions[i, 2] + 1.0) * 0.5 * size)
            x = min(max(x, 0), size - 1)
            y = min(max(y, 0), size - 1)
            z = min(max(z, 0), size - 1)
            value = grid[x, y, z]
            best = max(best, value)
            t += dt
        out[i] = best
    return out
