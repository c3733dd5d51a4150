"""Few sure pixels spread over a picture up to its edges."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from surface_sos_core.masks.neighbours import Neighbours
from surface_sos_core.settings import EdgeSettings
from surface_sos_core.stereo.known_depth import KnownDepth


def spread(
    rgb: np.ndarray, value: np.ndarray, weight: np.ndarray, depth: KnownDepth, settings: EdgeSettings
) -> np.ndarray:
    """(h, w) values, `value` (h, w) where `weight` (h, w) is large, elsewhere what a walker would meet first.

    The random walker (Grady 2006) with soft seeds: least squares of weight (x - value)^2 and of the differences between
    neighbours, which count the less the more the picture rgb (h, w, 3) uint8 differs there, and the depth (h, w).
    """
    pairs = Neighbours.of(weight.shape, diagonals=False)
    parted = settings.walk_contrast * pairs.contrast(rgb) + settings.walk_jump * pairs.jumps(depth, settings)
    leads = np.exp(-parted) + settings.walk_least
    forth = sparse.coo_array((leads, (pairs.one, pairs.other)), shape=(weight.size, weight.size))
    between = (forth + forth.T).tocsr()
    diagonal = between.sum(axis=1) + weight.ravel() + 1e-9
    found = spsolve((sparse.diags_array(diagonal) - between).tocsc(), (weight * value).ravel())
    return found.reshape(weight.shape)
