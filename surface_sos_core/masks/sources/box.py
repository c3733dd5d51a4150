"""A box or a rough outline on one frame, grown by GrabCut and carried to all others: works offline, needs no weights.

With cameras it is carried through the world. The sparse points that are seen in the middle of what is drawn tell how far
away the object is, so what is drawn becomes a box in the world; points that do not project into what is drawn are not
the object's. From there on it goes as in the automatic start, with what is outside the drawing kept out of its frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from surface_sos_core.cameras import AutomaticBox, Box, Camera, CameraModel, look_at, start_from_box
from surface_sos_core.errors import InputError
from surface_sos_core.masks.automatic import EDGE, automatic_masks
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.flow import carry_by_flow
from surface_sos_core.masks.sources.source import MaskShot

_MIDDLE = 0.6  # of the drawing's half width and height: there it is the object that is seen
_CORNERS = 0.9  # of them too: what is in the corners of a drawn box is seldom the object
_LEAST_POINTS = 5
_BEHIND = 0.25  # of the object's smaller side: how far its middle is behind the points that are seen


class BoxSource:
    """Masks of all frames from what is drawn on some."""

    needs_cameras = False

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn

    def find(self, shot: MaskShot) -> CoarseMasks:
        """By the cameras where the shot has some, by optical flow otherwise."""
        if shot.model is None:
            return carry_by_flow(shot.footage, self._drawn, shot.progress)
        start = start_from_drawn(self._drawn, shot.cameras, shot.model)
        within = self._drawn.at(reduced_size(shot.footage, EDGE))
        return automatic_masks(shot.footage, shot.cameras, shot.model, start, shot.progress, within)


def start_from_drawn(drawn: Drawn, cameras: Sequence[Camera | None], model: CameraModel) -> AutomaticBox:
    """Where in the world the object is. Raises InputError where no frame that was drawn on has a camera."""
    held = {i: camera for i in drawn.regions if (camera := cameras[i]) is not None}
    if not held:
        raise InputError("No frame that was drawn on has a camera; draw the box on another frame.")
    xyz = model.points.xyz
    possible = np.ones(len(xyz), bool)
    boxes = []
    number = {name: n for n, name in enumerate(model.cameras)}
    for i, camera in held.items():
        region = drawn.regions[i]
        scale = camera.lens.width / drawn.size[0]
        pixels, depth = camera.project(xyz)
        possible &= _inside(region, pixels / scale)
        rows, columns = np.nonzero(region)
        low, high = (np.array([f(columns), f(rows)], float) for f in (np.min, np.max))
        middle, half = (low + high + 1) / 2, (high - low + 1) / 2
        seen = np.zeros(len(xyz), bool)
        seen[model.points.seen_by(number[camera.name])] = True
        off_middle = np.linalg.norm((pixels / scale - middle) / half, axis=1)
        with np.errstate(invalid="ignore"):
            possible &= off_middle < _CORNERS
        size = 2 * half * scale / camera.lens.focal  # at depth 1
        away, behind = _depth(off_middle, depth, seen, camera, model)
        size = size * away
        away += behind * size.min()
        origin, ray = camera.rays(middle[None] * scale)
        half_sizes = 0.5 * np.array([*size, size.min()])
        boxes.append(Box(origin + away * ray[0], half_sizes, camera.rotation.T))
    return start_from_box(_middle_box(boxes), model, possible)


def _middle_box(boxes: Sequence[Box]) -> Box:
    """Of the boxes that the drawings of several frames give, the axes of the first, the middle place, the largest sizes."""
    centre = np.median([box.centre for box in boxes], axis=0)
    # how deep the object is, one frame cannot tell; seen from aside it is a width
    half = boxes[0].half if len(boxes) == 1 else np.full(3, np.max([box.half for box in boxes]))
    return Box(centre, half, boxes[0].rotation)


def _inside(region: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(N,) bool: pixels (N, 2) of the region's own size that it holds."""
    height, width = region.shape
    with np.errstate(invalid="ignore"):
        held = np.flatnonzero(np.all((pixels >= 0) & (pixels < (width, height)), axis=1))
    column, row = pixels[held].astype(np.int32).T
    inside = np.zeros(len(pixels), bool)
    inside[held] = region[row, column]
    return inside


def _depth(
    off_middle: np.ndarray,
    depth: np.ndarray,
    seen: np.ndarray,
    camera: Camera,
    model: CameraModel,
) -> tuple[float, float]:
    """The depth of what the drawing shows, and how far behind it the object's middle is, as a share of its smaller side.

    The median of the points that the drawing's middle shows, else the look-at's depth.
    """
    with np.errstate(invalid="ignore"):
        for share in (_MIDDLE, 1.0):
            there = seen & (off_middle < share)
            if there.sum() >= _LEAST_POINTS:
                return float(np.median(depth[there])), _BEHIND
    away = float(camera.axis @ (look_at(list(model.cameras.values())) - camera.centre))
    if away <= 0:
        raise InputError(
            "No sparse point of the camera model lies in what is drawn, so its distance is unknown; draw it on another frame."
        )
    return away, 0.0
