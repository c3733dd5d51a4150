"""Compositing two fields on the CPU, ray by ray in compiled loops; `volume` says the same in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange

from surface_sos_core.fields.softplus import decay, log_one_plus

_CHUNK = 32  # rays that a thread takes at a time
_LEAK = np.float32(1e-7)  # light that passes even what is opaque, as in `visible_weights`


class CompositeWeights(torch.autograd.Function):
    """Weights of FoCoR's sections (hits, sections) and BaCo's (rays, sections) on shared rays (Eqs. 6 and 7).

    sdf_f, hold, middle_f: distances (hits, samples), how far sections may be opaque and their depths (hits, samples - 1)
    on the rays `hit`; sdf_b, middle_b: the same on all rays; sharp_f, sharp_b: scalars. BaCo's last section is opaque.
    Differentiable once, in distances and sharpness.
    """

    @staticmethod
    def forward(
        ctx: Any,
        sdf_f: torch.Tensor,
        sharp_f: torch.Tensor,
        hold: torch.Tensor,
        middle_f: torch.Tensor,
        hit: torch.Tensor,
        sdf_b: torch.Tensor,
        sharp_b: torch.Tensor,
        middle_b: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        row = np.full(len(sdf_b), -1)
        row[hit.numpy()] = np.arange(len(hit))
        ctx.save_for_backward(sdf_f, sharp_f, hold, middle_f, sdf_b, sharp_b, middle_b)
        ctx.row = row
        weight_f, weight_b = torch.empty_like(middle_f), torch.empty_like(middle_b)
        _weights(
            sdf_f.detach().numpy(), np.float32(sharp_f.detach()), hold.numpy(), middle_f.numpy(), row,
            sdf_b.detach().numpy(), np.float32(sharp_b.detach()), middle_b.numpy(),
            weight_f.numpy(), weight_b.numpy(),
        )  # fmt: skip
        return weight_f, weight_b

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g_f: torch.Tensor, g_b: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        sdf_f, sharp_f, hold, middle_f, sdf_b, sharp_b, middle_b = ctx.saved_tensors
        grad_f, grad_b, grad_sharp = (
            torch.empty_like(sdf_f),
            torch.empty_like(sdf_b),
            torch.zeros(len(sdf_b), 2),
        )
        _weights_backward(
            sdf_f.detach().numpy(), np.float32(sharp_f.detach()), hold.numpy(), middle_f.numpy(), ctx.row,
            sdf_b.detach().numpy(), np.float32(sharp_b.detach()), middle_b.numpy(),
            g_f.contiguous().numpy(), g_b.contiguous().numpy(),
            grad_f.numpy(), grad_b.numpy(), grad_sharp.numpy(),
        )  # fmt: skip
        sharp = grad_sharp.sum(0)
        return grad_f, sharp[0], None, None, None, grad_b, sharp[1], None


@njit(fastmath=True, cache=True, error_model="numpy")
def _log_phi(sdf, sharpness, log_phi, rest):  # type: ignore[no-untyped-def]
    """log Phi and 1 - Phi of one ray's distances, Phi being the logistic function of sharpness times distance."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for k in range(len(sdf)):
        y = sharpness * sdf[k]
        e = decay(y)
        log_phi[k] = min(y, zero) - log_one_plus(e)
        rest[k] = (e if y >= zero else one) / (one + e)


@njit(fastmath=True, cache=True, error_model="numpy")
def _opacity(log_phi, alpha):  # type: ignore[no-untyped-def]
    """Eq. 6: opacity of one ray's sections."""
    for k in range(len(alpha)):
        alpha[k] = np.float32(1.0) - decay(min(log_phi[k + 1] - log_phi[k], np.float32(0.0)))


@njit(fastmath=True, cache=True, error_model="numpy")
def _in_order(first, second, order):  # type: ignore[no-untyped-def]
    """Merge two lists of depths, each in order: indices into the first, then those into the second from its length on."""
    i = j = 0
    for n in range(len(first) + len(second)):
        if j == len(second) or (i < len(first) and first[i] <= second[j]):
            order[n] = i
            i += 1
        else:
            order[n] = len(first) + j
            j += 1


@njit(fastmath=True, cache=True, error_model="numpy")
def _passes(alpha):  # type: ignore[no-untyped-def]
    """Share of the light that a section lets through, above 0 also where rounding has put its opacity above 1."""
    return max(np.float32(1.0) - alpha, np.float32(0.0)) + _LEAK


