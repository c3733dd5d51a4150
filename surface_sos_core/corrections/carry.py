"""A correction carried to the frames around it: what it added and took away is followed by optical flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from surface_sos_core.corrections.given import Given
from surface_sos_core.moving.flow import flows_between
from surface_sos_core.settings import CorrectSettings, DenseFlowSettings


def carried(
    picture: Callable[[int], np.ndarray],
    frames: Sequence[int],
    added: np.ndarray,
    removed: np.ndarray,
    settings: CorrectSettings,
    flow: DenseFlowSettings,
) -> Iterator[tuple[int, Given]]:
    """What a correction of `frames[0]` says of those after it, as far as it is found again; they may go back in time.

    It is followed by flow that goes there and back, onto the same colours: where that follows what is behind a thin thing, its
    colours are others.

    picture: gives a frame (h, w, 3) uint8. added, removed: (h, w) bool, what the correction put in and took out. What is carried is
    drawn in thinner, since flow is off by a pixel or two.
    """
    thin = np.ones((3, 3), np.uint8)
    last = picture(frames[0])
    for frame in frames[1:]:
        now = picture(frame)
        grey, before_grey = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in (now, last))
        back, _ = flows_between(grey, before_grey, flow)
        differs = np.abs(back.bring(last.astype(np.float32)) - now).max(axis=-1)
        found = back.trusted & (differs <= 255 * settings.alike)
        before = int(added.sum() + removed.sum())
        added, removed = (
            (back.bring(side.astype(np.float32)) > 0.5) & found for side in (added, removed)
        )
        if int(added.sum() + removed.sum()) < max(1.0, settings.least_carried * before):
            return
        on, off = (cv2.erode(side.astype(np.uint8), thin) > 0 for side in (added, removed))
        yield frame, Given(on, off)
        last = now
