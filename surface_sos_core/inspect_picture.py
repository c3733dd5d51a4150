"""One frame with the coarse mask that was given for it over it: whether they belong together is seen at a glance."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.files import write_atomically
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks

LONGEST_EDGE = 1280  # pixels; more than a look needs
_COLOUR = np.array([255.0, 60.0, 30.0])
_STRENGTH = 0.5  # of the colour where the mask is white, so that the plate is seen through it


def write_picture(path: Path, footage: Footage, masks: CoarseMasks | None) -> int:
    """Write a PNG of the middle one of the frames whose masks show something, of all where none does; returns its position."""
    masked = np.flatnonzero(masks.known & ~masks.empty) if masks is not None else np.arange(0)
    candidates = masked if len(masked) else np.arange(len(footage.frames))
    index = int(candidates[len(candidates) // 2])
    factor = min(1.0, LONGEST_EDGE / max(footage.width, footage.height))
    size = (max(1, round(footage.width * factor)), max(1, round(footage.height * factor)))
    picture = footage.read_small(index, size)
    if masks is not None:
        picture = tinted(picture, masks.probability[index])
    with write_atomically(path) as partial:
        partial.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    return index


def tinted(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8, coloured as much as the mask (h, w) uint8 is white, and a line around its object."""
    height, width = picture.shape[:2]
    share = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    strength = _STRENGTH * (share / 255.0)
    inside = (share > 127).astype(np.uint8)
    strength[inside != cv2.erode(inside, np.ones((3, 3), np.uint8))] = 1.0
    return np.rint(picture + strength[..., None] * (_COLOUR - picture)).astype(np.uint8)
