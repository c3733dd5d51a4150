"""The best outline for given odds: a graph cut."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

_SMOOTHNESS = 3.0  # log odds that an outline costs for each pixel of its length where the picture is flat
_FINE = 1000  # parts of one: flows are whole numbers


def cut(rgb: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """(h, w) bool: the pixels that are rather the object, by log odds (h, w), with an outline along the picture's edges.

    The minimum of the energy of Boykov and Jolly ("Interactive graph cuts", ICCV 2001): each pixel costs the odds against
    it, each pair of its 8 neighbours on different sides exp(-contrast / (2 mean contrast)) / distance.
    """
    height, width = odds.shape
    count = height * width
    number = np.arange(count).reshape(height, width)
    pairs = [
        (number[:, 1:], number[:, :-1], 1.0),
        (number[1:], number[:-1], 1.0),
        (number[1:, 1:], number[:-1, :-1], 0.5**0.5),
        (number[1:, :-1], number[:-1, 1:], 0.5**0.5),
    ]
    one = np.concatenate([a.ravel() for a, _, _ in pairs])
    other = np.concatenate([b.ravel() for _, b, _ in pairs])
    near = np.concatenate([np.full(a.size, nearness) for a, _, nearness in pairs])
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    contrast = np.square(lab[one] - lab[other]).sum(axis=1)
    alike = _SMOOTHNESS * near * np.exp(-contrast / (2 * max(float(contrast.mean()), 1e-6)))
    source, sink, pixels = np.full(count, count), np.full(count, count + 1), number.ravel()
    most = np.concatenate((alike, alike, np.maximum(odds.ravel(), 0), np.maximum(-odds.ravel(), 0)))
    ends = np.concatenate((one, other, source, pixels)), np.concatenate((other, one, pixels, sink))
    graph = sparse.csr_array((np.rint(_FINE * most).astype(np.int32), ends), shape=(count + 2, count + 2))
    left = graph - maximum_flow(graph, count, count + 1).flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    inside = np.zeros(count + 2, bool)
    inside[breadth_first_order(left, count, return_predecessors=False)] = True
    return inside[:count].reshape(height, width)
