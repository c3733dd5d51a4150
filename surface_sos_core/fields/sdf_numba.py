"""An SDF network on the CPU as one step forward and one back: the grid by numba's kernels, products of matrices by torch.

It computes what `SdfNetwork` writes out for plain PyTorch, with few passes over memory: the table gets one gradient for
encoding and normals together, and distances alone need no row of the hidden layer to leave the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange

from surface_sos_core.fields import hash_grid_kernels as kernels
from surface_sos_core.fields import hash_grid_numba as grid
from surface_sos_core.fields.hash_grid import GridSpec
from surface_sos_core.fields.softplus import BETA, softplus, softplus_and_slope_numba

_GROUP = 4  # inputs that the hidden layer takes in one pass over a block
_SPAN = 4096  # points at most whose inputs a thread keeps


class SampleWithNormals(torch.autograd.Function):
    """(table, W, b, W', b', x, normals, spec, active levels) -> sdf (N,), feature (N, F), normal (normals, 3).

    x: (N, 3) in [-1, 1]; W, b: the hidden layer; W', b': the output layer. Differentiable once, in all parameters.
    """

    @staticmethod
    def forward(
        ctx: Any,
        table: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        output_weight: torch.Tensor,
        output_bias: torch.Tensor,
        x: torch.Tensor,
        normals: int,
        spec: GridSpec,
        active: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        place = 0.5 * (x + 1.0)
        inputs = torch.empty(len(x), weight.shape[1])
        inputs[:, :3] = x
        grid.fill_encoding(table, place, spec, active, inputs)
        value, slope = softplus_and_slope_numba(torch.addmm(bias, inputs, weight.T))
        out = torch.addmm(output_bias, value, output_weight.T)
        # Back to the inputs from each distance: what the normals are made from.
        pull = slope[:normals] * output_weight[0]
        back = pull @ weight
        normal = grid.transposed_jacobian(table, place[:normals], back, spec, active)
        normal = torch.add(back[:, :3], normal, alpha=0.5)  # d(0.5 (x + 1)) / dx = 0.5
        ctx.save_for_backward(table, weight, output_weight, place, inputs, value, slope, pull, back)
        ctx.spec, ctx.active = spec, active
        return out[:, 0], out[:, 1:], normal

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, g_sdf: torch.Tensor, g_feature: torch.Tensor, g_normal: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        table, weight, output_weight, place, inputs, value, slope, pull, back = ctx.saved_tensors
        spec, active, normals = ctx.spec, ctx.active, len(back)
        g_out = torch.cat((g_sdf[:, None], g_feature), dim=1)
        g_value = g_out @ output_weight
        g_output_weight = g_out.T @ value
        g_back = torch.empty_like(back)
        g_back[:, :3] = g_normal
        half = 0.5 * g_normal
        grid.fill_jacobian(table, place[:normals], half, spec, active, g_back)
        g_pull = g_back @ weight.T
        g_output_weight[0] += (g_pull * slope[:normals]).sum(0)
        g_hidden = torch.empty_like(slope)
        _hidden_gradient(
            slope.numpy(),
            g_value.numpy(),
            g_pull.numpy(),
            output_weight[0].detach().numpy(),
            g_hidden.numpy(),
        )
        g_weight = torch.addmm(pull.T @ g_back, g_hidden.T, inputs)
        g_table = grid.table_gradient(place, g_hidden @ weight, back, half, spec, active)
        return g_table, g_weight, g_hidden.sum(0), g_output_weight, g_out.sum(0), None, None, None, None


def distance(
    table: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
    x: torch.Tensor,
    spec: GridSpec,
    active: int,
) -> torch.Tensor:
    """The distances (N,) alone, at x (N, 3) in [-1, 1], without gradients; parameters as in `SampleWithNormals`."""
    out = torch.empty(len(x))
    hidden, wide = weight.shape
    padded = torch.zeros(hidden, -(-wide // _GROUP) * _GROUP)
    padded[:, :wide] = weight.detach()
    _distance(
        table.detach().numpy(), x.contiguous().numpy(), kernels.grid_levels(spec), active, padded.numpy(),
        bias.detach().numpy(), output_weight[0].detach().numpy(), output_bias[0].item(),
        kernels.span_of(len(x), _SPAN), out.numpy(),
    )  # fmt: skip
    return out


@njit(parallel=True, fastmath=True, cache=True)
def _hidden_gradient(slope, g_value, g_pull, output, g_hidden):  # type: ignore[no-untyped-def]
    """g_hidden = slope g_value, and on the rows of g_pull the slope's own slope as well: beta slope (1 - slope)."""
    one, beta = np.float32(1.0), np.float32(BETA)
    for i in prange(len(slope)):
        if i < len(g_pull):
            for j in range(slope.shape[1]):
                s = slope[i, j]
                g_hidden[i, j] = s * (g_value[i, j] + beta * (one - s) * g_pull[i, j] * output[j])
        else:
            for j in range(slope.shape[1]):
                g_hidden[i, j] = slope[i, j] * g_value[i, j]


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def _distance(table, x, levels, active, weight, bias, output, constant, span, out):  # type: ignore[no-untyped-def]
    """out[i] = output . softplus(weight [x_i, encoding of x_i] + bias) + constant, some points at a time."""
    half, one = np.float32(0.5), np.float32(1.0)
    wide, block = weight.shape[1], kernels.BLOCK
    for part in prange((len(x) + span - 1) // span):
        start, stop = part * span, min((part + 1) * span, len(x))
        position, place, corner, share = kernels.scratch()
        inputs = np.zeros((span // block, wide, block), np.float32)
        z, total = np.empty(block, np.float32), np.empty(block, np.float32)
        for i in range(start, stop):
            for axis in range(3):
                inputs[(i - start) // block, axis, (i - start) % block] = x[i, axis]
        for k in range(active):
            level = levels[k]
            entries = table[level[1] : level[2]]
            for first in range(start, stop, block):
                count, rows = min(block, stop - first), inputs[(first - start) // block]
                for axis in range(3):
                    for i in range(count):
                        position[axis, i] = min(max(half * (rows[axis, i] + one), np.float32(0.0)), one)
                kernels.locate(position, count, level, corner, place)
                kernels.trilinear(place, count, share)
                for i in range(count):
                    rows[3 + 2 * k, i], rows[4 + 2 * k, i] = kernels.interpolate(entries, corner, share, i)
        for first in range(start, stop, block):
            count, rows = min(block, stop - first), inputs[(first - start) // block]
            total[:] = constant
            for j in range(len(bias)):
                z[:] = bias[j]
                for k in range(0, wide, _GROUP):
                    a, b, c, d = weight[j, k], weight[j, k + 1], weight[j, k + 2], weight[j, k + 3]
                    for i in range(count):
                        z[i] += a * rows[k, i] + b * rows[k + 1, i] + c * rows[k + 2, i] + d * rows[k + 3, i]
                w = output[j]
                for i in range(count):
                    total[i] += w * softplus(z[i])
            for i in range(count):
                out[first + i] = total[i]
