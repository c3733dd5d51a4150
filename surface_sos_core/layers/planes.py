"""Planes among sparse background points: tables, floors, walls, which go on where the object hides them."""

from __future__ import annotations

import numpy as np

_TRIES = 400
_LEAST = 30  # points that a plane must hold
_LEAST_SHARE = 0.02  # of all points


def find_planes(points: np.ndarray, tolerance: float, most: int = 6) -> np.ndarray:
    """(K, 4) planes n . x + d = 0 with |n| = 1, the one that holds most of the points (N, 3) first.

    A point belongs to a plane that is nearer than `tolerance`; each belongs to one plane (sequential RANSAC, Fischler and
    Bolles 1981). The same on every run.
    """
    random = np.random.default_rng(0)
    planes: list[np.ndarray] = []
    rest = points
    while len(planes) < most and len(rest) >= _LEAST:
        corners = rest[random.integers(0, len(rest), (_TRIES, 3))]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(normals, axis=1)
        fit = length > 1e-12
        normals = normals[fit] / length[fit, None]
        offsets = -(normals * corners[fit, 0]).sum(axis=1)
        held = (np.abs(rest @ normals.T + offsets) < tolerance).sum(axis=0)
        if len(held) == 0 or held.max() < max(_LEAST, _LEAST_SHARE * len(points)):
            break
        best = int(np.argmax(held))
        plane = _through(rest[np.abs(rest @ normals[best] + offsets[best]) < tolerance])
        on = np.abs(rest @ plane[:3] + plane[3]) < tolerance
        planes.append(_through(rest[on]))
        rest = rest[np.abs(rest @ plane[:3] + plane[3]) > 2.0 * tolerance]
    return np.array(planes).reshape(-1, 4)


def _through(points: np.ndarray) -> np.ndarray:
    """The plane (4,) of least squares through points (N, 3)."""
    middle = points.mean(axis=0)
    normal = np.linalg.svd(points - middle, full_matrices=False)[2][2]
    return np.append(normal, -normal @ middle)


def plane_disparity(planes: np.ndarray, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(K, ...) disparity at which rays origin (3,) + direction (..., 3) / q meet planes (K, 4); 0 or less: never."""
    height = planes[:, :3] @ origin + planes[:, 3]
    slope = np.einsum("kj,...j->k...", planes[:, :3], directions)
    height = np.where(np.abs(height) < 1e-12, 1e-12, height)
    return -slope / height.reshape(-1, *(1,) * (directions.ndim - 1))
