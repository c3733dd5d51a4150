"""Where the object is, from where the cameras look and the sparse points alone: the scene box and the object's points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from surface_sos_core.cameras.box import Box
from surface_sos_core.cameras.camera import Camera, CameraModel
from surface_sos_core.cameras.planes import across, find_plane, find_planes, height_above
from surface_sos_core.cameras.point_labels import spread_labels
from surface_sos_core.errors import InputError
from surface_sos_core.settings import BoxSettings, PointGroupSettings

# A shell of points around a surface, up to 1.2 times their radius, has so much of the area within.
_SHELL, _SHELL_AREA = 1.2, 0.44
_STEPS = 20  # of least squares that are weighted again
_SIDES = 16  # that a plane may go on to, all around
_NEARLY_ALL = 90  # % of what stands on a plane; a few points may lie anywhere
_NEAR = 0.1  # of the median distance: axes that pass nearer count alike


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
    for _ in range(_STEPS):
        matrix = np.einsum("n,nij->ij", weights, across)
        offset = np.einsum("n,nij,nj->i", weights, across, centres)
        damping = 1e-9 * weights.sum()
        point = np.linalg.solve(matrix + damping * np.eye(3), offset + damping * centres.mean(axis=0))
        distance = np.linalg.norm(np.einsum("nij,nj->ni", across, point - centres), axis=1)
        weights = 1 / np.maximum(distance, _NEAR * np.median(distance) + 1e-12)
        weights /= weights.max()
    return point


def box_from_points(model: CameraModel, settings: BoxSettings, groups: PointGroupSettings) -> AutomaticBox:
    """Box and points of the object that the cameras circle: see AutomaticBox.

    Candidates are points of long tracks near the look-at that most images hold. Planes through them that go
    on well beyond them are a support or a wall; what lies on or behind these is left out. The rest, up to
    where it thins out around the look-at, is the object, and so is what belongs with the inner ones of these rather than
    with supports, walls and what is far, whether most images hold it or not. Raises InputError where nothing tells of a
    place: cameras that look apart, no points.
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
    middle = np.mean([c.centre for c in cameras], axis=0)
    bare = _bare_support(xyz[near], target, middle, distance, settings)
    if near.sum() < settings.least_points or bare is not None:
        guess = _box_at(target, settings.fallback_half * distance, up, bare, len(xyz))
        return replace(guess, box=_completed(guess.box, bare, middle, settings.least_depth))
    around = tracked & (away < settings.around * distance)
    planes, off = _off_planes(xyz, near, around, cameras, distance, settings)
    plane = _support(planes, up, settings)
    reach = _where_it_thins_out(away[off], settings)
    core = off & (away <= settings.core * reach)
    front = _in_front(xyz, planes, settings.flat * distance)
    apart = ~front | (away > settings.far * reach)
    on_object = off & (away <= reach)
    on_object[tracked] |= spread_labels(xyz[tracked], core[tracked], apart[tracked], groups)[0] & front[tracked]
    note = (
        f"the box comes from {int(on_object.sum())} sparse points near where the cameras look, not from masks; what the "
        "object stands on may be taken for part of it, so draw around the object on a frame (--masks box:FILE) if that is wrong."
    )
    box = _box_around(xyz[on_object], up if plane is None else plane[:3], settings)
    return AutomaticBox(
        _completed(box, plane, middle, settings.least_depth),
        on_object,
        core,
        plane,
        tracked & (away > reach) & ~on_object,
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


def _box_at(
    target: np.ndarray, half: float, up: np.ndarray, plane: np.ndarray | None, points: int
) -> AutomaticBox:
    """A box around the look-at alone, upright on a support (4,) that is known."""
    note = (
        f"the camera model has too few sparse points on what the cameras look at ({points} in all); "
        "the box is a guess around that place: give --masks or --box."
    )
    nothing, frame = np.zeros(points, bool), _frame(up if plane is None else plane[:3])
    return AutomaticBox(Box(target, np.full(3, half), frame), nothing, nothing, plane, nothing, (note,))


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
    around: np.ndarray, near: np.ndarray, camera: np.ndarray, tolerance: float, settings: BoxSettings
) -> np.ndarray | None:
    """(4,) the plane through `around` (N, 3) that carries the object or closes the view behind it, or None.

    A support has its object, one of the points `near` (M, 3), on the cameras' side and next to nothing on the other, and
    goes on well beyond what stands there: a face of the object does not. camera: (3,) their mean.
    """
    least = _least_standing(near, settings)

    def carries(plane: np.ndarray) -> bool:
        height = height_above(plane, near)
        standing = near[height > 2 * tolerance]
        behind = np.count_nonzero(height < -2 * tolerance)
        if behind > settings.behind_share * len(near) or len(standing) < least:
            return False
        flat = around[np.abs(height_above(plane, around)) < tolerance]
        if behind > settings.seen_through * len(flat):
            return False
        middle = np.median(standing, axis=0)
        return _goes_on(_within(plane, flat - middle), _within(plane, standing - middle), settings)

    held = settings.plane_share * len(around)
    return find_plane(around, tolerance, held, settings.plane_tries, camera, carries)


