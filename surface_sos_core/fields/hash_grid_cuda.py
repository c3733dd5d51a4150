"""The hash grid on an NVIDIA GPU by kernels that numba compiles without a compiler on the machine: two features a level.

One thread takes one point on one level; what adds to the table does so atomically. With NUMBA_ENABLE_CUDASIM=1 the same
kernels run on the CPU, thread by thread in Python, which is how they are tested where there is no GPU.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import config, cuda

from surface_sos_core.fields import hash_grid_torch
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.hash_grid_kernels import grid_levels

_THREADS = 256  # of a block

# What numba says of every batch that does not fill a card, the self-check's for one.
warnings.filterwarnings("ignore", message=".*low occupancy")


def encoding(table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
    """Encoding (N, levels * 2) of x (N, 3), clamped to [0, 1]."""
    out = torch.zeros(len(x), spec.width, device=x.device)
    _launch(_encode, len(x) * active, table, x, _levels(spec, x.device), active, out)
    return out


def jacobian(
    table: torch.Tensor, x: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """J(x) g (N, levels * 2) with J = d encode / d x, for g (N, 3)."""
    out = torch.zeros(len(x), spec.width, device=x.device)
    _launch(_jacobian, len(x) * active, table, x, g, _levels(spec, x.device), active, out)
    return out


def transposed_jacobian(
    table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """J(x)^T u (N, 3), for u (N, levels * 2)."""
    out = torch.zeros(len(x), 3, device=x.device)
    _launch(_transposed_jacobian, len(x), table, x, u, _levels(spec, x.device), active, out)
    return out


def encoding_gradient(x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(u . encoding)."""
    grad = torch.zeros(spec.entries, 2, device=x.device)
    _launch(_scatter, len(x) * active, grad, x, u, _levels(spec, x.device), active)
    return grad


