"""Closed-form matting (Levin et al., PAMI 2008) of the open pixels alone: all others are known, so the equations leave
them out, which is most of a picture."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numba import njit

from surface_sos_core.layers.factors import incomplete_factors

_TOLERANCE = 1e-5  # of the solver
_DISCARD = 1e-3  # of the matrix' factors: ten times less takes a third more memory, and is no faster


def closed_form(
    picture: np.ndarray, wanted: np.ndarray, hold: np.ndarray, open_: np.ndarray, epsilon: float
) -> np.ndarray:
    """Alpha (M,) of the M open pixels, row by row, such that alpha is linear in the colours of every 3 x 3 pixels:

        minimise  a' L a + sum_i hold_i (a_i - wanted_i)^2   over the pixels that are open, the others being as wanted

    with L the matting Laplacian (Eq. 12 there). picture: (H, W, 3) display values; wanted, hold: (H, W); open_: (H, W)
    bool, with one at least. epsilon: as in `MattingSettings`; by it a window's covariance is invertible where it is plain.
    """
    # Not above, since it is compiled for half a minute where it is loaded for the first time.
    from pymatting import cg

    system, pull = matting_laplacian(picture, wanted, open_, epsilon)
    weights, start = hold[open_].astype(np.float64), wanted[open_].astype(np.float64)
    system.setdiag(system.diagonal() + weights)
    factors = incomplete_factors(system, _DISCARD)
    return cg(system, weights * start + pull, x0=start, M=factors, rtol=_TOLERANCE)


def matting_laplacian(
    picture: np.ndarray, known: np.ndarray, open_: np.ndarray, epsilon: float
) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    """Rows and columns (M, M) of the matting Laplacian that are open, and how strongly (M,) the alpha `known` (H, W) of the
    pixels around them pulls: minus their columns times it."""
    number = np.full((open_.shape[0] + 4, open_.shape[1] + 4), -1, np.int32)
    inner, count = number[2:-2, 2:-2], int(np.count_nonzero(open_))
    inner[open_] = np.arange(count)
    values = _windows(np.ascontiguousarray(picture, np.float64), inner, count, epsilon)
    around = _around(number, open_)
    joined = around >= 0
    beside = _around(np.pad(known.astype(np.float64), 2), open_)
    beside[joined] = 0.0
    pull = -np.einsum("mk,mk->m", values, beside)
    starts = np.concatenate(([0], np.cumsum(joined.sum(axis=1))))
    return scipy.sparse.csr_matrix((values[joined], around[joined], starts), shape=(count, count)), pull


def _around(padded: np.ndarray, open_: np.ndarray) -> np.ndarray:
    """(M, 25) values of a picture (H + 4, W + 4) at the 5 x 5 pixels around each open one, row by row."""
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5))[open_].reshape(-1, 25)


@njit(nogil=True, cache=True, error_model="numpy")
def _windows(picture, number, count, epsilon):  # type: ignore[no-untyped-def]
    """(count, 25) rows of the Laplacian of the pixels that have a number (H, W), over the 5 x 5 pixels around each."""
    height, width = number.shape
    rows = np.zeros((count, 25))
    centred, told = np.empty((9, 3)), np.empty((9, 3))
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            asked = False
            for n in range(9):
                asked |= number[y + n // 3 - 1, x + n % 3 - 1] >= 0
            if not asked:
                continue
            for k in range(3):
                total = 0.0
                for n in range(9):
                    centred[n, k] = picture[y + n // 3 - 1, x + n % 3 - 1, k]
                    total += centred[n, k]
                for n in range(9):
                    centred[n, k] -= total / 9.0
            _by_inverse_covariance(centred, epsilon, told)
            for n in range(9):
                i = number[y + n // 3 - 1, x + n % 3 - 1]
                if i < 0:
                    continue
                for m in range(9):
                    alike = (
                        told[n, 0] * centred[m, 0] + told[n, 1] * centred[m, 1] + told[n, 2] * centred[m, 2]
                    )
                    at = 5 * (m // 3 - n // 3 + 2) + m % 3 - n % 3 + 2
                    rows[i, at] += (1.0 if n == m else 0.0) - (1.0 + alike) / 9.0
    return rows


@njit(nogil=True, cache=True, error_model="numpy")
def _by_inverse_covariance(centred, epsilon, out):  # type: ignore[no-untyped-def]
    """out (9, 3) = centred (9, 3) times the inverse of its covariance + epsilon / 9."""
    a, b, c, d, e, f = epsilon, 0.0, 0.0, epsilon, 0.0, epsilon
    for n in range(9):
        r, g, v = centred[n, 0], centred[n, 1], centred[n, 2]
        a += r * r
        b += r * g
        c += r * v
        d += g * g
        e += g * v
        f += v * v
    p, q, s = d * f - e * e, c * e - b * f, b * e - c * d
    t, u, w = a * f - c * c, b * c - a * e, a * d - b * b
    scale = 9.0 / (a * p + b * q + c * s)
    for n in range(9):
        r, g, v = centred[n, 0] * scale, centred[n, 1] * scale, centred[n, 2] * scale
        out[n, 0] = p * r + q * g + s * v
        out[n, 1] = q * r + t * g + u * v
        out[n, 2] = s * r + u * g + w * v
