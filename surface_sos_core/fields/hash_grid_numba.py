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
        out = _rows(len(x), spec, active)
        kernels.encode(table.detach().numpy(), x.numpy(), kernels.grid_levels(spec), active, out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, u: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        grad = torch.zeros(ctx.spec.entries, 2)
        threads = numba.get_num_threads()
        kernels.add_weighted(
            grad.numpy(),
            x.numpy(),
            u.contiguous().numpy(),
            kernels.grid_levels(ctx.spec),
            ctx.active,
            threads,
        )
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
        kernels.transposed_jacobian(
            table.detach().numpy(), x.numpy(), u.numpy(), kernels.grid_levels(spec), active, out.numpy()
        )
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, g: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, torch.Tensor | None, None, None]:
        table, x, u = ctx.saved_tensors
        levels = kernels.grid_levels(ctx.spec)
        direction = g.contiguous().numpy()
        grad_table = grad_u = None
        if ctx.needs_input_grad[0]:
            grad_table = torch.zeros(ctx.spec.entries, 2)
            threads = numba.get_num_threads()
            kernels.add_sloped(
                grad_table.numpy(), x.numpy(), u.numpy(), direction, levels, ctx.active, threads
            )
        if ctx.needs_input_grad[2]:
            grad_u = _rows(len(x), ctx.spec, ctx.active)
            kernels.jacobian(table.detach().numpy(), x.numpy(), direction, levels, ctx.active, grad_u.numpy())
        return grad_table, None, grad_u, None, None


def _rows(count: int, spec: GridSpec, active: int) -> torch.Tensor:
    """Room for encodings; only inactive levels need the zeros, the kernels fill the others."""
    rows = torch.empty(count, spec.width)
    rows[:, 2 * active :] = 0.0
    return rows
