"""What Blender's camera must be to see as a COLMAP camera does: plain numbers, no bpy.

Blender's camera looks along its -z with +y up, and is a pinhole: a focal length, a shift of the film, and the
scene's pixel aspect for fx != fy. Matrices are 4 rows of 4 numbers.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .colmap import Image, Lens, Quaternion, Vector

Matrix = tuple[tuple[float, float, float, float], ...]

SENSOR_MM = 36.0  # the longer side of the film, that of a still camera, so that focal lengths read as usual
_NEAR_SHARE, _FAR_SHARE = 0.1, 10.0  # of the nearest and the farthest sparse point


@dataclass(frozen=True)
class FilmBack:
    """Blender's settings for one lens, in millimetres; shifts are shares of the longer side."""

    fit: Literal["HORIZONTAL", "VERTICAL"]
    """HORIZONTAL or VERTICAL: the side that is `SENSOR_MM` long."""
    sensor_width: float
    sensor_height: float
    lens: float
    shift_x: float
    shift_y: float
    aspect_x: float
    aspect_y: float
    """Pixel aspect of the scene; the smaller one is 1, as Blender demands."""


def film_back(lens: Lens, aspect: float | None = None) -> FilmBack:
    """The settings under which Blender projects as `lens` does without its distortion.

    With the film along x, Blender's u = (1/2 - shift_x + (lens / sensor) x/z) W. A pixel is aspect = fx / fy
    times as high as it is wide, so that v follows with fy; shifts along y are shares of the longer side too.
    A scene has one pixel aspect: give it as `aspect` where it is another lens's, and fy is off by as much.
    """
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    aspect = fx / fy if aspect is None else aspect
    high = lens.height * aspect  # in widths of a pixel
    side = max(lens.width, high)
    horizontal = lens.width >= high
    millimetres = SENSOR_MM / side
    return FilmBack(
        fit="HORIZONTAL" if horizontal else "VERTICAL",
        sensor_width=lens.width * millimetres,
        sensor_height=high * millimetres,
        lens=fx * millimetres,
        shift_x=(lens.width / 2 - cx) / side,
        shift_y=(cy - lens.height / 2) * aspect / side,
        aspect_x=max(1.0, 1 / aspect),
        aspect_y=max(1.0, aspect),
    )


def scaled(lens: Lens, width: int, height: int) -> Lens:
    """The same lens for the image resized to `width` x `height` pixels."""
    sx, sy = width / lens.width, height / lens.height
    factors = {"f": (sx + sy) / 2, "fx": sx, "cx": sx, "fy": sy, "cy": sy}
    params = tuple(value * factors.get(name, 1.0) for name, value in lens.named.items())
    return replace(lens, width=width, height=height, params=params)


# --- places ---------------------------------------------------------------------------------------------


def rotation_rows(q: Quaternion) -> tuple[Vector, Vector, Vector]:
    """The rotation matrix of a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )


def centre(image: Image) -> Vector:
    """Where the camera stands, in world space."""
    right, down, forward = rotation_rows(image.rotation)
    tx, ty, tz = image.translation
    x, y, z = (-(r * tx + d * ty + f * tz) for r, d, f in zip(right, down, forward, strict=True))
    return x, y, z


def camera_matrix(image: Image) -> Matrix:
    """From Blender's camera space to COLMAP's world: columns right, up, back and the camera's place."""
    right, down, forward = rotation_rows(image.rotation)
    place = centre(image)
    rows = tuple((right[i], -down[i], -forward[i], place[i]) for i in range(3))
    return (*rows, (0.0, 0.0, 0.0, 1.0))


def upright(images: Iterable[Image]) -> Quaternion:
    """The smallest turn of the world after which the cameras' mean up is Blender's +z.

    Cameras that roll all over have no mean up; then COLMAP's -y, the up of its first camera, is taken.
    """
    downs = [rotation_rows(image.rotation)[1] for image in images]
    up = [-sum(down[i] for down in downs) / max(len(downs), 1) for i in range(3)]
    length = math.hypot(*up)
    x, y, z = (value / length for value in up) if length > 0.1 else (0.0, -1.0, 0.0)
    if z < -1 + 1e-9:
        return 0.0, 1.0, 0.0, 0.0
    # The quaternion from a to b is (1 + a.b, a x b), normalised; b is (0, 0, 1).
    norm = math.hypot(1 + z, x, y)
    return (1 + z) / norm, y / norm, -x / norm, 0.0


