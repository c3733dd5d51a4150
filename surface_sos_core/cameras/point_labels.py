"""Which sparse points belong to the object, told from some that surely do and some that surely do not."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from surface_sos_core.settings import PointGroupSettings


def spread_labels(
    xyz: np.ndarray, on: np.ndarray, off: np.ndarray, settings: PointGroupSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) that belong with `on`, and those that belong with `off`, (N,) bool each; neither where nothing leads.

    The forest of shortest steps from the labelled points (a watershed cut, Cousty et al. 2009): groups of points stay
    whole, join what is nearest, and end at gaps. Steps are mutual reachability distances (Campello et al. 2013), so that
    a few stray points between two dense groups do not join them.
    """
    count = len(xyz)
    if count <= settings.dense:
        return on, off
    if count > settings.most:
        some = np.random.default_rng(0).choice(count, settings.most, replace=False)
        _, nearest = cKDTree(xyz[some]).query(xyz)
        some_on, some_off = spread_labels(xyz[some], on[some], off[some], settings)
        return on | (some_on[nearest] & ~off), off | (some_off[nearest] & ~on)
    distance, neighbour = cKDTree(xyz).query(
        xyz, min(max(settings.neighbours, settings.dense), count - 1) + 1
    )
    sparse = distance[:, settings.dense]
    step = np.maximum(distance[:, 1:], np.maximum(sparse[:, None], sparse[neighbour[:, 1:]]))
    here, there = np.repeat(np.arange(count), step.shape[1]).tolist(), neighbour[:, 1:].ravel().tolist()
    side = (on.astype(int) - off).tolist()  # of the group that has a point as its root
    parent = list(range(count))
    for edge in np.argsort(step, axis=None, kind="stable").tolist():
        a, b = _root(parent, here[edge]), _root(parent, there[edge])
        if a != b and side[a] * side[b] >= 0:
            parent[b] = a
            side[a] = side[a] or side[b]
    sides = np.array([side[_root(parent, point)] for point in range(count)])
    return sides > 0, sides < 0


def _root(parent: list[int], point: int) -> int:
    while parent[point] != point:
        parent[point] = parent[parent[point]]
        point = parent[point]
    return point
