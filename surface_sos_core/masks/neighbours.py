"""Pixels next to each other, and what speaks for an edge between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.settings import EdgeSettings
from surface_sos_core.stereo.known_depth import KnownDepth


@dataclass(frozen=True)
class Neighbours:
    """Pairs of pixels next to each other in a picture.

    one, other (M,): their numbers, row by row; distance (M,) in pixels.
    """

    one: np.ndarray
    other: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, int], diagonals: bool) -> Neighbours:
        """All of a picture (h, w): each pixel's 4 neighbours, or all 8."""
        number = np.arange(shape[0] * shape[1]).reshape(shape)
        pairs = [(number[:, 1:], number[:, :-1], 1.0), (number[1:], number[:-1], 1.0)]
        if diagonals:
            pairs += [(number[1:, 1:], number[:-1, :-1], 2**0.5), (number[1:, :-1], number[:-1, 1:], 2**0.5)]
        one = np.concatenate([a.ravel() for a, _, _ in pairs])
        other = np.concatenate([b.ravel() for _, b, _ in pairs])
        return cls(one, other, np.concatenate([np.full(a.size, distance) for a, _, distance in pairs]))

    def contrast(self, rgb: np.ndarray) -> np.ndarray:
        """(M,) squared difference in L*a*b* of rgb (h, w, 3) uint8, as a multiple of its mean."""
        lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
        square = np.square(lab[self.one] - lab[self.other]).sum(axis=1)
        return square / max(float(square.mean()), 1e-6)

    def jumps(self, depth: KnownDepth, settings: EdgeSettings) -> np.ndarray:
        """(M,) how far one is behind the other, in jumps, 0 not at all; 0 where that is not known of both."""
        steps = depth.disparity.ravel() / max(depth.step, 1e-12)
        known = (steps[self.one] > 0) & (steps[self.other] > 0)
        apart = (np.abs(steps[self.one] - steps[self.other]) - settings.same) / settings.jump
        return np.where(known, np.clip(apart, 0.0, settings.most_jumps), 0.0)
