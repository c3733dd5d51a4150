"""Frames and where the object is in each of them, while the automatic start works it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.footage.frame_stack import FrameStack, TemporaryValues
from surface_sos_core.settings import HullSettings


@dataclass(frozen=True)
class Place:
    """Where the object is in one frame: odds (h, w) float32, natural log; possible (h, w) bool, False where it is not."""

    odds: np.ndarray
    possible: np.ndarray


def place_by_hull(hull: np.ndarray, settings: HullSettings) -> Place:
    """By the largest m^P along each pixel's ray (h, w)."""
    soft = cv2.GaussianBlur(hull, (0, 0), settings.blur * max(hull.shape))
    inside = cv2.distanceTransform((soft > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / max(hull.shape)
    outside = cv2.distanceTransform((soft <= 0.5).astype(np.uint8), cv2.DIST_L2, 3) / max(hull.shape)
    odds = (
        np.log((soft + settings.floor) / (1 + settings.floor - soft))
        + settings.bias
        + inside / settings.depth
    )
    return Place(np.clip(odds, -settings.most, settings.most).astype(np.float32), outside < settings.reach)


class PlacesOfFrames:
    """Frames at the masks' size, (h, w, 3) uint8, and where the object is in each of them: on disk, since memory is not to
    grow with the shot."""

    def __init__(self, numbers: Sequence[int], count: int, size: tuple[int, int]) -> None:
        self.numbers, self.count, self.size = numbers, count, size
        shape = (count, size[1], size[0])
        self.pictures = FrameStack((*shape, 3))
        self.told = TemporaryValues(count, size)
        """(h, w) log odds by the sparse points alone."""
        self.colour = TemporaryValues(count, size)
        """(h, w) log odds by the colours, as the last outlines had them."""
        self._odds, self._possible = TemporaryValues(count, size), FrameStack(shape)

    def __getitem__(self, frame: int) -> Place:
        return Place(self._odds[frame], self._possible[frame] > 0)

    def __setitem__(self, frame: int, place: Place) -> None:
        self._odds[frame] = place.odds
        self._possible[frame] = place.possible
