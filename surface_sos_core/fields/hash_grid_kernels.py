"""Loops of the hash grid compiled by numba for the CPU: two features a level, float32, points clamped to [0, 1].

A block of points takes two steps on each level: first, in vector instructions, which entries and weights are wanted,
then the lookups. Evaluation runs in parallel over blocks; what adds to the table runs in parallel over levels, so no two
threads write to the same entry. Cells are found again in every pass, which costs less than to store and load them.
Encodings are rows whose levels start at a given column: what a network puts before them stays where it is.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import get_num_threads, njit, prange

from surface_sos_core.fields.hash_grid import PRIMES, GridSpec

BLOCK = 256  # points looked at together; what is known of them stays in the first cache
_SPAN = 8192  # points at most that a thread takes through all levels, so that a level's entries stay in cache as well


@lru_cache(maxsize=16)
def grid_levels(spec: GridSpec) -> np.ndarray:
    """(levels, 6) int64: resolution, first entry, entry behind the last, factors of y and z, hash mask (0 = dense)."""
    rows = []
    for level, resolution in enumerate(spec.resolutions):
        side, first, size = resolution + 1, spec.offsets[level], spec.sizes[level]
        factors = (side, side * side, 0) if spec.dense[level] else (PRIMES[1], PRIMES[2], size - 1)
        rows.append((resolution, first, first + size, *factors))
    return np.array(rows, dtype=np.int64)


def span_of(count: int, most: int = _SPAN) -> int:
    """How many of `count` points a thread takes at a time: whole blocks, two shares or more for each thread."""
    share = -(-count // (2 * get_num_threads()))
    return max(BLOCK, min(most, -(-share // BLOCK) * BLOCK))


@njit(fastmath=True, cache=True)
def scratch():  # type: ignore[no-untyped-def]
    """What a thread needs for a block: positions, places within cells (3, BLOCK), corners and weights (8, BLOCK)."""
    return (
        np.empty((3, BLOCK), np.float32),
        np.empty((3, BLOCK), np.float32),
        np.empty((8, BLOCK), np.uint32),
        np.empty((8, BLOCK), np.float32),
    )


@njit(fastmath=True, cache=True)
def load_block(x, first, count, position):  # type: ignore[no-untyped-def]
    """Transpose `count` rows of x (N, 3) into position (3, BLOCK), clamped to [0, 1]."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for i in range(count):
        position[0, i] = min(max(x[first + i, 0], zero), one)
        position[1, i] = min(max(x[first + i, 1], zero), one)
        position[2, i] = min(max(x[first + i, 2], zero), one)


@njit(fastmath=True, cache=True)
def _cell(position, top):  # type: ignore[no-untyped-def]
    """Index of the cell of a coordinate; the last cell, `top`, owns its upper border."""
    return min(max(np.int32(position), np.int32(0)), top)


@njit(fastmath=True, cache=True)
def locate(position, count, level, corner, place):  # type: ignore[no-untyped-def]
    """Entries of the eight corners of each point's cell (x fastest), and its place (3, BLOCK) in the cell, 0..1.

    Both loops are free of branches and of lookups, so the compiler turns them into vector instructions.
    """
    resolution, top = np.float32(level[0]), np.int32(level[0] - 1)
    step_y, step_z, mask = np.uint32(level[3]), np.uint32(level[4]), np.uint32(level[5])
    one = np.uint32(1)
    for i in range(count):
        px, py, pz = position[0, i] * resolution, position[1, i] * resolution, position[2, i] * resolution
        cx, cy, cz = _cell(px, top), _cell(py, top), _cell(pz, top)
        place[0, i], place[1, i], place[2, i] = px - np.float32(cx), py - np.float32(cy), pz - np.float32(cz)
        corner[0, i] = np.uint32(cx)
        corner[1, i] = np.uint32(cy) * step_y
        corner[2, i] = np.uint32(cz) * step_z
    if mask == 0:
        for i in range(count):
            low = corner[0, i] + corner[1, i] + corner[2, i]
            corner[0, i], corner[1, i] = low, low + one
            corner[2, i], corner[3, i] = low + step_y, low + step_y + one
            corner[4, i], corner[5, i] = low + step_z, low + step_z + one
            corner[6, i], corner[7, i] = low + step_y + step_z, low + step_y + step_z + one
    else:
        for i in range(count):
            x0, y0, z0 = corner[0, i], corner[1, i], corner[2, i]
            x1, y1, z1 = np.uint32(x0 + one), np.uint32(y0 + step_y), np.uint32(z0 + step_z)
            corner[0, i], corner[1, i] = (x0 ^ y0 ^ z0) & mask, (x1 ^ y0 ^ z0) & mask
            corner[2, i], corner[3, i] = (x0 ^ y1 ^ z0) & mask, (x1 ^ y1 ^ z0) & mask
            corner[4, i], corner[5, i] = (x0 ^ y0 ^ z1) & mask, (x1 ^ y0 ^ z1) & mask
            corner[6, i], corner[7, i] = (x0 ^ y1 ^ z1) & mask, (x1 ^ y1 ^ z1) & mask


