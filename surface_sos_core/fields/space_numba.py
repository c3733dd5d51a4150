"""Points of space in compiled loops for the CPU: contraction, and values of a grid between its cells."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

_CHUNK = 1024  # points that a thread takes at a time


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def contract(x, out):  # type: ignore[no-untyped-def]
    """out (N, 3) = `contraction.contract` of x (N, 3)."""
    half, one = np.float32(0.5), np.float32(1.0)
    for chunk in prange((len(x) + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(x))):
            norm = np.sqrt(x[i, 0] * x[i, 0] + x[i, 1] * x[i, 1] + x[i, 2] * x[i, 2])
            norm = max(norm, np.float32(1e-9))
            scale = half if norm <= one else (one - half / norm) / norm
            out[i, 0], out[i, 1], out[i, 2] = scale * x[i, 0], scale * x[i, 1], scale * x[i, 2]


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def lookup(grid, x, extent, out):  # type: ignore[no-untyped-def]
    """out (N,) = values of a cube of cells over +-extent, linear between cell centres, at x (N, 3); 0 outside."""
    size = grid.shape[0]
    half, one = np.float32(0.5 * size), np.float32(1.0)
    for chunk in prange((len(x) + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(x))):
            px = (x[i, 0] / extent[0] + one) * half - np.float32(0.5)
            py = (x[i, 1] / extent[1] + one) * half - np.float32(0.5)
            pz = (x[i, 2] / extent[2] + one) * half - np.float32(0.5)
            total = np.float32(0.0)
            if min(px, py, pz) > -one and max(px, py, pz) < np.float32(size):
                cx, cy, cz = np.int64(np.floor(px)), np.int64(np.floor(py)), np.int64(np.floor(pz))
                fx, fy, fz = px - np.float32(cx), py - np.float32(cy), pz - np.float32(cz)
                for corner in range(8):
                    a, b, c = corner & 1, corner >> 1 & 1, corner >> 2
                    u, v, w = cx + a, cy + b, cz + c
                    if min(u, v, w) >= 0 and max(u, v, w) < size:
                        weight = fx if a else one - fx
                        weight *= fy if b else one - fy
                        weight *= fz if c else one - fz
                        total += weight * grid[u, v, w]
            out[i] = total
