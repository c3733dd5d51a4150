"""softplus(z) = log(1 + e^(beta z)) / beta together with its slope, which the closed-form normals need as well."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit

BETA = 100.0  # sharpness, as in IGR and NeuS

# error_model="numpy": a division that may raise ZeroDivisionError would keep loops from becoming vector instructions.


def softplus_and_slope(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """softplus(z) and its derivative sigmoid(beta z), both shaped as z."""
    return torch.nn.functional.softplus(z, BETA), torch.sigmoid(BETA * z)


@njit(fastmath=True, cache=True, error_model="numpy")
def decay(t):  # type: ignore[no-untyped-def]
    """exp(-|t|) of a float32 as a power of two times a polynomial on [-1/2, 1/2].

    Arithmetic that the compiler turns into vector instructions. The limit keeps clear of denormal numbers, also in its
    square, which would slow down by an order of magnitude.
    """
    t = max(-abs(t), np.float32(-40.0)) * np.float32(1.4426950408889634)
    n = np.int32(t - np.float32(0.5))
    r = t - np.float32(n)
    p = np.float32(1.5403530e-4)
    p = p * r + np.float32(1.3333558e-3)
    p = p * r + np.float32(9.6181291e-3)
    p = p * r + np.float32(5.5504109e-2)
    p = p * r + np.float32(2.4022651e-1)
    p = p * r + np.float32(6.9314718e-1)
    p = p * r + np.float32(1.0)
    return p * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(fastmath=True, cache=True, error_model="numpy")
def log_one_plus(e):  # type: ignore[no-untyped-def]
    """log(1 + e) of a float32 within 0..1 as 2 artanh(e / (2 + e)), whose argument is at most 1/3."""
    s = e / (np.float32(2.0) + e)
    q = s * s
    a = np.float32(1.0 / 11.0)
    a = a * q + np.float32(1.0 / 9.0)
    a = a * q + np.float32(1.0 / 7.0)
    a = a * q + np.float32(1.0 / 5.0)
    a = a * q + np.float32(1.0 / 3.0)
    a = a * q + np.float32(1.0)
    return np.float32(2.0) * s * a


@njit(fastmath=True, cache=True, error_model="numpy")
def softplus(z):  # type: ignore[no-untyped-def]
    """softplus of one float32, for other kernels."""
    return max(z, np.float32(0.0)) + np.float32(1.0 / BETA) * log_one_plus(decay(np.float32(BETA) * z))


@njit(fastmath=True, cache=True, error_model="numpy")
def softplus_with_slope(z):  # type: ignore[no-untyped-def]
    """softplus of one float32 and its derivative, from one exponential."""
    zero, one = np.float32(0.0), np.float32(1.0)
    e = decay(np.float32(BETA) * z)
    return max(z, zero) + np.float32(1.0 / BETA) * log_one_plus(e), (one if z >= zero else e) / (one + e)
