"""Planes among points: tables, floors, walls, which go on where an object stands on them or hides them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_OFF = 2.0  # tolerances from a plane, within which no point tells of another one


def find_plane(
    points: np.ndarray,
    tolerance: float,
    least: float,
    tries: int,
    towards: np.ndarray | None = None,
    accepts: Callable[[np.ndarray], bool] | None = None,
) -> np.ndarray | None:
    """(4,) the plane n . x + d = 0 with |n| = 1 that holds most of the points (N, 3), or None where none holds `least`.

    A plane holds the points that are nearer than `tolerance`. RANSAC (Fischler and Bolles 1981), the same on every run:
    planes through three points each, of which the fullest that is accepted is fitted to what it holds by least squares.
    towards: (3,) a place on the positive side of all of them.
    """
    if len(points) < max(3, least):
        return None
    generator = np.random.default_rng(0)
    tried: list[tuple[int, np.ndarray]] = []
    for _ in range(tries):
        a, b, c = points[generator.choice(len(points), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal))
        if length < 1e-12:
            continue
        normal /= length
        if towards is not None and normal @ (towards - a) < 0:
            normal = -normal
        plane = np.append(normal, -normal @ a)
        count = int((np.abs(height_above(plane, points)) < tolerance).sum())
        if count >= least:
            tried.append((count, plane))
    for _, plane in sorted(tried, key=lambda one: -one[0]):
        if accepts is None or accepts(plane):
            return fitted(plane, points, tolerance)
    return None


def find_planes(points: np.ndarray, tolerance: float, least: float, most: int, tries: int) -> np.ndarray:
    """(K, 4) at most so many planes that each hold `least` points (N, 3) which no earlier one does, the fullest first."""
    planes: list[np.ndarray] = []
    while len(planes) < most:
        plane = find_plane(points, tolerance, least, tries)
        if plane is None:
            break
        planes.append(
            fitted(plane, points, tolerance)
        )  # once more: it holds others than the one that was tried
        points = points[np.abs(height_above(plane, points)) > _OFF * tolerance]
    return np.array(planes).reshape(-1, 4)


def across(normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of unit vectors (..., 3), at right angles to unit vectors (..., 3) and to each other."""
    first = np.cross(normals, np.eye(3)[np.argmin(np.abs(normals), axis=-1)])
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return first, np.cross(normals, first)


def height_above(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N,) signed distance of points (N, 3) from a plane (4,)."""
    return points @ plane[:3] + plane[3]


def fitted(plane: np.ndarray, points: np.ndarray, tolerance: float) -> np.ndarray:
    """(4,) the plane of least squares through the points (N, 3) that `plane` holds, facing the same side."""
    held = points[np.abs(height_above(plane, points)) < tolerance]
    middle = held.mean(axis=0)
    normal = np.linalg.svd(held - middle, full_matrices=False)[2][2]
    if normal @ plane[:3] < 0:
        normal = -normal
    return np.append(normal, -normal @ middle)


def plane_disparity(planes: np.ndarray, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(K, ...) disparity at which rays origin (3,) + direction (..., 3) / q meet planes (K, 4); 0 or less: never."""
    height = planes[:, :3] @ origin + planes[:, 3]
    slope = np.einsum("kj,...j->k...", planes[:, :3], directions)
    height = np.where(np.abs(height) < 1e-12, 1e-12, height)
    return -slope / height.reshape(-1, *(1,) * (directions.ndim - 1))
