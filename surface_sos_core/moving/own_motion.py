"""What moves otherwise than the background: the flow that is left between frames once the background lies on itself."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from surface_sos_core.moving.background import median_of_first
from surface_sos_core.moving.flow import flow_to
from surface_sos_core.moving.registration import Registration
from surface_sos_core.settings import OwnMotionSettings


def motion_odds(
    grey: Callable[[int], np.ndarray],
    registration: Registration,
    count: int,
    frame: int,
    settings: OwnMotionSettings,
) -> np.ndarray:
    """(h, w) log odds that a pixel of a frame is the subject's, by how it moves; 0 where no other frame tells.

    grey(i): (h, w) uint8 of `count` frames. Another frame is brought onto this one by the background's homography; a pixel
    whose flow r from there is longer than is usual in the picture moves by itself:

        clip(r / (noticed (median r + noise)) - 1, -1, 1)

    The median over frames before and after it, times `most`: a plain coat of the wall's colour moves as a whole, though it
    differs from the wall nowhere but at its outline.
    """
    own = grey(frame)
    shape = own.shape
    told = []
    for away in sorted({settings.near, settings.middle, settings.far}):
        for other in (frame - away, frame + away):
            if not 0 <= other < count:
                continue
            between = registration.between(frame, other)
            there, shown = (
                cv2.warpPerspective(image, between, shape[::-1], flags=how | cv2.WARP_INVERSE_MAP)
                for image, how in (
                    (grey(other), cv2.INTER_LINEAR),
                    (np.full(shape, 255, np.uint8), cv2.INTER_NEAREST),
                )
            )
            if not shown.any():
                continue
            length = np.linalg.norm(flow_to(own, there), axis=-1)
            usual = float(np.median(length[shown > 0])) + settings.noise
            moves = (length / (settings.noticed * usual) - 1.0).clip(-1.0, 1.0)
            told.append(np.where(shown > 0, moves, np.inf))
    if not told:
        return np.zeros(shape, np.float32)
    odds = np.stack(told)
    return settings.most * median_of_first(odds, np.isfinite(odds).sum(axis=0))
