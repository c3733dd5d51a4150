"""The ground among sparse points: the largest level plane, by RANSAC (Fischler and Bolles, 1981).

What is found is a start for the artist, who may choose three points instead.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mathutils import Matrix, Vector

from ..errors import AddonError

LEAST_POINTS = 30  # on the plane
THICKNESS = 0.005  # of the camera's distance: how far from the plane its points may be
STEEPEST = math.radians(40)  # from what was up before
_TRIES, _LOOKED_AT = 400, 2_000  # planes through three points, and the points that they are tried on
_SEED = 0
_ROUNDS = 3  # of least squares, each on the points near the plane before
_IN_LINE = 1e-6  # sine of an angle


@dataclass(frozen=True)
class Plane:
    """middle: of its points; normal: of length 1."""

    middle: Vector
    normal: Vector

    def near(self, points: Sequence[Vector], distance: float) -> list[Vector]:
        height = self.normal.dot(self.middle)
        return [point for point in points if abs(self.normal.dot(point) - height) < distance]


def find(points: Sequence[Vector], up: Vector, distance: float) -> Plane:
    """The plane with most points among those whose normal is nearly `up`, which has length 1; `distance`: of the camera.

    Raises AddonError where too few points lie on any.
    """
    thickness = THICKNESS * distance
    some = points[:: max(1, len(points) // _LOOKED_AT)]
    chance = random.Random(_SEED)
    best, most = None, 0
    for _ in range(_TRIES if len(some) >= LEAST_POINTS else 0):
        plane = through(*chance.sample(some, 3))
        if plane is None or abs(plane.normal.dot(up)) < math.cos(STEEPEST):
            continue
        count = len(plane.near(some, thickness))
        if count > most:
            best, most = plane, count
    if best is not None:
        for _ in range(_ROUNDS):
            best = _fitted(best, best.near(points, thickness))
        most = len(best.near(points, thickness))
    if best is None or most < LEAST_POINTS:
        raise AddonError(
            f"Of {len(points)} sparse points at most {most} lie on one level plane: select three points of the ground instead."
        )
    return Plane(best.middle, best.normal if best.normal.dot(up) > 0 else -best.normal)


def through(a: Vector, b: Vector, c: Vector) -> Plane | None:
    """The plane of three points; None where they are in a line."""
    normal: Any = (b - a).cross(c - a)
    if normal.length <= _IN_LINE * (b - a).length * (c - a).length:
        return None
    return Plane(_middle([a, b, c]), normal.normalized())


def _fitted(plane: Plane, points: Sequence[Vector]) -> Plane:
    """The plane of least squared heights over `plane`: h = a u + b v + c in its axes u, v."""
    u = plane.normal.orthogonal().normalized()
    v: Any = plane.normal.cross(u)
    middle = _middle(points)
    left, right = Matrix.Diagonal((0.0, 0.0, 0.0)), Vector((0.0, 0.0, 0.0))
    for point in points:
        off = point - middle
        row = Vector((off.dot(u), off.dot(v), 1.0))
        right += off.dot(plane.normal) * row
        for i in range(3):
            left[i] += row[i] * row
    a, b, c = left.inverted_safe() @ right
    return Plane(middle + c * plane.normal, (plane.normal - a * u - b * v).normalized())


def _middle(points: Sequence[Vector]) -> Vector:
    return sum(points, Vector((0.0, 0.0, 0.0))) / len(points)
