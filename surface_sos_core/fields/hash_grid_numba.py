"""The hash grid by numba's kernels: two features a level, CPU, differentiable once.

Nothing is kept between forward and backward but the inputs.
"""

from __future__ import annotations

from typing import Any

import numba
import torch

from surface_sos_core.fields import hash_grid_kernels as kernels
from surface_sos_core.fields.hash_grid import GridSpec


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
        out = torch.empty(len(x), spec.width)
        fill_encoding(table, x, spec, active, out)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, u: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        none = torch.empty(0, u.shape[1])
        grad = table_gradient(x, u.contiguous(), none, torch.empty(0, 3), ctx.spec, ctx.active)
        return grad, None, None, None


class _Vjp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        u = u.detach().contiguous()
        ctx.save_for_backward(table, x, u)
        ctx.spec, ctx.active = spec, active
        return transposed_jacobian(table, x, u, spec, active)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, g: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, torch.Tensor | None, None, None]:
        table, x, u = ctx.saved_tensors
        g = g.contiguous()
        grad_table = grad_u = None
        if ctx.needs_input_grad[0]:
            grad_table = table_gradient(x, torch.empty(0, u.shape[1]), u, g, ctx.spec, ctx.active)
        if ctx.needs_input_grad[2]:
            grad_u = torch.empty_like(u)
            fill_jacobian(table, x, g, ctx.spec, ctx.active, grad_u)
        return grad_table, None, grad_u, None, None


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
