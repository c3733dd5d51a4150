"""Carrying known colours into places that nobody saw, along the surfaces that lie there."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse
from scipy.sparse.linalg import splu

_EDGE = 512  # unseen places are filled on a lattice of at most so many points a side
_FLAT = 0.01  # relative change of disparity between neighbours from which on they lie on different surfaces
_LEAK = 1e-4  # what still passes between surfaces, so that every place gets a colour


def carry_on(values: np.ndarray, known: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """values (H, W, C) float32 where known (H, W) bool, and a smooth continuation elsewhere that keeps to its surface.

    disparity (H, W), 1 / depth, tells the surfaces apart. Minimises sum w_ij (v_i - v_j)^2 over neighbours on a lattice,
    w = 1 / (1 + (d log disparity / _FLAT)^2): a membrane that is cut where depth jumps. Zero when nothing is known.
    """
    if known.all() or not known.any():
        return np.where(known[..., None], values, 0.0).astype(np.float32)
    height, width = known.shape
    stride = -(-max(height, width) // _EDGE)
    size = (-(-width // stride), -(-height // stride))
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(values * known[..., None], size, interpolation=cv2.INTER_AREA).reshape(
        *share.shape, -1
    )
    colours = colours / np.maximum(share, 1e-6)[..., None]
    depth = np.log(cv2.resize(disparity.astype(np.float64), size, interpolation=cv2.INTER_AREA).clip(1e-9))
    filled = _membrane(colours, share > 0, depth)
    fine = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return np.where(known[..., None], values, fine).astype(np.float32)


def _membrane(colours: np.ndarray, known: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """colours (h, w, C) float32 with those that are not known (h, w) solved for; depth (h, w): log disparity."""
    rows, columns = known.shape
    number = np.arange(rows * columns).reshape(rows, columns)
    pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
    a, b = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
    jump = depth.ravel()[a] - depth.ravel()[b]
    weight = 1.0 / (1.0 + (jump / _FLAT) ** 2) + _LEAK
    graph = scipy.sparse.coo_matrix((weight, (a, b)), shape=(number.size,) * 2)
    graph = (graph + graph.T).tocsr()
    laplacian = (scipy.sparse.diags(np.asarray(graph.sum(axis=1)).ravel()) - graph).tocsr()
    open_, fixed = np.flatnonzero(~known.ravel()), np.flatnonzero(known.ravel())
    out = colours.reshape(-1, colours.shape[-1]).astype(np.float64)
    pull = -laplacian[open_][:, fixed] @ out[fixed]
    out[open_] = splu(laplacian[open_][:, open_].tocsc()).solve(pull)
    return out.reshape(colours.shape).astype(np.float32)
