"""Loops of the hash grid compiled by numba for the CPU: two features a level, float32, points clamped to [0, 1].

A block of points takes two steps on each level: first, in vector instructions, which entries and weights are wanted,
then the lookups. Evaluation runs in parallel over blocks; what adds to the table runs in parallel over levels, so no two
threads write to the same entry. Cells are found again in every pass, which costs less than to store and load them.
Both features of an entry are looked up as one number of 64 bits: half as many lookups.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numba import get_num_threads, njit, prange

from surface_sos_core.fields.grid_spec import PRIMES, GridSpec

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


def pairs_of(table: torch.Tensor) -> np.ndarray:
    """A table (entries, 2) float32 with both features of an entry as one number of 64 bits: (entries,)."""
    return table.detach().numpy().view(np.int64)[:, 0]


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
def load_directions(x, g, first, count, resolution, along):  # type: ignore[no-untyped-def]
    """Transpose rows of g (N, 3) into along (3, BLOCK), in cells; 0 along axes on which x (N, 3) is clamped."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for axis in range(3):
        for i in range(count):
            clamped = x[first + i, axis] < zero or x[first + i, axis] > one
            along[axis, i] = zero if clamped else resolution * g[first + i, axis]


@njit(fastmath=True, cache=True)
def slopes(along, count, place, weight):  # type: ignore[no-untyped-def]
    """Derivatives (8, BLOCK) of the corners' weights along directions (3, BLOCK) in cells."""
    one = np.float32(1.0)
    for i in range(count):
        fx, fy, fz = place[0, i], place[1, i], place[2, i]
        gx, gy, gz = along[0, i], along[1, i], along[2, i]
        ex, ey, ez = one - fx, one - fy, one - fz
        # Along x the weight of an edge is constant; along y and z it changes with the edge's own weight.
        a, b, c, d = ey * ez * gx, fy * ez * gx, ey * fz * gx, fy * fz * gx
        p, q, r, s = -ez * gy - ey * gz, ez * gy - fy * gz, -fz * gy + ey * gz, fz * gy + fy * gz
        weight[0, i], weight[1, i] = ex * p - a, fx * p + a
        weight[2, i], weight[3, i] = ex * q - b, fx * q + b
        weight[4, i], weight[5, i] = ex * r - c, fx * r + c
        weight[6, i], weight[7, i] = ex * s - d, fx * s + d


@njit(fastmath=True, cache=True)
def gather(pairs, corner, count, value):  # type: ignore[no-untyped-def]
    """value (8, BLOCK) int64: the entries of the corners, both features of each as one number."""
    for i in range(count):
        for c in range(8):
            value[c, i] = pairs[corner[c, i]]


@njit(fastmath=True, cache=True)
def between(place, value, count, found):  # type: ignore[no-untyped-def]
    """Both features of each point in rows 0 and 1 of found, interpolated between corner values (8, 2 * BLOCK)."""
    for i in range(count):
        fx, fy, fz = place[0, i], place[1, i], place[2, i]
        for f in range(2):
            n = 2 * i + f
            e0, e1 = _mix(value[0, n], value[1, n], fx), _mix(value[2, n], value[3, n], fx)
            e2, e3 = _mix(value[4, n], value[5, n], fx), _mix(value[6, n], value[7, n], fx)
            found[f, i] = _mix(_mix(e0, e1, fy), _mix(e2, e3, fy), fz)


@njit(fastmath=True, cache=True)
def between_with_slopes(place, value, count, found):  # type: ignore[no-untyped-def]
    """The same, and their slopes in cells along x, y, z in rows 2..4 (first feature) and 5..7."""
    for i in range(count):
        fx, fy, fz = place[0, i], place[1, i], place[2, i]
        for f in range(2):
            n = 2 * i + f
            d0, d1 = value[1, n] - value[0, n], value[3, n] - value[2, n]
            d2, d3 = value[5, n] - value[4, n], value[7, n] - value[6, n]
            e0, e1, e2, e3 = (
                value[0, n] + fx * d0,
                value[2, n] + fx * d1,
                value[4, n] + fx * d2,
                value[6, n] + fx * d3,
            )
            low, high = _mix(e0, e1, fy), _mix(e2, e3, fy)
            found[f, i] = _mix(low, high, fz)
            found[2 + 3 * f, i] = _mix(_mix(d0, d1, fy), _mix(d2, d3, fy), fz)
            found[3 + 3 * f, i] = _mix(e1 - e0, e3 - e2, fz)
            found[4 + 3 * f, i] = high - low


@njit(fastmath=True, cache=True)
def _mix(a, b, share):  # type: ignore[no-untyped-def]
    return a + share * (b - a)


