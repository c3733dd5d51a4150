"""Choosing depths on the CPU, ray by ray in compiled loops; `depths` and `proposal` say the same in PyTorch."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

_CHUNK = 32  # rays that a thread takes at a time
_LEAST = np.float32(1e-6)  # opacity of the clearest cell


@njit(fastmath=True, cache=True, error_model="numpy")
def _cell(x, y, z, size):  # type: ignore[no-untyped-def]
    """Flat index of the cell of a cube of size^3 cells over [-1, 1]^3, the border cells reaching outwards."""
    half, top = np.float32(0.5 * size), np.int32(size - 1)
    one, low = np.float32(1.0), np.int32(0)
    i = min(max(np.int32((x + one) * half), low), top)
    j = min(max(np.int32((y + one) * half), low), top)
    k = min(max(np.int32((z + one) * half), low), top)
    return (np.int64(i) * size + j) * size + k


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def foreground_bins(origin, direction, extent, hold, grid, edges, opacity, cells):  # type: ignore[no-untyped-def]
    """Even bins between each ray's ends in the box: edges (rays, bins + 1), opacity, length in cells (rays, bins).

    A ray that cannot see the object has opacity 0 in all bins. hold, grid: cubes of values.
    """
    bins = opacity.shape[1]
    size, tiny = grid.shape[0], np.float32(1e-9)
    values, holds = grid.reshape(-1), hold.reshape(-1)
    for r in prange(len(origin)):
        enter, leave, square = np.float32(0.0), np.float32(np.inf), np.float32(0.0)
        for axis in range(3):
            d = direction[r, axis]
            square += d * d
            if abs(d) < tiny:
                d = tiny
            a, b = (-extent[axis] - origin[r, axis]) / d, (extent[axis] - origin[r, axis]) / d
            enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
        if leave <= enter:
            opacity[r] = np.float32(0.0)
            continue
        step = (leave - enter) / np.float32(bins)
        cells[r] = step * np.sqrt(square) * np.float32(0.5 * size)
        edges[r, 0] = enter
        for i in range(bins):
            edges[r, i + 1] = enter + step * np.float32(i + 1)
            t = enter + step * (np.float32(i) + np.float32(0.5))
            x, y, z = (
                origin[r, 0] + t * direction[r, 0],
                origin[r, 1] + t * direction[r, 1],
                origin[r, 2] + t * direction[r, 2],
            )
            held = holds[_cell(x / extent[0], y / extent[1], z / extent[2], hold.shape[0])] > 0
            opacity[r, i] = max(values[_cell(x, y, z, size)], _LEAST) if held else np.float32(0.0)


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def background_bins(origin, direction, near, spacing, grid, edges, opacity, cells):  # type: ignore[no-untyped-def]
    """Bins with edges at `spacing` (bins + 1) times twice the distance to the box's centre, in contracted space.

    Those that begin before a ray's `near` (rays,) have opacity 0.
    """
    bins = opacity.shape[1]
    half, one = np.float32(0.5), np.float32(1.0)
    size, values = grid.shape[0], grid.reshape(-1)
    for r in prange(len(origin)):
        ox, oy, oz = origin[r, 0], origin[r, 1], origin[r, 2]
        dx, dy, dz = direction[r, 0], direction[r, 1], direction[r, 2]
        reach = np.float32(2.0) * np.sqrt((ox * ox + oy * oy + oz * oz) / (dx * dx + dy * dy + dz * dz))
        reach = max(reach, np.float32(1e-6))
        px, py, pz = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for i in range(bins + 1):
            t = reach * spacing[i]
            edges[r, i] = t
            x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
            norm = max(np.sqrt(x * x + y * y + z * z), np.float32(1e-9))
            shrink = half if norm <= one else (one - half / norm) / norm
            x, y, z = x * shrink, y * shrink, z * shrink
            if i > 0:
                ux, uy, uz = x - px, y - py, z - pz
                cells[r, i - 1] = np.sqrt(ux * ux + uy * uy + uz * uz) * np.float32(0.5 * size)
                middle = _cell(half * (x + px), half * (y + py), half * (z + pz), size)
                there = edges[r, i - 1] >= near[r]
                opacity[r, i - 1] = max(values[middle], _LEAST) if there else np.float32(0.0)
            px, py, pz = x, y, z


@njit(fastmath=True, cache=True, error_model="numpy")
def _weigh(opacity, cells, floor, light, weight):  # type: ignore[no-untyped-def]
    """`bin_weights` of one ray into weight (bins + 2), from its second number on; light (bins + 1) is scratch."""
    bins = len(opacity)
    zero, one = np.float32(0.0), np.float32(1.0)
    light[0] = one
    weight[0], weight[bins + 1] = zero, zero
    for i in range(bins):
        passes = (one - min(opacity[i], np.float32(0.9999))) ** cells[i]
        light[i + 1] = light[i] * passes
        lag = min(np.int64(np.ceil(one / max(cells[i], np.float32(1e-3)))), bins)
        weight[i + 1] = (one - passes) * light[max(i - lag, 0)]
    total, open_ = zero, zero
    before = weight[0]
    for i in range(1, bins + 1):
        here = weight[i]
        weight[i] = max(before, max(here, weight[i + 1]))
        before = here
        total += weight[i]
        open_ += one if opacity[i - 1] > zero else zero
    scale, share = one / max(total, np.float32(1e-9)), floor / max(open_, one)
    for i in range(1, bins + 1):
        weight[i] = weight[i] * scale + share if opacity[i - 1] > zero else zero


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def draw(edges, opacity, cells, floor, which, jitter, out):  # type: ignore[no-untyped-def]
    """out[n]: depths in order on ray which[n], one from each equal part of its weights, at `jitter` (0..1) in the part."""
    bins, count = opacity.shape[1], out.shape[1]
    zero, one = np.float32(0.0), np.float32(1.0)
    for chunk in prange((len(which) + _CHUNK - 1) // _CHUNK):
        light, weight = np.empty(bins + 1, np.float32), np.empty(bins + 2, np.float32)
        for n in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(which))):
            r = which[n]
            _weigh(opacity[r], cells[r], floor, light, weight)
            total = zero
            for i in range(1, bins + 1):
                total += weight[i]
            i, low = 0, zero
            for k in range(count):
                u = total * ((np.float32(k) + jitter[n, k]) / np.float32(count))
                while i < bins - 1 and low + weight[i + 1] <= u:
                    low += weight[i + 1]
                    i += 1
                part = min(max((u - low) / max(weight[i + 1], np.float32(1e-12)), zero), one)
                out[n, k] = edges[r, i] + part * (edges[r, i + 1] - edges[r, i])
