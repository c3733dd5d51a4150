"""How the background moves from frame to frame: homographies, from features that the subject does not own.

What a turning, zooming or locked camera sees moves by H = K_j R_j R_i^T K_i^-1, whatever its depth; before one that travels a
homography follows what most of the background does, and the rest is left to flow (`plates`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.settings import RegisterSettings
from surface_sos_core.shapes import dilated

_LEAST_APART = 3.0  # pixels between corners: nearer ones tell the same
_LEAST_WINDOW = 9  # pixels, which Lucas and Kanade's method needs
_LEVELS = 4  # of its pyramid
_TRIES = 2000  # of MAGSAC, at most


@dataclass(frozen=True)
class Step:
    """From one frame to another.

    homography: (3, 3), one's pixels to the other's, the middle of the upper left one at (0, 0). corners: (N, 2) and found:
    (N, 2), corners of the one and where they are in the other. held: (N,) bool, those that follow the homography.
    """

    homography: np.ndarray
    corners: np.ndarray
    found: np.ndarray
    held: np.ndarray

    @property
    def share(self) -> float:
        """Of the corners, those that follow the homography; 0 where there are too few to know."""
        return float(self.held.mean()) if len(self.held) else 0.0


@dataclass(frozen=True)
class Registration:
    """Where the background of each frame lies in that of all others.

    to_world: (frames, 3, 3), each frame's pixels to a common picture's. steps: from each frame to the next, where they are kept.
    """

    to_world: np.ndarray
    steps: tuple[Step, ...] = ()

    def at(self, scale: float) -> Registration:
        """Of the same pictures, so many times as large."""
        larger = np.diag([scale, scale, 1.0])
        return Registration(larger @ self.to_world @ np.linalg.inv(larger), self.steps)

    def between(self, one: int, other: int) -> np.ndarray:
        """(3, 3) that takes pixels of the one frame to the other's."""
        return np.linalg.solve(self.to_world[other], self.to_world[one])


def register(
    grey: Callable[[int], np.ndarray],
    holdouts: Callable[[int], np.ndarray],
    count: int,
    settings: RegisterSettings,
) -> Registration:
    """Follow the background through `count` frames: grey (h, w) uint8, holdouts (h, w) bool, where the subject may be."""
    to_world = [np.eye(3)]
    steps = []
    for i in range(count - 1):
        step = follow(grey(i), grey(i + 1), holdouts(i), holdouts(i + 1), settings)
        steps.append(step)
        world = to_world[-1] @ np.linalg.inv(step.homography)
        to_world.append(world / world[2, 2])
    return Registration(np.stack(to_world), tuple(steps))


def follow(
    one: np.ndarray,
    other: np.ndarray,
    held_out: np.ndarray,
    other_held_out: np.ndarray,
    settings: RegisterSettings,
) -> Step:
    """The homography of what most corners outside of held_out (h, w) bool do, from one picture (h, w) uint8 to another.

    Corners are followed there and back by Lucas and Kanade's method, and the homography found by MAGSAC (Barath et al., CVPR
    2020). It is the identity where too few can be followed.
    """
    edge = max(one.shape)
    free = (~held_out).astype(np.uint8)
    apart = max(_LEAST_APART, settings.apart * edge)
    corners = cv2.goodFeaturesToTrack(one, settings.corners, settings.quality, apart, mask=free)
    empty = np.zeros((0, 2), np.float32)
    if corners is None:
        return Step(np.eye(3), empty, empty, np.zeros(0, bool))
    size = (max(_LEAST_WINDOW, round(settings.window * edge)),) * 2
    found, ok, _ = cv2.calcOpticalFlowPyrLK(
        one, other, corners, corners.copy(), winSize=size, maxLevel=_LEVELS
    )
    back, also, _ = cv2.calcOpticalFlowPyrLK(other, one, found, found.copy(), winSize=size, maxLevel=_LEVELS)
    corners, found, back = corners.reshape(-1, 2), found.reshape(-1, 2), back.reshape(-1, 2)
    good = (ok.ravel() > 0) & (also.ravel() > 0) & (np.linalg.norm(back - corners, axis=1) < settings.miss)
    at = np.rint(found).astype(int)
    inside = (at >= 0).all(axis=1) & (at[:, 0] < one.shape[1]) & (at[:, 1] < one.shape[0])
    good &= inside
    good[good] &= ~other_held_out[at[good, 1], at[good, 0]]
    corners, found = corners[good], found[good]
    if len(corners) < settings.least_corners:
        return Step(np.eye(3), corners, found, np.zeros(len(corners), bool))
    homography, held = cv2.findHomography(corners, found, cv2.USAC_MAGSAC, settings.miss, maxIters=_TRIES)
    if homography is None:
        return Step(np.eye(3), corners, found, np.zeros(len(corners), bool))
    return Step(homography, corners, found, held.ravel() > 0)


def grown(mask: np.ndarray, share: float) -> np.ndarray:
    """(h, w) bool: a mask (h, w) bool and what is within a share of the longer edge of it."""
    return dilated(mask, max(1, round(share * max(mask.shape))))


def corner_travel(homographies: Sequence[np.ndarray] | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N,) pixels by which the corners of a picture of this width and height move at most under homographies (N, 3, 3)."""
    width, height = size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    moved = np.einsum("nij,kj->nki", np.asarray(homographies), corners)
    moved = moved[..., :2] / moved[..., 2:]
    return np.linalg.norm(moved - corners[:, :2], axis=-1).max(axis=1)