@njit(parallel=True, nogil=True, fastmath=True, cache=True)
def encode(pairs, x, levels, active, span, out):  # type: ignore[no-untyped-def]
    """out[i, 2l..] = interpolation of level l at point i, both features."""
    for part in prange((len(x) + span - 1) // span):
        position, place, corner, _ = scratch()
        value, found = np.empty((8, BLOCK), np.int64), np.empty((8, BLOCK), np.float32)
        for k in range(active):
            level = levels[k]
            entries = pairs[level[1] : level[2]]
            for first in range(part * span, min((part + 1) * span, len(x)), BLOCK):
                count = min(BLOCK, len(x) - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                gather(entries, corner, count, value)
                between(place, value.view(np.float32), count, found)
                for i in range(count):
                    out[first + i, 2 * k], out[first + i, 2 * k + 1] = found[0, i], found[1, i]


@njit(parallel=True, nogil=True, fastmath=True, cache=True)
def jacobian(pairs, x, g, levels, active, span, out):  # type: ignore[no-untyped-def]
    """out[i] = J(x_i) g_i, for g (N, 3)."""
    for part in prange((len(x) + span - 1) // span):
        position, place, corner, _ = scratch()
        value, found = np.empty((8, BLOCK), np.int64), np.empty((8, BLOCK), np.float32)
        along = np.empty((3, BLOCK), np.float32)
        for k in range(active):
            level = levels[k]
            entries = pairs[level[1] : level[2]]
            for first in range(part * span, min((part + 1) * span, len(x)), BLOCK):
                count = min(BLOCK, len(x) - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                gather(entries, corner, count, value)
                between_with_slopes(place, value.view(np.float32), count, found)
                load_directions(x, g, first, count, np.float32(level[0]), along)
                for i in range(count):
                    for f in range(2):
                        out[first + i, 2 * k + f] = (
                            found[2 + 3 * f, i] * along[0, i]
                            + found[3 + 3 * f, i] * along[1, i]
                            + found[4 + 3 * f, i] * along[2, i]
                        )


@njit(parallel=True, nogil=True, fastmath=True, cache=True)
def transposed_jacobian(pairs, x, u, levels, active, span, out):  # type: ignore[no-untyped-def]
    """out[i] = J(x_i)^T u_i; 0 along axes on which x is clamped."""
    for part in prange((len(x) + span - 1) // span):
        start, stop = part * span, min((part + 1) * span, len(x))
        position, place, corner, _ = scratch()
        value, found = np.empty((8, BLOCK), np.int64), np.empty((8, BLOCK), np.float32)
        out[start:stop] = np.float32(0.0)
        for k in range(active):
            level = levels[k]
            entries = pairs[level[1] : level[2]]
            resolution = np.float32(level[0])
            for first in range(start, stop, BLOCK):
                count = min(BLOCK, stop - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                gather(entries, corner, count, value)
                between_with_slopes(place, value.view(np.float32), count, found)
                for i in range(count):
                    a, b = resolution * u[first + i, 2 * k], resolution * u[first + i, 2 * k + 1]
                    for axis in range(3):
                        out[first + i, axis] += a * found[2 + axis, i] + b * found[5 + axis, i]
        for i in range(start, stop):
            for axis in range(3):
                if x[i, axis] < np.float32(0.0) or x[i, axis] > np.float32(1.0):
                    out[i, axis] = np.float32(0.0)


@njit(parallel=True, nogil=True, fastmath=True, cache=True)
def add_gradient(grad, x, u, g, levels, active, threads):  # type: ignore[no-untyped-def]
    """grad += what u sends back through the encoding; through the transposed Jacobian along g (N, 3) where g has rows."""
    for thread in prange(threads):
        position, place, corner, weight = scratch()
        along = np.empty((3, BLOCK), np.float32)
        # Strided: fine levels miss the cache and cost more, so each thread gets coarse and fine ones.
        for k in range(thread, active, threads):
            level = levels[k]
            entries = grad[level[1] : level[2]]
            for first in range(0, len(x), BLOCK):
                count = min(BLOCK, len(x) - first)
                load_block(x, first, count, position)
                locate(position, count, level, corner, place)
                if len(g) == 0:
                    trilinear(place, count, weight)
                else:
                    load_directions(x, g, first, count, np.float32(level[0]), along)
                    slopes(along, count, place, weight)
                for i in range(count):  # some corners may share an entry
                    a, b = u[first + i, 2 * k], u[first + i, 2 * k + 1]
                    for c in range(8):
                        n, w = corner[c, i], weight[c, i]
                        entries[n, 0] += w * a
                        entries[n, 1] += w * b
