"""Planes behind the object, each seen square on: what the frames show of it, and the rest made of its own texture, once.

A floor or a wall goes on below what stands on it. Square on, its texture has one size and nothing but itself around it, so
what is made there is made of the plane alone; what stands on the plane looks another way from each frame, so frames disagree on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.cameras.planes import across, height_above
from surface_sos_core.layers.fill import Fill
from surface_sos_core.layers.gather import gather
from surface_sos_core.layers.key_frames import KeyFrame
from surface_sos_core.layers.seams import neighbours, solve_colours, spread
from surface_sos_core.layers.sources import Sources
from surface_sos_core.settings import Settings

_GAP = 2.0  # distances between the places that nobody saw, which they are joined over


def rectified_planes(
    planes: np.ndarray, unseen: np.ndarray, sources: Sources, fill: Fill, settings: Settings
) -> list[KeyFrame]:
    """A picture for each of the planes (K, 4) on which enough of the places (N, 3) lie that no frame saw."""
    made: list[KeyFrame] = []
    if not len(unseen) or not len(planes):
        return made
    cameras = [sources.camera(i) for i in sources.usable]
    away = float(np.median([np.linalg.norm(unseen - camera.centre, axis=1).mean() for camera in cameras]))
    heights = np.stack([height_above(plane, unseen) for plane in planes])
    nearest = np.abs(heights).argmin(axis=0)
    for k, plane in enumerate(planes):
        on = (nearest == k) & (np.abs(heights[k]) < settings.fill.plane_near * away)
        if on.sum() < max(3.0, settings.fill.plane_least * len(unseen)):
            continue
        places = unseen[on] - heights[k, on, None] * plane[:3]
        view = square_view(plane, places, cameras, away, settings)
        picture = _picture_of(view, away, places, sources, fill, settings)
        made += [] if picture is None else [picture]
    return made


def square_view(
    plane: np.ndarray, places: np.ndarray, cameras: Sequence[Camera], away: float, settings: Settings
) -> Camera:
    """A pinhole camera `away` above a plane (4,), square to it, that sees the places (N, 3) on it and what is around them.

    Its pixels are as large there as those of the cameras that see the places, less where these look along the plane.
    """
    middle, normal = places.mean(axis=0), plane[:3]
    if np.median([height_above(plane, camera.centre[None])[0] for camera in cameras]) < 0:
        normal = -normal
    right = cameras[len(cameras) // 2].rotation[0]
    right = right - (right @ normal) * normal
    if np.linalg.norm(right) < 0.1:  # that camera looks along the plane, upright on its side
        right = across(normal)[0]
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(-normal, right), -normal])
    flat = (places - middle) @ rotation[:2].T
    low, high = flat.min(axis=0), flat.max(axis=0)
    middle = middle + 0.5 * (low + high) @ rotation[:2]
    to_middle = np.stack([middle - camera.centre for camera in cameras])
    distance = np.linalg.norm(to_middle, axis=1)
    slant = np.abs(to_middle @ normal) / distance
    focal = np.array([max(camera.lens.focal_xy) for camera in cameras])
    pixel = float(np.median(distance / focal / np.sqrt(np.maximum(slant, 0.05))))
    margin = settings.fill.least_reach * pixel + 0.5 * settings.fill.reach * float((high - low).max())
    size = high - low + 2 * margin
    pixel = max(pixel, float(size.max()) / settings.fill.plane_edge)
    width, height = (max(8, round(float(edge) / pixel)) for edge in size)
    lens = Lens("PINHOLE", width, height, (away / pixel, away / pixel, width / 2, height / 2))
    return Camera("plane", lens, rotation, -rotation @ (middle + away * normal))


def _picture_of(
    view: Camera, away: float, places: np.ndarray, sources: Sources, fill: Fill, settings: Settings
) -> KeyFrame | None:
    """What a camera square to a plane sees of it: what frames show, and what is made where they do not; None where nothing is."""
    height, width = view.lens.height, view.lens.width
    world = view.centre + away * view.picture_rays(width, height).reshape(-1, 3)
    pairs = neighbours(np.ones((height, width), bool))
    everywhere = np.ones(len(world), bool)
    found = gather(sources, view, world, everywhere, settings.layers.sources, None, pairs, settings.plate)
    told = found.count > 0
    known = told.reshape(height, width)
    hole = _where(view, places, settings) & ~known
    if not hole.any() or not told.any():
        return None
    start = spread(found.colour.reshape(height, width, 3), known).reshape(-1, 3)
    anchor = np.full(len(told), settings.plate.anchor)
    colour = solve_colours(pairs, found.change, found.shown > 0, start, anchor, told, settings.plate.loose)
    filled, empty = fill(colour.reshape(height, width, 3), hole, known, None)
    shows = known | (hole & ~empty)
    return KeyFrame(view, filled.astype(np.float16), np.where(shows, np.float32(1.0 / away), np.float32(0.0)), square=True)


def _where(view: Camera, places: np.ndarray, settings: Settings) -> np.ndarray:
    """(H, W) bool, the part of a square view that places (N, 3) tell of, each of which stands for what is around it."""
    shape = view.lens.height, view.lens.width
    _, (rows, columns) = picture_pixels(view, view.project(places)[0], shape)
    marks = np.zeros(shape, np.uint8)
    marks[rows, columns] = 1
    apart = cv2.distanceTransform(1 - marks, cv2.DIST_L2, 5)
    # How far places lie apart, as the square root of the area that each of them has where they lie densest.
    dense = cv2.boxFilter(marks.astype(np.float32), -1, (2 * settings.fill.least_reach + 1,) * 2)
    spacing = 1.0 / np.sqrt(max(float(dense[marks > 0].max(initial=0.0)), 1e-6))
    return apart <= _GAP * max(1.0, spacing)
