"""The hash grid compiled by numba for the CPU: two features a level, float32.

Nothing is kept between forward and backward but the inputs: cells are found again, which costs less than to store and
load them. Evaluation runs in parallel over points, level by level within a block so that a level's entries stay in
cache. What adds to the table runs in parallel over levels, so no two threads write to the same entry.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
from numba import njit, prange

from surface_sos_core.fields.hash_grid import PRIMES, GridSpec

_BLOCK = 8192  # points that a thread takes at a time


def encode(table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active_levels: int) -> torch.Tensor:
    """Encoding (N, levels * 2) of x (N, 3) within [0, 1]; differentiable once, in `table`."""
    return _Encode.apply(table, x.contiguous(), spec, active_levels)


def vjp(
    table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active_levels: int
) -> torch.Tensor:
    """J(x)^T u (N, 3) with J = d encode / d x, for u (N, levels * 2); differentiable once, in `table` and `u`."""
    return _Vjp.apply(table, x.contiguous(), u, spec, active_levels)


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.spec, ctx.active = spec, active
        out = _rows(len(x), spec, active)
        _encode(table.detach().numpy(), x.numpy(), _levels(spec), active, out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, u: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        grad = torch.zeros(ctx.spec.entries, 2)
        threads = numba.get_num_threads()
        _add_weighted(grad.numpy(), x.numpy(), u.contiguous().numpy(), _levels(ctx.spec), ctx.active, threads)
        return grad, None, None, None


class _Vjp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        u = u.detach().contiguous()
        ctx.save_for_backward(table, x, u)
        ctx.spec, ctx.active = spec, active
        out = torch.zeros(len(x), 3)
        _transposed_jacobian(table.detach().numpy(), x.numpy(), u.numpy(), _levels(spec), active, out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, g: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, torch.Tensor | None, None, None]:
        table, x, u = ctx.saved_tensors
        levels = _levels(ctx.spec)
        direction = g.contiguous().numpy()
        grad_table = grad_u = None
        if ctx.needs_input_grad[0]:
            grad_table = torch.zeros(ctx.spec.entries, 2)
            threads = numba.get_num_threads()
            _add_sloped(grad_table.numpy(), x.numpy(), u.numpy(), direction, levels, ctx.active, threads)
        if ctx.needs_input_grad[2]:
            grad_u = _rows(len(x), ctx.spec, ctx.active)
            _jacobian(table.detach().numpy(), x.numpy(), direction, levels, ctx.active, grad_u.numpy())
        return grad_table, None, grad_u, None, None


def _rows(count: int, spec: GridSpec, active: int) -> torch.Tensor:
    """Room for encodings; only inactive levels need the zeros, the kernels fill the others."""
    rows = torch.empty(count, spec.width)
    rows[:, 2 * active :] = 0.0
    return rows


@lru_cache(maxsize=16)
def _levels(spec: GridSpec) -> np.ndarray:
    """(levels, 5) unsigned: resolution, first entry, factors of y and z, hash mask (0 = dense)."""
    rows = []
    for level, resolution in enumerate(spec.resolutions):
        side = resolution + 1
        if spec.dense[level]:
            rows.append((resolution, spec.offsets[level], side, side * side, 0))
        else:
            rows.append((resolution, spec.offsets[level], PRIMES[1], PRIMES[2], spec.sizes[level] - 1))
    return np.array(rows, dtype=np.uint64)


@njit(fastmath=True, cache=True)
def _level(levels, k):  # type: ignore[no-untyped-def]
    """Row k of the table of levels, in the types that the kernels count in."""
    return np.float32(levels[k, 0]), levels[k, 1], levels[k, 2], levels[k, 3], levels[k, 4]


@njit(fastmath=True, cache=True)
def _cell(position, resolution):  # type: ignore[no-untyped-def]
    """Index of the cell of a coordinate; the last cell owns its upper border."""
    return min(max(np.int32(position), np.int32(0)), np.int32(resolution) - np.int32(1))


@njit(fastmath=True, cache=True)
def _locate(x, i, level):  # type: ignore[no-untyped-def]
    """Table entries of the eight corners of point i's cell (x fastest), and its position in the cell."""
    resolution, start, step_y, step_z, mask = level
    px = x[i, 0] * resolution
    py = x[i, 1] * resolution
    pz = x[i, 2] * resolution
    cx = _cell(px, resolution)
    cy = _cell(py, resolution)
    cz = _cell(pz, resolution)
    x0 = np.uint64(cx)
    x1 = x0 + np.uint64(1)
    y0 = np.uint64(cy) * step_y
    y1 = y0 + step_y
    z0 = np.uint64(cz) * step_z
    z1 = z0 + step_z
    if mask == 0:
        z0 += start
        z1 += start
        i00, i10, i01, i11 = y0 + z0, y1 + z0, y0 + z1, y1 + z1
        corners = (x0 + i00, x1 + i00, x0 + i10, x1 + i10, x0 + i01, x1 + i01, x0 + i11, x1 + i11)
    else:
        i00, i10, i01, i11 = y0 ^ z0, y1 ^ z0, y0 ^ z1, y1 ^ z1
        corners = (
            start + ((x0 ^ i00) & mask),
            start + ((x1 ^ i00) & mask),
            start + ((x0 ^ i10) & mask),
            start + ((x1 ^ i10) & mask),
            start + ((x0 ^ i01) & mask),
            start + ((x1 ^ i01) & mask),
            start + ((x0 ^ i11) & mask),
            start + ((x1 ^ i11) & mask),
        )
    return corners, px - np.float32(cx), py - np.float32(cy), pz - np.float32(cz)


