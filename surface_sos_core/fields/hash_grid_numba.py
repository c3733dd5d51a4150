"""The hash grid by numba's kernels for the CPU: two features a level."""

from __future__ import annotations

import numba
import torch

from surface_sos_core.fields import hash_grid_kernels as kernels
from surface_sos_core.fields.hash_grid import GridSpec


def encoding(table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
    """Encoding (N, levels * 2) of x (N, 3), clamped to [0, 1]."""
    out = torch.empty(len(x), spec.width)
    fill_encoding(table, x, spec, active, out)
    return out


def jacobian(
    table: torch.Tensor, x: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """J(x) g (N, levels * 2) with J = d encode / d x, for g (N, 3)."""
    out = torch.empty(len(x), spec.width)
    fill_jacobian(table, x, g, spec, active, out)
    return out


def encoding_gradient(x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(u . encoding)."""
    return table_gradient(x, u, torch.empty(0, u.shape[1]), torch.empty(0, 3), spec, active)


def jacobian_gradient(
    x: torch.Tensor, u: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(g . J^T u)."""
    return table_gradient(x, torch.empty(0, u.shape[1]), u, g, spec, active)


def fill_encoding(
    table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int, out: torch.Tensor
) -> None:
    """Write the encodings of x (N, 3) to the last columns of out (N, any)."""
    column = _clear_inactive(out, spec, active)
    levels, span = kernels.grid_levels(spec), kernels.span_of(len(x))
    kernels.encode(table.detach().numpy(), x.numpy(), levels, active, column, span, out.numpy())


def fill_jacobian(
    table: torch.Tensor, x: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int, out: torch.Tensor
) -> None:
    """Write J(x) g, for g (N, 3), to the last columns of out (N, any)."""
    column = _clear_inactive(out, spec, active)
    levels, span = kernels.grid_levels(spec), kernels.span_of(len(x))
    kernels.jacobian(table.detach().numpy(), x.numpy(), g.numpy(), levels, active, column, span, out.numpy())


def transposed_jacobian(
    table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """J(x)^T u (N, 3), u being the last columns of the given rows (N, any)."""
    out = torch.empty(len(x), 3)
    levels, column = kernels.grid_levels(spec), u.shape[1] - spec.width
    kernels.transposed_jacobian(
        table.detach().numpy(), x.numpy(), u.numpy(), levels, active, column, kernels.span_of(len(x)),
        out.numpy(),
    )  # fmt: skip
    return out


def table_gradient(
    x: torch.Tensor, u: torch.Tensor, v: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
) -> torch.Tensor:
    """The table's gradient (entries, 2) of sum(u . encode) + sum(g . J^T v), u and v on the first rows of x.

    u, v: rows of the same width, whose last columns count; g: as many rows as v.
    """
    grad = torch.zeros(spec.entries, 2)
    levels, column = kernels.grid_levels(spec), u.shape[1] - spec.width
    kernels.add_gradient(
        grad.numpy(), x.numpy(), u.numpy(), v.numpy(), g.numpy(), levels, active, column,
        numba.get_num_threads(),
    )  # fmt: skip
    return grad


def _clear_inactive(rows: torch.Tensor, spec: GridSpec, active: int) -> int:
    """Zero the columns of inactive levels, which no kernel fills; returns the encoding's first column."""
    column = rows.shape[1] - spec.width
    rows[:, column + 2 * active :] = 0.0
    return column