@njit(fastmath=True, cache=True)
def trilinear(place, count, weight):  # type: ignore[no-untyped-def]
    """Weights (8, BLOCK) of the corners."""
    one = np.float32(1.0)
    for i in range(count):
        fx, fy, fz = place[0, i], place[1, i], place[2, i]
        ex, ey, ez = one - fx, one - fy, one - fz
        a, b, c, d = ey * ez, fy * ez, ey * fz, fy * fz
        weight[0, i], weight[1, i], weight[2, i], weight[3, i] = ex * a, fx * a, ex * b, fx * b
        weight[4, i], weight[5, i], weight[6, i], weight[7, i] = ex * c, fx * c, ex * d, fx * d


@njit(fastmath=True, cache=True)
def slopes(x, g, first, count, place, resolution, weight):  # type: ignore[no-untyped-def]
    """Derivatives (8, BLOCK) of the corners' weights along the rows of g (N, 3), 0 along axes on which x is clamped."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for axis in range(3):  # transposed first, or the loop below would not become vector instructions
        for i in range(count):
            clamped = x[first + i, axis] < zero or x[first + i, axis] > one
            weight[axis, i] = zero if clamped else g[first + i, axis]
    for i in range(count):
        fx, fy, fz = place[0, i], place[1, i], place[2, i]
        gx, gy, gz = weight[0, i] * resolution, weight[1, i] * resolution, weight[2, i] * resolution
        ex, ey, ez = one - fx, one - fy, one - fz
        # Along x the weight of an edge is constant; along y and z it changes with the edge's own weight.
        a, b, c, d = ey * ez * gx, fy * ez * gx, ey * fz * gx, fy * fz * gx
        p, q, r, s = -ez * gy - ey * gz, ez * gy - fy * gz, -fz * gy + ey * gz, fz * gy + fy * gz
        weight[0, i], weight[1, i] = ex * p - a, fx * p + a
        weight[2, i], weight[3, i] = ex * q - b, fx * q + b
        weight[4, i], weight[5, i] = ex * r - c, fx * r + c
        weight[6, i], weight[7, i] = ex * s - d, fx * s + d


@njit(fastmath=True, cache=True)
def interpolate(entries, corner, weight, i):  # type: ignore[no-untyped-def]
    """Both features of point i of a block: the weighted sum over its corners."""
    a, b = np.float32(0.0), np.float32(0.0)
    for k in range(8):
        n, w = corner[k, i], weight[k, i]
        a += w * entries[n, 0]
        b += w * entries[n, 1]
    return a, b


@njit(parallel=True, fastmath=True, cache=True)
def encode(table, x, levels, active, column, span, out):  # type: ignore[no-untyped-def]
    """out[i, column + 2l..] = interpolation of level l at point i, both features."""
    for part in prange((len(x) + span - 1) // span):
        position, place, corner, weight = scratch()
        for k in range(active):
            level, to = levels[k], column + 2 * k
            entries = table[level[1] : level[2]]
            for first in range(part * span, min((part + 1) * span, len(x)), BLOCK):
                count = min(BLOCK, len(x) - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                trilinear(place, count, weight)
                for i in range(count):
                    out[first + i, to], out[first + i, to + 1] = interpolate(entries, corner, weight, i)


@njit(parallel=True, fastmath=True, cache=True)
def jacobian(table, x, g, levels, active, column, span, out):  # type: ignore[no-untyped-def]
    """out[i, column..] = J(x_i) g_i, for g (N, 3)."""
    for part in prange((len(x) + span - 1) // span):
        position, place, corner, weight = scratch()
        for k in range(active):
            level, to = levels[k], column + 2 * k
            entries = table[level[1] : level[2]]
            for first in range(part * span, min((part + 1) * span, len(x)), BLOCK):
                count = min(BLOCK, len(x) - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                slopes(x, g, first, count, place, np.float32(level[0]), weight)
                for i in range(count):
                    out[first + i, to], out[first + i, to + 1] = interpolate(entries, corner, weight, i)


@njit(parallel=True, fastmath=True, cache=True)
def transposed_jacobian(table, x, u, levels, active, column, span, out):  # type: ignore[no-untyped-def]
    """out[i] = J(x_i)^T u_i, for rows of u from `column` on; 0 along axes on which x is clamped."""
    for part in prange((len(x) + span - 1) // span):
        start, stop = part * span, min((part + 1) * span, len(x))
        position, place, corner, value = scratch()
        out[start:stop] = np.float32(0.0)
        for k in range(active):
            level, at = levels[k], column + 2 * k
            entries = table[level[1] : level[2]]
            resolution = np.float32(level[0])
            for first in range(start, stop, BLOCK):
                count = min(BLOCK, stop - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                for i in range(count):
                    a, b = resolution * u[first + i, at], resolution * u[first + i, at + 1]
                    for c in range(8):
                        value[c, i] = a * entries[corner[c, i], 0] + b * entries[corner[c, i], 1]
                _differences(place, value, count, position)
                for i in range(count):
                    for axis in range(3):
                        out[first + i, axis] += position[axis, i]
        for i in range(start, stop):
            for axis in range(3):
                if x[i, axis] < np.float32(0.0) or x[i, axis] > np.float32(1.0):
                    out[i, axis] = np.float32(0.0)


@njit(fastmath=True, cache=True)
def _differences(place, v, count, out):  # type: ignore[no-untyped-def]
    """Slopes (3, BLOCK), in cells, of the trilinear interpolation of corner values v (8, BLOCK)."""
    one = np.float32(1.0)
    for i in range(count):
        fx, fy, fz = place[0, i], place[1, i], place[2, i]
        ey, ez = one - fy, one - fz
        # Along x first: the edges' values, and then y and z on the face that they span.
        d0, d1, d2, d3 = v[1, i] - v[0, i], v[3, i] - v[2, i], v[5, i] - v[4, i], v[7, i] - v[6, i]
        e0, e1, e2, e3 = v[0, i] + fx * d0, v[2, i] + fx * d1, v[4, i] + fx * d2, v[6, i] + fx * d3
        out[0, i] = ez * (ey * d0 + fy * d1) + fz * (ey * d2 + fy * d3)
        out[1, i] = ez * (e1 - e0) + fz * (e3 - e2)
        out[2, i] = ey * (e2 - e0) + fy * (e3 - e1)


@njit(parallel=True, fastmath=True, cache=True)
def add_gradient(grad, x, u, v, g, levels, active, column, threads):  # type: ignore[no-untyped-def]
    """grad += what u sends back through the encoding, and g (M, 3) through the transposed Jacobian's v.

    u and v belong to the first rows of x, as many as they have; their levels start at `column`.
    """
    for thread in prange(threads):
        position, place, corner, weight = scratch()
        # Strided: fine levels miss the cache and cost more, so each thread gets coarse and fine ones.
        for k in range(thread, active, threads):
            level, at = levels[k], column + 2 * k
            entries = grad[level[1] : level[2]]
            for first in range(0, max(len(u), len(v)), BLOCK):
                count = min(BLOCK, len(x) - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                weighted, sloped = min(count, len(u) - first), min(count, len(v) - first)
                if weighted > 0:
                    trilinear(place, weighted, weight)
                    _scatter(entries, corner, weight, u, first, weighted, at)
                if sloped > 0:
                    slopes(x, g, first, sloped, place, np.float32(level[0]), weight)
                    _scatter(entries, corner, weight, v, first, sloped, at)


@njit(fastmath=True, cache=True)
def _scatter(entries, corner, weight, u, first, count, at):  # type: ignore[no-untyped-def]
    """Add columns `at` and `at` + 1 of u, weighted, to the corners, of which some may share an entry."""
    for i in range(count):
        a, b = u[first + i, at], u[first + i, at + 1]
        for c in range(8):
            n, w = corner[c, i], weight[c, i]
            entries[n, 0] += w * a
            entries[n, 1] += w * b
