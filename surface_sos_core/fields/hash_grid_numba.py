"""The hash grid by numba's kernels for the CPU: two features a level."""

from __future__ import annotations

import numba
import torch

from surface_sos_core.fields import hash_grid_kernels as kernels
from surface_sos_core.fields.grid_spec import GridSpec


def encoding(table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
    """Encoding (N, levels * 2) of x (N, 3), clamped to [0, 1]."""
    out = _rows(len(x), spec, active)
    levels, span = kernels.grid_levels(spec), kernels.span_of(len(x))
    kernels.encode(kernels.pairs_of(table), x.numpy(), levels, active, span, out.numpy())
    return out


def jacobian(
    table: torch.Tensor, x: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """J(x) g (N, levels * 2) with J = d encode / d x, for g (N, 3)."""
    out = _rows(len(x), spec, active)
    levels, span = kernels.grid_levels(spec), kernels.span_of(len(x))
    kernels.jacobian(kernels.pairs_of(table), x.numpy(), g.numpy(), levels, active, span, out.numpy())
    return out


def transposed_jacobian(
    table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """J(x)^T u (N, 3), for u (N, levels * 2)."""
    out = torch.empty(len(x), 3)
    levels, span = kernels.grid_levels(spec), kernels.span_of(len(x))
    pairs = kernels.pairs_of(table)
    kernels.transposed_jacobian(pairs, x.numpy(), u.numpy(), levels, active, span, out.numpy())
    return out


def encoding_gradient(x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(u . encoding)."""
    return jacobian_gradient(x, u, torch.empty(0, 3), spec, active)


def jacobian_gradient(
    x: torch.Tensor, u: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(g . J^T u)."""
    grad = torch.zeros(spec.entries, 2)
    levels, threads = kernels.grid_levels(spec), numba.get_num_threads()
    kernels.add_gradient(grad.numpy(), x.numpy(), u.numpy(), g.numpy(), levels, active, threads)
    return grad


def _rows(count: int, spec: GridSpec, active: int) -> torch.Tensor:
    """Room for encodings, with zeros for inactive levels, which no kernel fills."""
    rows = torch.empty(count, spec.width)
    rows[:, 2 * active :] = 0.0
    return rows
