"""Where pixels of one frame are in another: dense optical flow, and pictures brought along by it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.settings import DenseFlowSettings


@dataclass(frozen=True)
class Flow:
    """From one frame to another.

    offset: (h, w, 2) float32, so that what is at x in the one is at x + offset in the other. trusted: (h, w) bool, where the
    flow back from there ends where it began, and within the picture.
    """

    offset: np.ndarray
    trusted: np.ndarray

    def bring(self, picture: np.ndarray) -> np.ndarray:
        """The other frame's picture (h, w) or (h, w, C) as this frame would show it; its edge goes on outside of it."""
        return sample(picture, self.offset)


def sample(picture: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """A picture (h, w) or (h, w, C) at x + offset (h, w, 2)."""
    x, y = np.moveaxis(pixel_grid(offset.shape[:2]) + offset, -1, 0)
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pixel_grid(shape: tuple[int, ...]) -> np.ndarray:
    """(h, w, 2) float32: x and y of each pixel."""
    columns, rows = np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32))
    return np.stack((columns, rows), axis=-1)


def flows_between(one: np.ndarray, other: np.ndarray, settings: DenseFlowSettings) -> tuple[Flow, Flow]:
    """From one picture (h, w) uint8 to another and back: dense inverse search (Kroeger et al., ECCV 2016)."""
    there, back = flow_to(one, other), flow_to(other, one)
    return Flow(there, _agree(there, back, settings)), Flow(back, _agree(back, there, settings))


def flow_to(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(h, w, 2) offsets from one picture (h, w) uint8 to another."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(one, other, np.zeros((*one.shape, 2), np.float32))


def _agree(there: np.ndarray, back: np.ndarray, settings: DenseFlowSettings) -> np.ndarray:
    missed = np.linalg.norm(there + sample(back, there), axis=-1)
    length = np.linalg.norm(there, axis=-1)
    ends = pixel_grid(there.shape[:2]) + there
    inside = (ends >= 0).all(axis=-1) & (ends <= np.array(there.shape[1::-1]) - 1).all(axis=-1)
    return (missed < settings.round_trip + settings.round_trip_far * length) & inside
