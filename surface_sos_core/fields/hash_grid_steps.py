"""A hash grid's two operations for PyTorch's autograd, whatever loops compute them: differentiable once.

Nothing is kept between forward and backward but the inputs.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

from surface_sos_core.fields.grid_spec import GridSpec


class Loops(Protocol):
    """What an engine brings. x: (N, 3), clamped to [0, 1]; u: (N, levels * 2); g: (N, 3); all contiguous."""

    def encoding(self, table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int) -> torch.Tensor:
        """(N, levels * 2)."""

    def jacobian(
        self, table: torch.Tensor, x: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        """J(x) g (N, levels * 2) with J = d encoding / d x."""

    def transposed_jacobian(
        self, table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        """J(x)^T u (N, 3)."""

    def encoding_gradient(
        self, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        """The table's gradient (entries, 2) of sum(u . encoding)."""

    def jacobian_gradient(
        self, x: torch.Tensor, u: torch.Tensor, g: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        """The table's gradient (entries, 2) of sum(g . J^T u)."""


class Encode(torch.autograd.Function):
    """(loops, table, x, spec, active levels) -> encoding (N, levels * 2); differentiable in the table."""

    @staticmethod
    def forward(
        ctx: Any, loops: Loops, table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active: int
    ) -> torch.Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x)
        ctx.loops, ctx.spec, ctx.active = loops, spec, active
        return loops.encoding(table, x, spec, active)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, u: torch.Tensor) -> tuple[None, torch.Tensor, None, None, None]:
        (x,) = ctx.saved_tensors
        return None, ctx.loops.encoding_gradient(x, u.contiguous(), ctx.spec, ctx.active), None, None, None


class Vjp(torch.autograd.Function):
    """(loops, table, x, u, spec, active levels) -> J(x)^T u (N, 3); differentiable in the table and u."""

    @staticmethod
    def forward(
        ctx: Any,
        loops: Loops,
        table: torch.Tensor,
        x: torch.Tensor,
        u: torch.Tensor,
        spec: GridSpec,
        active: int,
    ) -> torch.Tensor:
        x, u = x.contiguous(), u.detach().contiguous()
        ctx.save_for_backward(table, x, u)
        ctx.loops, ctx.spec, ctx.active = loops, spec, active
        return loops.transposed_jacobian(table, x, u, spec, active)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, g: torch.Tensor
    ) -> tuple[None, torch.Tensor | None, None, torch.Tensor | None, None, None]:
        table, x, u = ctx.saved_tensors
        g = g.contiguous()
        grad_table = grad_u = None
        if ctx.needs_input_grad[1]:
            grad_table = ctx.loops.jacobian_gradient(x, u, g, ctx.spec, ctx.active)
        if ctx.needs_input_grad[3]:
            grad_u = ctx.loops.jacobian(table, x, g, ctx.spec, ctx.active)
        return None, grad_table, None, grad_u, None, None
