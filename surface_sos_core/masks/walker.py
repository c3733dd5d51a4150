"""Few sure pixels spread over a picture up to its edges."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

_EDGES = 1.0  # how much less a step of the picture's mean square contrast leads
_LEAST = 1e-3  # of what leads where the picture is flat: over any edge


def spread(rgb: np.ndarray, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(h, w) values, `value` (h, w) where `weight` (h, w) is large, elsewhere what a walker would meet first.

    The random walker (Grady 2006) with soft seeds: least squares of weight (x - value)^2 and of the differences between
    neighbours, which count the less the more the picture rgb (h, w, 3) uint8 differs there.
    """
    height, width = weight.shape
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    number = np.arange(height * width).reshape(height, width)
    pairs = [(number[:, 1:], number[:, :-1]), (number[1:], number[:-1])]
    contrasts = [np.square(lab[:, 1:] - lab[:, :-1]).sum(-1), np.square(lab[1:] - lab[:-1]).sum(-1)]
    contrast = np.concatenate([c.ravel() for c in contrasts])
    leads = np.exp(-_EDGES * contrast / max(float(contrast.mean()), 1e-6)) + _LEAST
    ends = [np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1)]
    forth = sparse.coo_array((leads, (ends[0], ends[1])), shape=(number.size, number.size))
    between = (forth + forth.T).tocsr()
    diagonal = between.sum(axis=1) + weight.ravel() + 1e-9
    found = spsolve((sparse.diags_array(diagonal) - between).tocsc(), (weight * value).ravel())
    return found.reshape(height, width)
