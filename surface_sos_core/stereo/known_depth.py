"""What is known of how far away all is that a frame shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_ERROR = 3.0  # steps of disparity that a sweep is wrong by, at most


@dataclass(frozen=True)
class KnownDepth:
    """Disparity (1 / depth along the axis) of a frame's pixels (h, w), 0 where it is not known, and how fine it is: `step`."""

    disparity: np.ndarray
    step: float

    @property
    def span(self) -> tuple[np.ndarray, np.ndarray]:
        """The nearest and the farthest (h, w) that what is seen can be; 0 and infinite where nothing is known."""
        known, room = self.disparity > 0, _ERROR * self.step
        with np.errstate(divide="ignore"):
            nearest = np.where(known, 1 / (self.disparity + room), 0.0)
            farthest = np.where(self.disparity > room, 1 / (self.disparity - room), np.inf)
        return nearest, farthest

    def at(self, size: tuple[int, int]) -> KnownDepth:
        """At another size (w, h)."""
        return KnownDepth(cv2.resize(self.disparity, size, interpolation=cv2.INTER_NEAREST), self.step)