def _bare_support(
    near: np.ndarray, target: np.ndarray, camera: np.ndarray, distance: float, settings: BoxSettings
) -> np.ndarray | None:
    """(4,) the plane that nearly all candidates (N, 3) lie on, where the cameras look at something before it, or None.

    What stands there has next to no points then, as plain things have, and those of the plane tell nothing of it.
    """
    tolerance = settings.flat * distance
    plane = find_plane(near, tolerance, settings.bare_share * len(near), settings.plane_tries, camera)
    if plane is None or height_above(plane, target[None])[0] < settings.bare_height * distance:
        return None
    standing = np.count_nonzero(height_above(plane, near) > 2 * tolerance)
    return plane if standing < _least_standing(near, settings) else None


def _least_standing(near: np.ndarray, settings: BoxSettings) -> float:
    """So many of the candidates (N, 3) tell that something stands on a plane."""
    return max(settings.least_points, settings.standing_share * len(near))


def _goes_on(flat: np.ndarray, standing: np.ndarray, settings: BoxSettings) -> bool:
    """Whether a plane's points (N, 2) go on beyond those that stand on it (M, 2), seen from the middle of these: far, and on
    more sides than one."""
    away, own = np.linalg.norm(flat, axis=1), np.linalg.norm(standing, axis=1)
    if np.percentile(away, 75) < settings.goes_on * np.median(own):
        return False
    beyond = flat[away > np.percentile(own, _NEARLY_ALL)]
    side = np.floor((np.arctan2(beyond[:, 1], beyond[:, 0]) / (2 * np.pi) + 0.5) * _SIDES)
    return len(np.unique(side % _SIDES)) >= settings.surrounds * _SIDES


def _within(plane: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(N, 2) offsets (N, 3) as seen within a plane (4,)."""
    return offsets @ np.stack(across(plane[:3]), axis=1)


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
    tolerance, camera = settings.flat * distance, np.mean([c.centre for c in cameras], axis=0)
    while len(planes) < settings.most_planes:
        plane = _support_plane(xyz[around], xyz[near], camera, tolerance, settings)
        if plane is None:
            break
        front = _in_front(xyz, [plane], tolerance)
        if (near & front).sum() < settings.least_points:
            break
        planes.append(plane)
        near, around = near & front, around & front
    return planes, near


def _in_front(xyz: np.ndarray, planes: list[np.ndarray], tolerance: float) -> np.ndarray:
    """(N,) bool: the points (N, 3) that are surely on the cameras' side of all planes (4,)."""
    front = np.ones(len(xyz), bool)
    for plane in planes:
        front &= height_above(plane, xyz) > 2 * tolerance
    return front


def on_planes(xyz: np.ndarray, beside: np.ndarray, tolerance: float, settings: BoxSettings) -> np.ndarray:
    """(N,) bool: the points (N, 3) on planes that many of `beside` (N,) bool are on, as a floor goes on under an object."""
    asked = xyz[beside]
    least = max(settings.least_points, settings.beside_share * len(asked))
    planes = find_planes(asked, tolerance, least, settings.most_planes, settings.plane_tries)
    return (np.abs(xyz @ planes[:, :3].T + planes[:, 3]) < tolerance).any(axis=1)


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
        gap = float(height_above(plane, box.centre[None])[0]) - box.half[2]
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
    return box.between(low, high)


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
