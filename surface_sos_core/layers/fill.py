"""Carrying known colours smoothly into places that nobody saw."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse
from scipy.sparse.linalg import splu

_EDGE = 512  # unseen places are filled on a lattice of at most so many points a side


def carry_on(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """values (H, W, C) float32 where known (H, W) bool, and the smoothest continuation elsewhere.

    Minimises sum (v_i - v_j)^2 over neighbours on a lattice: a membrane. Zero when nothing is known.
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
    filled = _membrane(colours, share > 0)
    fine = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return np.where(known[..., None], values, fine).astype(np.float32)


def _membrane(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """colours (h, w, C) float32 with those that are not known (h, w) solved for."""
    rows, columns = known.shape
    number = np.arange(rows * columns).reshape(rows, columns)
    pairs = [(number[:, :-1], number[:, 1:]), (number[:-1], number[1:])]
    a, b = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
    graph = scipy.sparse.coo_matrix((np.ones(len(a)), (a, b)), shape=(number.size,) * 2)
    graph = (graph + graph.T).tocsr()
    laplacian = (scipy.sparse.diags(np.asarray(graph.sum(axis=1)).ravel()) - graph).tocsr()
    open_, fixed = np.flatnonzero(~known.ravel()), np.flatnonzero(known.ravel())
    out = colours.reshape(-1, colours.shape[-1]).astype(np.float64)
    pull = -laplacian[open_][:, fixed] @ out[fixed]
    out[open_] = splu(laplacian[open_][:, open_].tocsc()).solve(pull)
    return out.reshape(colours.shape).astype(np.float32)
