"""The scene box around the object: given as a file, or from where the cameras look and the sparse points."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel
from surface_sos_core.errors import InputError
from surface_sos_core.settings import BoxSettings

# A shell of points around a surface, up to 1.2 times their radius, has so much of the area within.
_SHELL, _SHELL_AREA = 1.2, 0.44


@dataclass(frozen=True, eq=False)
class Box:
    """An oriented box in the world; the method's own space is the cube [-1, 1]^3 that its similarity maps it
    into.

    centre (3,) and half (3,) in world units; rotation (3, 3), columns are the box's axes in the world. The
    similarity scales by 1 / max(half), so that the box itself ends at `extent` <= 1 on each axis.
    """

    centre: np.ndarray
    half: np.ndarray
    rotation: np.ndarray

    @property
    def scale(self) -> float:
        """World to box."""
        return 1.0 / float(np.max(self.half))

    @property
    def extent(self) -> np.ndarray:
        """(3,) half sizes in box coordinates, the largest 1."""
        return self.half * self.scale

    @cached_property
    def similarity(self) -> np.ndarray:
        """(4, 4) matrix from world to box coordinates."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation.T * self.scale
        matrix[:3, 3] = -matrix[:3, :3] @ self.centre
        return matrix

    def to_box(self, world: np.ndarray) -> np.ndarray:
        """Box coordinates (N, 3) of world points (N, 3)."""
        return (np.asarray(world, dtype=np.float64) - self.centre) @ self.rotation * self.scale

    def to_world(self, box: np.ndarray) -> np.ndarray:
        """World points (N, 3) of box coordinates (N, 3)."""
        return np.asarray(box, dtype=np.float64) @ self.rotation.T / self.scale + self.centre

    def contains(self, world: np.ndarray) -> np.ndarray:
        """(N,) bool: the world points (N, 3) inside."""
        return np.all(np.abs(self.to_box(world)) <= self.extent, axis=1)

    def as_dict(self) -> dict[str, Any]:
        """The box as read_box takes it."""
        size = (2 * self.half).tolist()
        return {"centre": self.centre.tolist(), "size": size, "rotation": self.rotation.tolist()}

    @staticmethod
    def from_dict(data: Any) -> Box:
        """The box that read_box describes; ValueError or TypeError say what is wrong."""
        if not isinstance(data, dict):
            raise TypeError("an object with centre and size, or with matrix, is expected")
        keys = set(data)
        if keys == {"matrix"}:
            return _box_from_matrix(_numbers(data["matrix"], (4, 4), "matrix"))
        if (
            not {"size"} <= keys <= {"centre", "center", "size", "rotation"}
            or len(keys & {"centre", "center"}) != 1
        ):
            raise ValueError(
                "the keys centre, size and possibly rotation, or matrix alone, are expected, "
                f"not {', '.join(sorted(keys))}"
            )
        centre = _numbers(data.get("centre", data.get("center")), (3,), "centre")
        size = _numbers(data["size"], (3,), "size")
        rotation = _numbers(data.get("rotation", np.eye(3).tolist()), (3, 3), "rotation")
        if not np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-3):
            raise ValueError("rotation must have three perpendicular columns of length 1")
        if np.any(size <= 0):
            raise ValueError("size must be positive on all three axes")
        return Box(centre, size / 2, _proper(rotation))


