"""Thin parts that a single border of votes loses: antennas, straps, ears of an animal that turns its head.

Outlines wobble, so masks agree less on what is as thin as the wobble. What tells such a part from the fuzz around the
object: where the hull leaves a view free, nearly nothing but real parts is masked there in most of these views.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.masks.hull import project_grid

_LOOK = 256  # pixels along the longer edge of the pictures in which the hull is drawn
_WOBBLE = 0.03  # how far from the hull's outline a mask tells nothing, as a share of the object's size in the picture
_LEAST_SHARE = 0.55  # share of the border's votes below which nothing belongs to the object
_FREE = 0.25  # share of the views that must see a place beside the hull
_MOST = 0.5  # share of these that must say object
_BRIDGE = 2  # cells by which a part grows towards the hull, beside which no view is free


def find_thin_parts(
    share: np.ndarray,
    border: float,
    probability: np.ndarray,
    trust: np.ndarray,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    box: Box,
) -> np.ndarray:
    """(R, R, R) bool: places that belong to the object though their share of votes lies below the border.

    share: (R, R, R) over the whole box. probability and trust: (frames, h, w) uint8, of one size or two; voters: the
    frames that are asked.
    """
    size = share.shape[0]
    hull = (share > border).astype(np.float32)
    cells = np.argwhere((share > _LEAST_SHARE * border) & (share <= border))
    world = box.to_world(((cells + 0.5) / size * 2 - 1) * box.extent)
    looks, free, for_object = np.zeros(len(world)), np.zeros(len(world)), np.zeros(len(world))
    height, width = probability.shape[1:]
    factor = min(1.0, _LOOK / max(height, width))
    look_width, look_height = max(1, round(width * factor)), max(1, round(height * factor))
    for i in voters:
        camera = cameras[i]
        assert camera is not None
        beside = _beside(project_grid(hull, box, camera, look_width, look_height) > 0.5)
        pixels, _ = camera.project(world)
        with np.errstate(invalid="ignore"):
            place = pixels / (camera.lens.width, camera.lens.height)
            seen = ((place >= 0) & (place < 1)).all(axis=1)
        x, y = place[seen].T
        at = (y * height).astype(np.int32), (x * width).astype(np.int32)
        trusted = (y * trust.shape[1]).astype(np.int32), (x * trust.shape[2]).astype(np.int32)
        say = beside[(y * look_height).astype(np.int32), (x * look_width).astype(np.int32)] * (
            trust[i][trusted] / 255.0
        )
        looks[seen] += 1
        free[seen] += say
        for_object[seen] += say * (probability[i][at] / 255.0)
    found = (looks >= 2) & (free >= _FREE * looks) & (for_object >= _MOST * free) & (free > 0)
    parts = np.zeros(share.shape, dtype=bool)
    parts[tuple(cells[found].T)] = True
    if not found.any():
        return parts
    return ndimage.binary_dilation(parts, mask=share > _LEAST_SHARE * border, iterations=_BRIDGE)


def _beside(hull: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels clearly beside a hull (h, w), whose outline is as uncertain as the masks' own."""
    diameter = 2.0 * np.sqrt(hull.sum() / np.pi)
    radius = max(1, round(_WOBBLE * diameter))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(hull.astype(np.uint8), kernel) == 0