@njit(fastmath=True, cache=True)
def _weights(fx, fy, fz):  # type: ignore[no-untyped-def]
    """Trilinear weights of the eight corners."""
    one = np.float32(1.0)
    ex, ey, ez = one - fx, one - fy, one - fz
    a, b, c, d = ey * ez, fy * ez, ey * fz, fy * fz
    return (ex * a, fx * a, ex * b, fx * b, ex * c, fx * c, ex * d, fx * d)


@njit(fastmath=True, cache=True)
def _slopes(fx, fy, fz, gx, gy, gz):  # type: ignore[no-untyped-def]
    """Derivatives of the eight weights along the direction g, in cells."""
    one = np.float32(1.0)
    ex, ey, ez = one - fx, one - fy, one - fz
    # Along x the weight of an edge is constant; along y and z it changes with the edge's own weight.
    a, b, c, d = ey * ez * gx, fy * ez * gx, ey * fz * gx, fy * fz * gx
    p, q, r, s = -ez * gy - ey * gz, ez * gy - fy * gz, -fz * gy + ey * gz, fz * gy + fy * gz
    return (
        ex * p - a, fx * p + a, ex * q - b, fx * q + b,
        ex * r - c, fx * r + c, ex * s - d, fx * s + d,
    )  # fmt: skip


@njit(fastmath=True, cache=True)
def _interpolate(table, corners, w):  # type: ignore[no-untyped-def]
    """Both features: the sum over the eight corners, weighted by w."""
    a = np.float32(0.0)
    b = np.float32(0.0)
    for k in range(8):
        a += w[k] * table[corners[k], 0]
        b += w[k] * table[corners[k], 1]
    return a, b


@njit(fastmath=True, cache=True)
def _scatter(grad, corners, w, a, b):  # type: ignore[no-untyped-def]
    """Add the features (a, b), weighted by w, to the eight corners, of which two may share an entry."""
    for k in range(8):
        grad[corners[k], 0] += w[k] * a
        grad[corners[k], 1] += w[k] * b