@dataclass(frozen=True)
class Reach:
    """Distances in world units: a typical one of what is seen, and clipping distances around all of it."""

    near: float
    middle: float
    far: float


def reach(images: Sequence[Image], xyz: array[float], most: int = 5_000) -> Reach:
    """How far the sparse points are, by their depths in front of the cameras.

    `xyz`: 3 numbers a point, of which at most `most` are looked at. Without points in front of a camera, the
    cameras' own distances from their middle tell the scale.
    """
    step = 3 * max(1, len(xyz) // 3 // most)
    points = [xyz[i : i + 3] for i in range(0, len(xyz), step)]
    depths = []
    for image in images[:: max(1, len(images) // 20)]:
        a, b, c = rotation_rows(image.rotation)[2]
        t = image.translation[2]
        depths += [z for x, y, w in points if (z := a * x + b * y + c * w + t) > 0]
    if not depths:
        places = [centre(image) for image in images]
        middle = [sum(place[i] for place in places) / len(places) for i in range(3)]
        typical = max(math.dist(place, middle) for place in places) or 1.0
        return Reach(typical / 100, typical, typical * 100)
    depths.sort()
    nearest = depths[len(depths) // 1000]  # the worst thousandth may lie on the lens
    return Reach(nearest * _NEAR_SHARE, depths[len(depths) // 2], depths[-1] * _FAR_SHARE)


# --- what a pinhole cannot do ---------------------------------------------------------------------------


def corner_error(lens: Lens, film: FilmBack) -> float:
    """How far off, in pixels, Blender's camera is at the worst corner of the image.

    That is the distance between a corner, where Blender shows a direction, and the pixel where the true lens
    shows it: distortion, and a pixel aspect that belongs to another lens of the same scene.
    """
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    aspect = film.aspect_y / film.aspect_x
    worst = 0.0
    for column in (0, lens.width):
        for row in (0, lens.height):
            u, v = (column - cx) / fx, (row - cy) * aspect / fx
            bent_u, bent_v = distort(lens, u, v)
            worst = max(worst, math.hypot(fx * bent_u + cx - column, fy * bent_v + cy - row))
    return worst


def distort(lens: Lens, u: float, v: float) -> tuple[float, float]:
    """Where the direction (u, v, 1) falls on the lens's plane at distance 1, in COLMAP's terms (its
    documentation, "Camera Models")."""
    n = lens.named
    r = math.hypot(u, v)
    if lens.model == "FOV":
        omega = n["omega"]
        if abs(omega) < 1e-8 or r < 1e-12:
            return u, v
        scale = math.atan(2 * r * math.tan(omega / 2)) / (omega * r)
        return u * scale, v * scale
    if lens.model.endswith("FISHEYE") and r > 1e-12:
        scale = math.atan(r) / r
        u, v = u * scale, v * scale
    q = u * u + v * v
    radial = _polynomial([n.get(f"k{i}", 0.0) for i in range(1, 7)], q)
    radial /= _polynomial([n.get(f"d{i}", 0.0) for i in range(1, 4)], q)
    straight_u, straight_v = u * radial, v * radial
    if lens.model.startswith("RAD_TAN"):  # its other terms bend what the radial ones have bent
        u, v, q = straight_u, straight_v, straight_u**2 + straight_v**2
    p1, p2 = n.get("p1", 0.0), n.get("p2", 0.0)
    return (
        straight_u + 2 * p1 * u * v + p2 * (q + 2 * u * u) + (n.get("sx1", 0.0) + n.get("sx2", 0.0) * q) * q,
        straight_v + 2 * p2 * u * v + p1 * (q + 2 * v * v) + (n.get("sy1", 0.0) + n.get("sy2", 0.0) * q) * q,
    )


def _polynomial(coefficients: Sequence[float], q: float) -> float:
    """1 + c1 q + c2 q^2 + .."""
    return 1.0 + sum(c * q**power for power, c in enumerate(coefficients, 1))