@njit(fastmath=True, cache=True, error_model="numpy")
def _light(alpha, order, count, light):  # type: ignore[no-untyped-def]
    """Light that reaches each of the first `count` sections in order of depth."""
    passed = np.float32(1.0)
    for n in range(count):
        light[order[n]] = passed
        passed *= _passes(alpha[order[n]])


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def _weights(sdf_f, sharp_f, hold, middle_f, row, sdf_b, sharp_b, middle_b, weight_f, weight_b):  # type: ignore[no-untyped-def]
    """Both fields' weights: opacity times the light that arrives."""
    front, back = middle_f.shape[1], middle_b.shape[1]
    for chunk in prange((len(row) + _CHUNK - 1) // _CHUNK):
        log_phi, rest = np.empty((2, max(front, back) + 1), np.float32)
        alpha, light = np.empty((2, front + back), np.float32)
        order = np.empty(front + back, np.int64)
        for r in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(row))):
            h = row[r]
            own = front if h >= 0 else 0
            if own:
                _log_phi(sdf_f[h], sharp_f, log_phi, rest)
                _opacity(log_phi, alpha[:own])
                for k in range(own):
                    alpha[k] *= hold[h, k]
            _log_phi(sdf_b[r], sharp_b, log_phi, rest)
            _opacity(log_phi, alpha[own : own + back])
            alpha[own + back - 1] = np.float32(1.0)
            _in_order(middle_f[h, :own], middle_b[r], order)
            _light(alpha, order, own + back, light)
            for k in range(own):
                weight_f[h, k] = alpha[k] * light[k]
            for k in range(back):
                weight_b[r, k] = alpha[own + k] * light[own + k]


@njit(parallel=True, nogil=True, fastmath=True, cache=True, error_model="numpy")
def _weights_backward(  # type: ignore[no-untyped-def]
    sdf_f, sharp_f, hold, middle_f, row, sdf_b, sharp_b, middle_b, g_f, g_b, grad_f, grad_b, grad_sharp
):
    """Gradients of distances, and each ray's share of those of the two sharpnesses."""
    front, back = middle_f.shape[1], middle_b.shape[1]
    zero, one = np.float32(0.0), np.float32(1.0)
    for chunk in prange((len(row) + _CHUNK - 1) // _CHUNK):
        log_f, rest_f = np.empty((2, front + 1), np.float32)
        log_b, rest_b = np.empty((2, back + 1), np.float32)
        raw, alpha, light, g = np.empty((4, front + back), np.float32)
        order = np.empty(front + back, np.int64)
        for r in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(row))):
            h = row[r]
            own = front if h >= 0 else 0
            if own:
                _log_phi(sdf_f[h], sharp_f, log_f, rest_f)
                _opacity(log_f, raw[:own])
                for k in range(own):
                    alpha[k] = raw[k] * hold[h, k]
                    g[k] = g_f[h, k]
            _log_phi(sdf_b[r], sharp_b, log_b, rest_b)
            _opacity(log_b, raw[own : own + back])
            for k in range(back):
                alpha[own + k] = raw[own + k]
                g[own + k] = g_b[r, k]
            alpha[own + back - 1] = one
            _in_order(middle_f[h, :own], middle_b[r], order)
            _light(alpha, order, own + back, light)
            behind = zero  # what the sections behind lose when this one grows more opaque
            for n in range(own + back - 1, -1, -1):
                k = order[n]
                lost = behind / _passes(alpha[k])
                behind += g[k] * alpha[k] * light[k]
                g[k] = g[k] * light[k] - lost
            if own:
                for k in range(own):
                    g[k] *= hold[h, k]
                grad_sharp[r, 0] = _through_phi(
                    g[:own], raw[:own], log_f, rest_f, sdf_f[h], sharp_f, grad_f[h]
                )
            g[own + back - 1] = zero
            grad_sharp[r, 1] = _through_phi(
                g[own : own + back], raw[own : own + back], log_b, rest_b, sdf_b[r], sharp_b, grad_b[r]
            )


@njit(fastmath=True, cache=True, error_model="numpy")
def _through_phi(g, alpha, log_phi, rest, sdf, sharpness, grad):  # type: ignore[no-untyped-def]
    """Turn one ray's gradients of opacities into those of its distances; returns that of the sharpness."""
    grad[:] = np.float32(0.0)
    for k in range(len(g)):
        if log_phi[k + 1] < log_phi[k]:
            change = g[k] * (np.float32(1.0) - alpha[k])
            grad[k] += change
            grad[k + 1] -= change
    total = np.float32(0.0)
    for k in range(len(sdf)):
        grad[k] *= rest[k]
        total += grad[k] * sdf[k]
        grad[k] *= sharpness
    return total
