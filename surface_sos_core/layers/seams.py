"""Pictures put together from many frames without seams: colours solved for from the frames' own differences.

Frames differ in vignetting and shading, so there is an edge that nobody filmed wherever two neighbouring pixels come from
different ones. What one frame says of both has no such edge (Pérez et al., "Poisson image editing", SIGGRAPH 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse
from scipy.sparse.linalg import LinearOperator, cg

from surface_sos_core.layers.factors import incomplete_factors
from surface_sos_core.settings import PlateSettings

_TOLERANCE = 1e-5  # of the solver; what it has after so many rounds is good enough
_ROUNDS = 1000
_DISCARD = 1e-3  # of the matrix' factors: ten times less keeps twice the numbers, and is no faster


@dataclass(frozen=True)
class Pairs:
    """Neighbouring pixels a, b (P,), as positions in a list of pixels."""

    a: np.ndarray
    b: np.ndarray


def neighbours(mask: np.ndarray) -> Pairs:
    """Pixels of a mask (H, W), listed row by row, that lie side by side or one below the other."""
    number = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
    sideways, down = mask[:, :-1] & mask[:, 1:], mask[:-1] & mask[1:]
    a = np.concatenate((number[:, :-1][sideways], number[:-1][down]))
    b = np.concatenate((number[:, 1:][sideways], number[1:][down]))
    return Pairs(a, b)


def beside(pairs: Pairs, count: int) -> np.ndarray:
    """(N, 4) int32, the neighbours of each of `count` pixels, -1 where there is none."""
    near = np.full((count, 4), -1, np.int32)
    sideways = pairs.b == pairs.a + 1
    for side, (here, there, which) in enumerate(
        (
            (pairs.a, pairs.b, sideways),
            (pairs.b, pairs.a, sideways),
            (pairs.a, pairs.b, ~sideways),
            (pairs.b, pairs.a, ~sideways),
        )
    ):
        near[here[which], side] = there[which]
    return near


def without_faint_steps(
    pairs: Pairs, change: np.ndarray, depth: np.ndarray, settings: PlateSettings
) -> np.ndarray:
    """The change (P, 3) between neighbours, 0 where it is faint and depth (N,) jumps.

    Plain surfaces look nearly the same at any depth, so pieces of them get a wrong one; what they then show is a little
    darker or brighter all over. Without the step around them, which is all that shows, they are as what is around them.
    """
    near, far = depth[pairs.a], depth[pairs.b]
    jumps = np.abs(near - far) > settings.jump * np.minimum(near, far)
    faint = np.abs(change).max(axis=1) < settings.faint
    return np.where((jumps & faint)[:, None], np.float32(0.0), change)


def spread(colour: np.ndarray, known: np.ndarray) -> np.ndarray:
    """colour (H, W, 3) float32 where known (H, W) bool, elsewhere roughly what is around: a start for the solver, which is
    slow only in what is large and smooth. Zero where nothing is known.

    Means of ever larger blocks of what is known (the pull and push of Gortler et al., "The Lumigraph", SIGGRAPH 1996).
    """
    if known.all() or not known.any():
        return np.where(known[..., None], colour, 0.0).astype(np.float32)
    height, width = known.shape
    size = (-(-width // 2), -(-height // 2))
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    block = cv2.resize(
        np.where(known[..., None], colour, 0.0).astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    block = spread(block / np.maximum(share, 1e-6)[..., None], share > 0)
    fine = cv2.resize(block, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], colour, fine).astype(np.float32)


def solve_colours(
    pairs: Pairs,
    change: np.ndarray,
    shown: np.ndarray,
    colour: np.ndarray,
    anchor: np.ndarray,
    open_: np.ndarray,
    loose: float,
) -> np.ndarray:
    """Colours (N, 3) of the pixels that are `open_` (N,) bool, such that neighbours differ as frames show it.

        minimise  sum_ab w_ab (v_b - v_a - change_ab)^2 + sum_i anchor_i (v_i - colour_i)^2

    change (P, 3): from a to b; shown (P,) bool: whether a frame shows both, w = 1, or none does and change is 0, w = loose,
    which makes a membrane of what no frame saw. colour (N, 3): kept where not open; anchor (N,): how much an open pixel
    holds to it.
    """
    out = colour.astype(np.float32)
    if not open_.any():
        return out
    system, wanted = _system(pairs, change, shown, colour, anchor, open_, loose)
    factors = incomplete_factors(system, _DISCARD)
    guide = LinearOperator(system.shape, factors, dtype=system.dtype)
    for c in range(3):
        start = colour[open_, c].astype(np.float64)
        out[open_, c], _ = cg(system, wanted[:, c], x0=start, M=guide, rtol=_TOLERANCE, maxiter=_ROUNDS)
    return out


def _system(
    pairs: Pairs,
    change: np.ndarray,
    shown: np.ndarray,
    colour: np.ndarray,
    anchor: np.ndarray,
    open_: np.ndarray,
    loose: float,
) -> tuple[scipy.sparse.csc_matrix, np.ndarray]:
    """The normal equations of `solve_colours`: their matrix (M, M) and right side (M, 3), for the M open pixels.

    Apart from it, so that what they are put together from is gone before their factors take as much again.
    """
    count = int(open_.sum())
    number = np.full(len(open_), -1)
    number[open_] = np.arange(count)
    weight = np.where(shown, 1.0, loose)
    # Pixels that reach neither a kept one nor an anchor stay near what they were.
    hold = anchor[open_].astype(np.float64) + 1e-6
    diagonal, wanted = hold.copy(), hold[:, None] * colour[open_]
    rows, columns, values = [np.arange(count)], [np.arange(count)], []
    for here, there, sign in ((pairs.a, pairs.b, -1.0), (pairs.b, pairs.a, 1.0)):
        mine = open_[here]
        at, w, other = number[here[mine]], weight[mine], there[mine]
        diagonal += np.bincount(at, w, count)
        told = sign * change[mine] + np.where(open_[other, None], 0.0, colour[other])
        wanted += np.stack([np.bincount(at, w * told[:, c], count) for c in range(3)], axis=1)
        inner = open_[other]
        rows.append(at[inner])
        columns.append(number[other[inner]])
        values.append(-w[inner])
    entries = np.concatenate([diagonal, *values]), (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.coo_matrix(entries, shape=(count, count)).tocsc(), wanted