def read_box(file: str | Path) -> Box:
    """The box in a JSON file, in world units of the camera model.

    {"centre": [x, y, z], "size": [full lengths], "rotation": 3x3 rows, optional, columns are the box's axes}
    or {"matrix": 4x4 rows, maps the cube [-1, 1]^3 to the box in the world}. Raises InputError for anything
    else.
    """
    try:
        return Box.from_dict(json.loads(Path(file).read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"the box file {file} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, RecursionError) as error:  # of JSON, of its encoding, or of what it says
        raise InputError(f"the box file {file} cannot be used: {error}.") from error


@dataclass(frozen=True, eq=False)
class AutomaticBox:
    """Where the object seems to be, from cameras and sparse points alone.

    box: around the object; on_object (N,) bool: the sparse points believed to lie on it; core (N,) bool: the
    inner ones of these, which hardly anything beside the object mixes with; plane: (4,) normal and offset of
    the support that the object stands on, n.x + d = 0 with the cameras' side positive, or None; beside (N,) bool:
    points known not to lie on it, whatever box and plane tell; notes: what the user should know.
    """

    box: Box
    on_object: np.ndarray
    core: np.ndarray
    plane: np.ndarray | None
    beside: np.ndarray
    notes: tuple[str, ...]


def look_at(cameras: Sequence[Camera]) -> np.ndarray:
    """(3,) the point nearest to all optical axes.

    Least squares of the distances to the axes, re-weighted by 1 / distance (towards their median) so that a
    few cameras that look elsewhere do not count. Parallel axes leave the depth open: it is then the nearest
    to the cameras.
    """
    centres = np.array([c.centre for c in cameras])
    axes = np.array([c.axis for c in cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    weights = np.ones(len(centres))
    point = centres.mean(axis=0)
    for _ in range(20):
        matrix = np.einsum("n,nij->ij", weights, across)
        offset = np.einsum("n,nij,nj->i", weights, across, centres)
        damping = 1e-9 * weights.sum()
        point = np.linalg.solve(matrix + damping * np.eye(3), offset + damping * centres.mean(axis=0))
        distance = np.linalg.norm(np.einsum("nij,nj->ni", across, point - centres), axis=1)
        weights = 1 / np.maximum(distance, 0.1 * np.median(distance) + 1e-12)
        weights /= weights.max()
    return point


def box_from_points(model: CameraModel, settings: BoxSettings) -> AutomaticBox:
    """Box and points of the object that the cameras circle: see AutomaticBox.

    Candidates are points of long tracks near the look-at that most images hold. Planes through them that go
    on well beyond them are a support or a wall; what lies on or behind these is left out. The rest, up to
    where it thins out around the look-at, is the object. Raises InputError where nothing tells of a place:
    cameras that look apart, no points.
    """
    cameras = list(model.cameras.values())
    target = _place_looked_at(model, settings)
    distance = float(np.median([np.linalg.norm(c.centre - target) for c in cameras]))
    up = _upright(cameras)
    xyz = model.points.xyz
    away = np.linalg.norm(xyz - target, axis=1)
    tracked = model.points.track_length >= settings.object_track
    near = tracked & (away < settings.reach * distance)
    near[near] = _share_seeing(cameras, xyz[near]) > settings.least_seen
    if near.sum() < settings.least_points:
        return _box_at(target, settings.fallback_half * distance, up, len(xyz))
    around = tracked & (away < settings.around * distance)
    planes, off = _off_planes(xyz, near, around, cameras, distance, settings)
    plane = _support(planes, up, settings)
    reach = _where_it_thins_out(away[off], settings)
    on_object = off & (away <= reach)
    note = f"the box comes from {int(on_object.sum())} sparse points near where the cameras look, not from masks."
    box = _box_around(xyz[on_object], up if plane is None else plane[:3], settings)
    return AutomaticBox(
        _completed(box, plane, np.mean([c.centre for c in cameras], axis=0), settings.least_depth),
        on_object,
        on_object & (away <= settings.core * reach),
        plane,
        away > reach,
        (note,),
    )


def start_from_box(box: Box, model: CameraModel, settings: BoxSettings) -> AutomaticBox:
    """The start that a user's box gives: its points are the object's, but for those on a support or a wall."""
    cameras = list(model.cameras.values())
    xyz = model.points.xyz
    tracked = model.points.track_length >= settings.object_track
    inside = tracked & box.contains(xyz)
    distance = float(np.median([np.linalg.norm(c.centre - box.centre) for c in cameras]))
    up = _upright(cameras)
    planes: list[np.ndarray] = []
    if inside.sum() >= settings.least_points:
        around = tracked & (np.linalg.norm(xyz - box.centre, axis=1) < settings.around * distance)
        planes, inside = _off_planes(xyz, inside, around, cameras, distance, settings)
    middle = np.linalg.norm(box.to_box(xyz) / box.extent, axis=1) < 2 * settings.core
    return AutomaticBox(
        box, inside, inside & middle, _support(planes, up, settings), np.zeros(len(xyz), bool), ()
    )


def _support(planes: list[np.ndarray], up: np.ndarray, settings: BoxSettings) -> np.ndarray | None:
    """(4,) the first plane that is level, or None."""
    return next((plane for plane in planes if plane[:3] @ up > settings.upright), None)


def _place_looked_at(model: CameraModel, settings: BoxSettings) -> np.ndarray:
    """(3,) the look-at, or the middle of the sparse points where the axes meet behind the cameras."""
    cameras = list(model.cameras.values())
    target = look_at(cameras)
    if np.median([(target - c.centre) @ c.axis for c in cameras]) > 0:
        return target
    long_seen = model.points.xyz[model.points.track_length >= settings.object_track]
    if len(long_seen) < settings.least_points:
        raise InputError(
            "the cameras do not look at one place and their model has too few points; give --masks or --box."
        )
    return np.median(long_seen, axis=0)


def _box_at(target: np.ndarray, half: float, up: np.ndarray, points: int) -> AutomaticBox:
    note = (
        f"the camera model has too few sparse points where the cameras look ({points} in all); "
        "the box is a guess around that place: give --masks or --box."
    )
    nothing = np.zeros(points, bool)
    return AutomaticBox(Box(target, np.full(3, half), _frame(up)), nothing, nothing, None, nothing, (note,))


def _share_seeing(cameras: Sequence[Camera], xyz: np.ndarray) -> np.ndarray:
    """(N,) the share of the cameras whose image holds each point."""
    count = np.zeros(len(xyz))
    for camera in cameras:
        count += camera.sees(xyz)
    return count / len(cameras)


def _upright(cameras: Sequence[Camera]) -> np.ndarray:
    """Unit mean of the cameras' own up directions."""
    up = -np.mean([c.rotation[1] for c in cameras], axis=0)
    length = float(np.linalg.norm(up))
    return up / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])


def _support_plane(
    around: np.ndarray, near: np.ndarray, cameras: Sequence[Camera], distance: float, settings: BoxSettings
) -> np.ndarray | None:
    """(4,) the plane through `around` (N, 3) that carries the object or closes the view behind it, or None.

    RANSAC (Fischler and Bolles 1981) A support has its
    object on the cameras' side and next to nothing on the other, and goes on well beyond the middle of what
    stands there: a face of a box-shaped object does not.
    """
    generator = np.random.default_rng(0)
    tolerance = settings.flat * distance
    mean_camera = np.mean([c.centre for c in cameras], axis=0)
    best, best_count = None, settings.plane_share * len(around)
    for _ in range(500):
        a, b, c = around[generator.choice(len(around), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal))
        if length < 1e-12:
            continue
        normal /= length
        if normal @ (mean_camera - a) < 0:
            normal = -normal
        plane = np.append(normal, -normal @ a)
        flat = around[np.abs(_height(plane, around)) < tolerance]
        if len(flat) <= best_count:
            continue
        height = _height(plane, near)
        standing = near[height > 2 * tolerance]
        least = max(settings.least_points, settings.standing_share * len(near))
        if np.mean(height < -2 * tolerance) > settings.behind_share or len(standing) < least:
            continue
        middle = np.median(standing, axis=0)
        if np.percentile(_across(plane, flat - middle), 75) < settings.goes_on * np.median(
            _across(plane, standing - middle)
        ):
            continue
        best, best_count = plane, len(flat)
    return best if best is None else _refit(best, around, tolerance)


def _height(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N,) signed distance of points (N, 3) from a plane (4,)."""
    return points @ plane[:3] + plane[3]


def _across(plane: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(N,) length of offsets (N, 3) within a plane (4,)."""
    return np.linalg.norm(offsets - np.outer(offsets @ plane[:3], plane[:3]), axis=1)


def _refit(plane: np.ndarray, points: np.ndarray, tolerance: float) -> np.ndarray:
    """The plane of least squares through the points that lie on `plane`, facing the same side."""
    flat = points[np.abs(_height(plane, points)) < tolerance]
    middle = flat.mean(axis=0)
    normal = np.linalg.svd(flat - middle, full_matrices=False)[2][2]
    if normal @ plane[:3] < 0:
        normal = -normal
    return np.append(normal, -normal @ middle)


def _off_planes(
    xyz: np.ndarray,
    near: np.ndarray,
    around: np.ndarray,
    cameras: Sequence[Camera],
    distance: float,
    settings: BoxSettings,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The planes (4,) of supports and walls, the largest first, and which of `near` (N,) are in front of all."""
    planes: list[np.ndarray] = []
    while len(planes) < settings.most_planes:
        plane = _support_plane(xyz[around], xyz[near], cameras, distance, settings)
        if plane is None:
            break
        front = _height(plane, xyz) > 2 * settings.flat * distance
        if (near & front).sum() < settings.least_points:
            break
        planes.append(plane)
        near, around = near & front, around & front
    return planes, near


def on_planes(xyz: np.ndarray, beside: np.ndarray, tolerance: float, settings: BoxSettings) -> np.ndarray:
    """(N,) bool: the points (N, 3) on planes that many of `beside` (N,) bool are on, as a floor goes on under an object.

    RANSAC (Fischler and Bolles 1981); a plane has to hold a share of them within the tolerance.
    """
    generator = np.random.default_rng(0)
    on, left = np.zeros(len(xyz), bool), xyz[beside]
    least = max(settings.least_points, int(settings.beside_share * len(left)))
    for _ in range(settings.most_planes):
        if len(left) < least:
            break
        a, b, c = np.moveaxis(left[generator.integers(0, len(left), (300, 3))], 1, 0)
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
        planes = np.column_stack((normal, -np.sum(normal * a, axis=1)))
        held = (np.abs(left @ normal.T + planes[:, 3]) < tolerance).sum(axis=0)
        if held.max() < least:
            break
        plane = _refit(planes[np.argmax(held)], left, tolerance)
        on |= np.abs(_height(plane, xyz)) < tolerance
        left = left[np.abs(_height(plane, left)) >= tolerance]
    return on


def _where_it_thins_out(away: np.ndarray, settings: BoxSettings) -> float:
    """The radius around the look-at where points at distances `away` (N,) from it first thin out.

    Points lie on surfaces, so as many as there are inside a radius r are expected anew within each further
    0.44 r^2 of area; the shell up to 1.2 r that holds so many times less than that (`thinning`) is where the object ends.
    That shell is still counted in: corners reach into it. The first tenth of the points is not asked: a
    look-at inside the object has none around it.
    """
    inside = np.sort(away)
    for number in range(max(settings.least_points, len(inside) // 10), len(inside)):
        radius = inside[number]
        shell = np.searchsorted(inside, _SHELL * radius, side="right") - (number + 1)
        if shell < _SHELL_AREA / settings.thinning * (number + 1):
            return _SHELL * float(radius)
    return float(inside[-1])


def _box_around(points: np.ndarray, up: np.ndarray, settings: BoxSettings) -> Box:
    """The box of the points but for the outermost on each side, upright, with a margin."""
    frame = _frame(up, points)
    local = points @ frame
    low, high = np.percentile(local, [settings.outliers, 100 - settings.outliers], axis=0)
    thinnest = settings.thinnest * float((high - low).max() + 1e-12)
    half = np.maximum((high - low) / 2, thinnest) * settings.margin
    return Box(frame @ ((low + high) / 2), half, frame)


def _completed(box: Box, plane: np.ndarray | None, camera: np.ndarray, least_depth: float) -> Box:
    """The box with what points do not tell: an object reaches down to its support (4,), and has a back.

    camera: (3,) the cameras' mean. What is filmed from one side only has points on that side; its depth is then taken to
    be at least `least_depth` of its width.
    """
    low, high = -box.half, box.half.copy()
    if plane is not None:
        gap = float(_height(plane, box.centre[None])[0]) - box.half[2]
        if 0 < gap < box.half[2]:
            low[2] -= gap
    thin, wide = np.argsort(box.half[:2])
    lacking = 2 * (least_depth * box.half[wide] - box.half[thin])
    towards = (camera - box.centre) @ box.rotation
    if lacking > 0 and abs(towards[thin]) > abs(towards[wide]):
        if towards[thin] > 0:
            low[thin] -= lacking
        else:
            high[thin] += lacking
    return Box(box.centre + box.rotation @ ((low + high) / 2), (high - low) / 2, box.rotation)


def _frame(up: np.ndarray, points: np.ndarray | None = None) -> np.ndarray:
    """(3, 3) rotation whose third column is `up`; the first follows the points' longest spread across it."""
    helper = np.eye(3)[int(np.argmin(np.abs(up)))]
    if points is not None:
        flat = points - points.mean(axis=0)
        flat = flat - np.outer(flat @ up, up)
        spread = np.linalg.svd(flat, full_matrices=False)[2][0]
        if abs(spread @ up) < 0.5:
            helper = spread
    first = helper - (helper @ up) * up
    first /= np.linalg.norm(first)
    return np.stack((first, np.cross(up, first), up), axis=1)


def _numbers(value: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    expected = " x ".join(map(str, shape))
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {expected} numbers") from None
    if array.shape != shape:
        raise ValueError(f"{name} must be {expected} numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a number that is not finite")
    return array


def _proper(axes: np.ndarray) -> np.ndarray:
    """The nearest rotation to nearly perpendicular axes; a mirrored box is the same box."""
    u, _, vt = np.linalg.svd(axes)
    rotation = u @ vt
    if np.linalg.det(rotation) < 0:
        rotation[:, 2] = -rotation[:, 2]
    return rotation


def _box_from_matrix(matrix: np.ndarray) -> Box:
    if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6):
        raise ValueError("the last row of matrix must be 0 0 0 1")
    half = np.linalg.norm(matrix[:3, :3], axis=0)
    if np.any(half <= 1e-12):
        raise ValueError("matrix has an axis of zero size")
    axes = matrix[:3, :3] / half
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise ValueError("matrix must turn, scale and move only, not shear")
    return Box(matrix[:3, 3].copy(), half, _proper(axes))