def jacobian_gradient(
    x: torch.Tensor, u: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(g . J^T u)."""
    grad = torch.zeros(spec.entries, 2, device=x.device)
    _launch(_scatter_slopes, len(x) * active, grad, x, u, g, _levels(spec, x.device), active)
    return grad


@cache
def obstacle() -> str | None:
    """Why these kernels cannot be used on the GPU here, or None where a tiny step forward and back is that of PyTorch."""
    try:
        return _compare_with_torch(torch.device("cuda"))
    except Exception as error:  # noqa: BLE001 (no toolkit, an old driver, a broken install: told by doctor)
        return " ".join(f"{type(error).__name__}: {error}".split())


def _compare_with_torch(device: torch.device) -> str | None:
    spec = GridSpec(2, 2, 8, 4, 16)  # one level stored densely, one hashed
    generator = torch.Generator().manual_seed(0)
    table, x, u = (
        torch.rand(n, m, generator=generator).to(device) for n, m in ((spec.entries, 2), (64, 3), (64, 4))
    )
    table.requires_grad_()
    plain = hash_grid_torch.encode(table, x, spec, 2)
    (expected,) = torch.autograd.grad(plain, table, u)

    def both_ways() -> tuple[torch.Tensor, torch.Tensor]:
        return encoding(table, x, spec, 2), encoding_gradient(x, u, spec, 2)

    both_ways()  # compiles, which no recording may
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="relaxed"):  # as training takes its steps
        found = both_ways()
    graph.replay()
    if all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(found, (plain, expected), strict=True)):
        return None
    return "its kernels give other numbers than PyTorch"


def _launch(kernel: Any, count: int, *given: torch.Tensor | int) -> None:
    """Run a kernel on `count` threads, in PyTorch's stream and without waiting for it."""
    if count == 0:
        return
    arrays = [value.detach().contiguous() if isinstance(value, torch.Tensor) else value for value in given]
    blocks = -(-count // _THREADS)
    if config.ENABLE_CUDASIM:  # type: ignore[attr-defined]
        simulated = [value.numpy() if isinstance(value, torch.Tensor) else value for value in arrays]
        kernel[blocks, _THREADS](*simulated)
        return
    stream = cuda.external_stream(torch.cuda.current_stream().cuda_stream)
    kernel[blocks, _THREADS, stream](*arrays)


@cache
def _levels(spec: GridSpec, device: torch.device) -> torch.Tensor:
    """`grid_levels` on the device."""
    return torch.from_numpy(grid_levels(spec)).to(device)


@cuda.jit(device=True)
def _cell(x, resolution):  # type: ignore[no-untyped-def]
    """Index of a coordinate's cell, the last one owning its upper border, and the place in it, 0..1."""
    position = min(max(x, np.float32(0.0)), np.float32(1.0)) * np.float32(resolution)
    cell = max(min(int(position), resolution - 1), 0) if position == position else 0  # noqa: PLR0124 (nan)
    return cell, position - np.float32(cell)


@cuda.jit(device=True)
def _located(x, i, resolution):  # type: ignore[no-untyped-def]
    """The cell of point i, and the place in it, along x, y and z."""
    cx, fx = _cell(x[i, 0], resolution)
    cy, fy = _cell(x[i, 1], resolution)
    cz, fz = _cell(x[i, 2], resolution)
    return (cx, cy, cz), (fx, fy, fz)


@cuda.jit(device=True)
def _task(active):  # type: ignore[no-untyped-def]
    """The point and the level of this thread, which may be one too many."""
    thread = cuda.grid(1)
    return thread // active, thread % active


@cuda.jit(device=True)
def _entry(levels, level, cell, corner):  # type: ignore[no-untyped-def]
    """Table entry of a cell's corner (x fastest)."""
    vx, vy, vz = cell[0] + (corner & 1), cell[1] + (corner >> 1 & 1), cell[2] + (corner >> 2)
    first, mask = levels[level, 1], levels[level, 5]
    if mask == 0:
        return first + vx + vy * levels[level, 3] + vz * levels[level, 4]
    return first + ((vx ^ (vy * levels[level, 3]) ^ (vz * levels[level, 4])) & mask)


@cuda.jit(device=True)
def _side(place, upper):  # type: ignore[no-untyped-def]
    """Linear weight of a cell's upper or lower side."""
    return place if upper else np.float32(1.0) - place


@cuda.jit(device=True)
def _sides(place, corner):  # type: ignore[no-untyped-def]
    """A corner's linear weights along x, y and z."""
    return _side(place[0], corner & 1), _side(place[1], corner >> 1 & 1), _side(place[2], corner >> 2)


@cuda.jit(device=True)
def _weight(place, corner):  # type: ignore[no-untyped-def]
    """Trilinear weight of a corner."""
    wx, wy, wz = _sides(place, corner)
    return wx * wy * wz


@cuda.jit(device=True)
def _slope(place, corner, axis):  # type: ignore[no-untyped-def]
    """Derivative of that weight along an axis, in cells."""
    wx, wy, wz = _sides(place, corner)
    sign = np.float32(1.0) if corner >> axis & 1 else np.float32(-1.0)
    if axis == 0:
        return sign * wy * wz
    if axis == 1:
        return sign * wx * wz
    return sign * wx * wy


@cuda.jit(device=True)
def _free(x):  # type: ignore[no-untyped-def]
    """1 where a coordinate is not clamped, else 0."""
    return np.float32(1.0) if np.float32(0.0) <= x <= np.float32(1.0) else np.float32(0.0)


@cuda.jit(device=True)
def _slope_along(x, g, i, place, corner, resolution):  # type: ignore[no-untyped-def]
    """Derivative of a corner's weight along the row g[i]."""
    total = np.float32(0.0)
    for axis in range(3):
        total += _free(x[i, axis]) * g[i, axis] * _slope(place, corner, axis)
    return total * np.float32(resolution)


@cuda.jit(cache=True)
def _encode(table, x, levels, active, out):  # type: ignore[no-untyped-def]
    i, level = _task(active)
    if i < x.shape[0]:
        cell, place = _located(x, i, levels[level, 0])
        a, b = np.float32(0.0), np.float32(0.0)
        for corner in range(8):
            n, w = _entry(levels, level, cell, corner), _weight(place, corner)
            a += w * table[n, 0]
            b += w * table[n, 1]
        out[i, 2 * level], out[i, 2 * level + 1] = a, b


@cuda.jit(cache=True)
def _jacobian(table, x, g, levels, active, out):  # type: ignore[no-untyped-def]
    i, level = _task(active)
    if i < x.shape[0]:
        cell, place = _located(x, i, levels[level, 0])
        a, b = np.float32(0.0), np.float32(0.0)
        for corner in range(8):
            n = _entry(levels, level, cell, corner)
            w = _slope_along(x, g, i, place, corner, levels[level, 0])
            a += w * table[n, 0]
            b += w * table[n, 1]
        out[i, 2 * level], out[i, 2 * level + 1] = a, b


@cuda.jit(cache=True)
def _transposed_jacobian(table, x, u, levels, active, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < x.shape[0]:
        along_x, along_y, along_z = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for level in range(active):
            resolution = levels[level, 0]
            cell, place = _located(x, i, resolution)
            a, b = np.float32(resolution) * u[i, 2 * level], np.float32(resolution) * u[i, 2 * level + 1]
            for corner in range(8):
                n = _entry(levels, level, cell, corner)
                share = a * table[n, 0] + b * table[n, 1]
                along_x += share * _slope(place, corner, 0)
                along_y += share * _slope(place, corner, 1)
                along_z += share * _slope(place, corner, 2)
        out[i, 0], out[i, 1], out[i, 2] = (
            _free(x[i, 0]) * along_x,
            _free(x[i, 1]) * along_y,
            _free(x[i, 2]) * along_z,
        )


@cuda.jit(cache=True)
def _scatter(grad, x, u, levels, active):  # type: ignore[no-untyped-def]
    i, level = _task(active)
    if i < x.shape[0]:
        cell, place = _located(x, i, levels[level, 0])
        for corner in range(8):
            n, w = _entry(levels, level, cell, corner), _weight(place, corner)
            cuda.atomic.add(grad, (n, 0), w * u[i, 2 * level])
            cuda.atomic.add(grad, (n, 1), w * u[i, 2 * level + 1])


@cuda.jit(cache=True)
def _scatter_slopes(grad, x, u, g, levels, active):  # type: ignore[no-untyped-def]
    i, level = _task(active)
    if i < x.shape[0]:
        cell, place = _located(x, i, levels[level, 0])
        for corner in range(8):
            n = _entry(levels, level, cell, corner)
            w = _slope_along(x, g, i, place, corner, levels[level, 0])
            cuda.atomic.add(grad, (n, 0), w * u[i, 2 * level])
            cuda.atomic.add(grad, (n, 1), w * u[i, 2 * level + 1])
