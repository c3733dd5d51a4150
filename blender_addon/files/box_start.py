"""Where the scene box appears: around the sparse points near what the cameras look at. No bpy.

Only a start for the artist, so medians and shares do; without a box the core fits one of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .colmap import Image, Model, Vector
from .pinhole import centre, rotation_rows

REACH = 0.6  # of the cameras' median distance from the look-at: how far the object's points may be
KEPT = 0.9  # share of the points within reach that the box holds along each axis
FALLBACK_HALF = 0.3  # of that distance, where there are too few points
LEAST_POINTS = 20
MARGIN = 1.1


def start(model: Model) -> tuple[Vector, Vector]:
    """Centre and half sizes of the box, along the axes of the model's world."""
    target = look_at(model.images)
    distance = sorted(math.dist(centre(image), target) for image in model.images)[len(model.images) // 2]
    xyz = model.points.xyz
    cloud = list(zip(xyz[0::3], xyz[1::3], xyz[2::3]))  # noqa: B905 (same length)
    near = [point for point in cloud if math.dist(point, target) < REACH * distance]
    if len(near) < LEAST_POINTS:
        half = FALLBACK_HALF * distance
        return target, (half, half, half)
    bounds = [_middle([point[axis] for point in near]) for axis in range(3)]
    (x, hx), (y, hy), (z, hz) = bounds
    return (x, y, z), (hx, hy, hz)


def look_at(images: Sequence[Image]) -> Vector:
    """The point nearest to all axes of view: sum (1 - a a^T) p = sum (1 - a a^T) c."""
    # A little of the cameras' mean centre, so that parallel axes have an answer as well.
    left = [[1e-6 * len(images) * (row == column) for column in range(3)] for row in range(3)]
    right = [0.0, 0.0, 0.0]
    for image in images:
        axis, place = rotation_rows(image.rotation)[2], centre(image)
        for row in range(3):
            right[row] += 1e-6 * place[row]
            for column in range(3):
                across = (row == column) - axis[row] * axis[column]
                left[row][column] += across
                right[row] += across * place[column]
    return _solve(left, right)


def _middle(values: list[float]) -> tuple[float, float]:
    """Middle and half width of the interval that holds the KEPT share of the values, with a margin."""
    values.sort()
    cut = int(len(values) * (1 - KEPT) / 2)
    low, high = values[cut], values[-1 - cut]
    return (low + high) / 2, max(MARGIN * (high - low) / 2, 1e-6)


def _solve(left: list[list[float]], right: list[float]) -> Vector:
    """Three equations, by Cramer's rule."""

    def determinant(m: list[list[float]]) -> float:
        return (
            m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
            - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
        )

    whole = determinant(left)
    x, y, z = (
        determinant([[right[r] if c == axis else left[r][c] for c in range(3)] for r in range(3)]) / whole
        for axis in range(3)
    )
    return x, y, z
