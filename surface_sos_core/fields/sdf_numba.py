"""An SDF network on the CPU as one step forward and one back, by the loops of `sdf_kernels`.

It computes what `SdfNetwork` writes out for plain PyTorch, with few passes over memory: encodings and their slopes come
from one lookup, and the table gets one gradient for encoding and normals together.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch

from surface_sos_core.fields import hash_grid_kernels as kernels
from surface_sos_core.fields import sdf_kernels
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.hash_grid_kernels import BLOCK


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
        levels, outputs = kernels.grid_levels(spec), len(output_bias)
        w, b, w_out, b_out = _padded(weight), _padded(bias), _padded(output_weight), _padded(output_bias)
        inputs, slopes = _blocks(len(x), w.shape[1]), _blocks(normals, 6 * spec.levels)
        inputs[-1:], slopes[-1:] = 0.0, 0.0  # points that the last block has not
        inputs[:, 3 + 2 * active :], slopes[:, 6 * active :] = 0.0, 0.0
        sdf_kernels.encode(
            kernels.pairs_of(table), x.numpy(), levels, active, normals, kernels.span_of(len(x), sdf_kernels.SPAN),
            inputs, slopes,
        )  # fmt: skip
        value, slope = _blocks(len(x), len(b)), _blocks(len(x), len(b))
        back = _blocks(normals, w.shape[1])
        sdf, feature, normal = (
            torch.empty(len(x)),
            torch.empty(len(x), outputs - 1),
            torch.empty(normals, 3),
        )
        sdf_kernels.forward(
            inputs, slopes, w, _padded(weight.T), b, w_out, b_out, normals, value, slope, back,
            sdf.numpy(), feature.numpy(), normal.numpy(),
        )  # fmt: skip
        ctx.save_for_backward(weight, output_weight)
        ctx.kept = inputs, slopes, value, slope, back
        ctx.spec, ctx.active = spec, active
        return sdf, feature, normal

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, g_sdf: torch.Tensor, g_feature: torch.Tensor, g_normal: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        weight, output_weight = ctx.saved_tensors
        inputs, slopes, value, slope, back = ctx.kept
        threads = numba.get_num_threads()
        w, w_out = _padded(weight), _padded(output_weight)
        share = max(1, -(-len(inputs) // (2 * threads)))
        parts = -(-len(inputs) // share)
        g_inputs = np.empty_like(inputs)
        grads = [np.zeros((parts, *a.shape), np.float32) for a in (w, w[:, 0], w_out, w_out[:, 0])]
        normal_rows = g_normal.contiguous().numpy()
        sdf_kernels.backward(
            inputs, slopes, value, slope, back, w, _padded(weight.T), w_out, _padded(output_weight.T),
            g_sdf.contiguous().numpy(), g_feature.contiguous().numpy(), normal_rows, share, g_inputs, *grads,
        )  # fmt: skip
        g_table = torch.zeros(ctx.spec.entries, 2)
        sdf_kernels.add_gradient(
            g_table.numpy(), inputs, g_inputs, back, normal_rows, len(g_sdf),
            kernels.grid_levels(ctx.spec), ctx.active, threads,
        )  # fmt: skip
        (hidden, wide), outputs = weight.shape, len(output_weight)
        g_weight, g_bias, g_out_weight, g_out_bias = (torch.from_numpy(grad.sum(0)) for grad in grads)
        return (
            g_table, g_weight[:hidden, :wide], g_bias[:hidden], g_out_weight[:outputs, :hidden],
            g_out_bias[:outputs], None, None, None, None,
        )  # fmt: skip


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
    sdf_kernels.distance(
        kernels.pairs_of(table), x.contiguous().numpy(), kernels.grid_levels(spec), active, _padded(weight),
        _padded(bias), _padded(output_weight)[0], output_bias[0].item(),
        kernels.span_of(len(x), sdf_kernels.SPAN), out.numpy(),
    )  # fmt: skip
    return out


def _padded(values: torch.Tensor) -> np.ndarray:
    """Parameters with zeros up to multiples of four along each axis."""
    out = np.zeros([-(-size // 4) * 4 for size in values.shape], np.float32)
    out[tuple(slice(size) for size in values.shape)] = values.detach().numpy()
    return out


def _blocks(points: int, rows: int) -> np.ndarray:
    """Room for blocks of points: (blocks, rows, BLOCK)."""
    return np.empty((-(-points // BLOCK), rows, BLOCK), np.float32)
