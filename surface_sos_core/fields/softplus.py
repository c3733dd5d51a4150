"""softplus(z) = log(1 + e^(beta z)) / beta together with its slope, which the closed-form normals need as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange

BETA = 100.0  # sharpness, as in IGR and NeuS

_CHUNK = 16384  # values that a thread takes at a time


def softplus_and_slope(z: torch.Tensor, backend: str) -> tuple[torch.Tensor, torch.Tensor]:
    """softplus(z) and its derivative sigmoid(beta z), both shaped as z; differentiable to first order.

    backend: "torch" (any device) or "numba" (CPU, float32), which makes one pass over memory each way.
    """
    if backend == "numba":
        return _SoftplusAndSlope.apply(z)
    return torch.nn.functional.softplus(z, BETA), torch.sigmoid(BETA * z)


class _SoftplusAndSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        z = z.detach().contiguous()
        value, slope = torch.empty_like(z), torch.empty_like(z)
        _forward(z.view(-1).numpy(), value.view(-1).numpy(), slope.view(-1).numpy())
        ctx.save_for_backward(slope)
        return value, slope

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g_value: torch.Tensor, g_slope: torch.Tensor) -> torch.Tensor:
        (slope,) = ctx.saved_tensors
        g_z = torch.empty_like(slope)
        g_value, g_slope = g_value.contiguous().view(-1), g_slope.contiguous().view(-1)
        _backward(slope.view(-1).numpy(), g_value.numpy(), g_slope.numpy(), g_z.view(-1).numpy())
        return g_z


@njit(parallel=True, fastmath=True, cache=True)
def _forward(z, value, slope):  # type: ignore[no-untyped-def]
    """Both functions from one exponential, in arithmetic that the compiler turns into vector instructions."""
    count = len(z)
    one, half, beta = np.float32(1.0), np.float32(0.5), np.float32(BETA)
    for chunk in prange((count + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, count)):
            # e = exp(-|beta z|) as a power of two times a polynomial on [-1/2, 1/2]; the limit keeps clear of
            # denormal numbers, which would slow every later product down by an order of magnitude.
            t = max(-abs(beta * z[i]), np.float32(-60.0)) * np.float32(1.4426950408889634)
            n = np.int32(t - half)
            r = t - np.float32(n)
            p = np.float32(1.5403530e-4)
            p = p * r + np.float32(1.3333558e-3)
            p = p * r + np.float32(9.6181291e-3)
            p = p * r + np.float32(5.5504109e-2)
            p = p * r + np.float32(2.4022651e-1)
            p = p * r + np.float32(6.9314718e-1)
            p = p * r + one
            e = p * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)
            # log(1 + e) = 2 artanh(e / (2 + e)), whose argument is at most 1/3.
            s = e / (np.float32(2.0) + e)
            q = s * s
            a = np.float32(1.0 / 11.0)
            a = a * q + np.float32(1.0 / 9.0)
            a = a * q + np.float32(1.0 / 7.0)
            a = a * q + np.float32(1.0 / 5.0)
            a = a * q + np.float32(1.0 / 3.0)
            a = a * q + one
            value[i] = max(z[i], np.float32(0.0)) + np.float32(2.0 / BETA) * s * a
            slope[i] = (one if z[i] >= np.float32(0.0) else e) / (one + e)


@njit(parallel=True, fastmath=True, cache=True)
def _backward(slope, g_value, g_slope, g_z):  # type: ignore[no-untyped-def]
    """g_z = g_value slope + g_slope beta slope (1 - slope)."""
    count = len(slope)
    one, beta = np.float32(1.0), np.float32(BETA)
    for chunk in prange((count + _CHUNK - 1) // _CHUNK):
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, count)):
            g_z[i] = slope[i] * (g_value[i] + beta * g_slope[i] * (one - slope[i]))