@njit(parallel=True, fastmath=True, cache=True)
def _encode(table, x, levels, active, out):  # type: ignore[no-untyped-def]
    """out[i, 2l..2l+1] = interpolation of level l at point i."""
    count = len(x)
    for block in prange((count + _BLOCK - 1) // _BLOCK):
        for level in range(active):
            here = _level(levels, level)
            for i in range(block * _BLOCK, min((block + 1) * _BLOCK, count)):
                corners, fx, fy, fz = _locate(x, i, here)
                a, b = _interpolate(table, corners, _weights(fx, fy, fz))
                out[i, 2 * level] = a
                out[i, 2 * level + 1] = b


@njit(parallel=True, fastmath=True, cache=True)
def _jacobian(table, x, g, levels, active, out):  # type: ignore[no-untyped-def]
    """out[i] = J(x_i) g_i."""
    count = len(x)
    for block in prange((count + _BLOCK - 1) // _BLOCK):
        for level in range(active):
            resolution = np.float32(levels[level, 0])
            here = _level(levels, level)
            for i in range(block * _BLOCK, min((block + 1) * _BLOCK, count)):
                corners, fx, fy, fz = _locate(x, i, here)
                a, b = _interpolate(table, corners, _slopes(fx, fy, fz, g[i, 0], g[i, 1], g[i, 2]))
                out[i, 2 * level] = resolution * a
                out[i, 2 * level + 1] = resolution * b


@njit(parallel=True, fastmath=True, cache=True)
def _transposed_jacobian(table, x, u, levels, active, out):  # type: ignore[no-untyped-def]
    """out[i] += J(x_i)^T u_i."""
    count = len(x)
    one = np.float32(1.0)
    for block in prange((count + _BLOCK - 1) // _BLOCK):
        for level in range(active):
            resolution = np.float32(levels[level, 0])
            here = _level(levels, level)
            for i in range(block * _BLOCK, min((block + 1) * _BLOCK, count)):
                n, fx, fy, fz = _locate(x, i, here)
                a = resolution * u[i, 2 * level]
                b = resolution * u[i, 2 * level + 1]
                v0 = a * table[n[0], 0] + b * table[n[0], 1]
                v1 = a * table[n[1], 0] + b * table[n[1], 1]
                v2 = a * table[n[2], 0] + b * table[n[2], 1]
                v3 = a * table[n[3], 0] + b * table[n[3], 1]
                v4 = a * table[n[4], 0] + b * table[n[4], 1]
                v5 = a * table[n[5], 0] + b * table[n[5], 1]
                v6 = a * table[n[6], 0] + b * table[n[6], 1]
                v7 = a * table[n[7], 0] + b * table[n[7], 1]
                ey, ez = one - fy, one - fz
                dx0, dx1, dx2, dx3 = v1 - v0, v3 - v2, v5 - v4, v7 - v6
                # Along x first: the edges' values, and then y and z on the face that they span.
                e0, e1, e2, e3 = v0 + fx * dx0, v2 + fx * dx1, v4 + fx * dx2, v6 + fx * dx3
                out[i, 0] += ez * (ey * dx0 + fy * dx1) + fz * (ey * dx2 + fy * dx3)
                out[i, 1] += ez * (e1 - e0) + fz * (e3 - e2)
                out[i, 2] += ey * (e2 - e0) + fy * (e3 - e1)


@njit(parallel=True, fastmath=True, cache=True)
def _add_weighted(grad, x, u, levels, active, threads):  # type: ignore[no-untyped-def]
    """grad += what u sends back through the encoding."""
    for thread in prange(threads):
        # Strided: fine levels miss the cache and cost more, so each thread gets coarse and fine ones.
        for level in range(thread, active, threads):
            here = _level(levels, level)
            for i in range(len(x)):
                corners, fx, fy, fz = _locate(x, i, here)
                w = _weights(fx, fy, fz)
                _scatter(grad, corners, w, u[i, 2 * level], u[i, 2 * level + 1])


@njit(parallel=True, fastmath=True, cache=True)
def _add_sloped(grad, x, u, g, levels, active, threads):  # type: ignore[no-untyped-def]
    """grad += what g sends back through the transposed Jacobian."""
    for thread in prange(threads):
        for level in range(thread, active, threads):
            resolution = np.float32(levels[level, 0])
            here = _level(levels, level)
            for i in range(len(x)):
                corners, fx, fy, fz = _locate(x, i, here)
                w = _slopes(fx, fy, fz, g[i, 0], g[i, 1], g[i, 2])
                a = resolution * u[i, 2 * level]
                b = resolution * u[i, 2 * level + 1]
                _scatter(grad, corners, w, a, b)
