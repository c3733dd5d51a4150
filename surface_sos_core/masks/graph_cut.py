"""The best outline for given odds: a graph cut."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from surface_sos_core.masks.neighbours import Neighbours
from surface_sos_core.settings import EdgeSettings
from surface_sos_core.stereo.known_depth import KnownDepth

_FINE = 1000  # parts of one: flows are whole numbers


def cut(rgb: np.ndarray, odds: np.ndarray, depth: KnownDepth, settings: EdgeSettings) -> np.ndarray:
    """(h, w) bool: the pixels that are rather the object, by log odds (h, w), with an outline along edges and depth's jumps.

    The minimum of the energy of Boykov and Jolly ("Interactive graph cuts", ICCV 2001): each pixel costs the odds against
    it, each pair of its 8 neighbours on different sides exp(-contrast / (2 mean contrast) - jump) / distance.
    """
    count = odds.size
    pairs = Neighbours.of(odds.shape, diagonals=True)
    alike = (
        settings.smoothness * np.exp(-pairs.contrast(rgb) / 2 - pairs.jumps(depth, settings)) / pairs.distance
    )
    source, sink, pixels = np.full(count, count), np.full(count, count + 1), np.arange(count)
    most = np.concatenate((alike, alike, np.maximum(odds.ravel(), 0), np.maximum(-odds.ravel(), 0)))
    ends = (
        np.concatenate((pairs.one, pairs.other, source, pixels)),
        np.concatenate((pairs.other, pairs.one, pixels, sink)),
    )
    graph = sparse.csr_array((np.rint(_FINE * most).astype(np.int32), ends), shape=(count + 2, count + 2))
    left = graph - maximum_flow(graph, count, count + 1).flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    inside = np.zeros(count + 2, bool)
    inside[breadth_first_order(left, count, return_predecessors=False)] = True
    return inside[:count].reshape(odds.shape)
