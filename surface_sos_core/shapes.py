"""Shapes in pictures: discs, what is near a mask, and the part of a picture that holds it."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage


def disc(radius: int) -> np.ndarray:
    """(2 radius + 1, 2 radius + 1) uint8, 1 within a disc: an element for cv2's morphology."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def dilated(mask: np.ndarray, radius: int) -> np.ndarray:
    """(h, w) bool: a mask (h, w) bool and what is within so many pixels of it."""
    return cv2.dilate(mask.astype(np.uint8), disc(radius)) > 0


def around_outline(mask: np.ndarray, radius: int) -> np.ndarray:
    """(h, w) bool: pixels within a radius of the outline of a mask (h, w) bool."""
    shape, element = mask.astype(np.uint8), disc(radius)
    return cv2.dilate(shape, element) > cv2.erode(shape, element)


def parts_above(alpha: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) the number of each part of alpha (H, W) that stands by itself above a level, 0 elsewhere; and what it sums to, by number."""
    label, _ = ndimage.label(alpha > level, np.ones((3, 3)))
    size = np.bincount(label.ravel(), alpha.ravel())
    size[0] = 0.0
    return label, size


def part_around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns that hold a mask (h, w) bool, not empty, and so many pixels around it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), min(mask.shape[0], int(rows[-1]) + margin + 1)),
        slice(max(0, int(columns[0]) - margin), min(mask.shape[1], int(columns[-1]) + margin + 1)),
    )
