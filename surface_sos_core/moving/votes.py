"""Masks voted over time: what a frame's neighbours say, brought along by the flow of what is in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.moving.flow import Flow, flows_between
from surface_sos_core.settings import DenseFlowSettings, TimeVoteSettings

_FINE = 16  # parts of a pixel that flow is kept in


class NeighbourFlows:
    """Flow from each frame of a shot to a few before and after it, kept on disk."""

    def __init__(
        self,
        picture: Callable[[int], np.ndarray],
        count: int,
        settings: TimeVoteSettings,
        trusted: DenseFlowSettings,
        step: Callable[[], None],
    ) -> None:
        """picture(i): (h, w, 3) uint8; step is called after each frame. Raises SetupError where the disk has no room."""
        height, width = picture(0).shape[:2]
        self.shape = (height, width)
        self.untrusted = np.float32(settings.untrusted)
        self._settings = settings
        self._away = [2**k for k in range(settings.neighbours)]
        self._pairs = {
            pair: number
            for number, pair in enumerate(
                (i, i + sign * away)
                for i in range(count)
                for away in self._away
                for sign in (-1, 1)
                if 0 <= i + sign * away < count
            )
        }
        self._offsets = FrameStack((max(1, len(self._pairs)), height, width, 4))
        self._trusted = FrameStack((max(1, len(self._pairs)), height, width))
        for i in range(count):
            for away in self._away:
                if i + away < count:
                    one, other = picture(i), picture(i + away)
                    there, back = flows_between(_grey(one), _grey(other), trusted)
                    self._keep((i, i + away), there, one, other)
                    self._keep((i + away, i), back, other, one)
            step()

    def _keep(self, pair: tuple[int, int], flow: Flow, one: np.ndarray, other: np.ndarray) -> None:
        """Trusted is what looks alike at both ends, too: flow there and back agrees as well where it follows the background in
        place of a thin limb."""
        own = self._settings
        apart = np.abs(_soft(one, own.alike_blur) - flow.bring(_soft(other, own.alike_blur))).max(axis=-1)
        fine = np.clip(np.rint(flow.offset * _FINE), -32768, 32767).astype(np.int16)
        self._offsets[self._pairs[pair]] = np.ascontiguousarray(fine).view(np.uint8)
        self._trusted[self._pairs[pair]] = flow.trusted & (apart < own.alike)

    def around(self, frame: int) -> Sequence[tuple[int, Flow]]:
        """The frames that `frame` has a flow to, and that."""
        found = []
        for away in self._away:
            for other in (frame - away, frame + away):
                if (number := self._pairs.get((frame, other))) is not None:
                    offset = self._offsets[number].view(np.int16).astype(np.float32) / _FINE
                    found.append((other, Flow(offset, self._trusted[number] > 0)))
        return found


def _grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _soft(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A picture (h, w, 3) uint8 as display values, blurred."""
    return cv2.GaussianBlur(picture.astype(np.float32) / 255.0, (0, 0), sigma)


def voted(flows: NeighbourFlows, masks: Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
    """Each frame's mask (h, w) float32 in [0, 1] as it and its neighbours have it, the share of votes for the subject.

    masks: (h, w) each, None where unknown; a frame that nobody near knows anything of stays so.
    """
    out: list[np.ndarray | None] = []
    for i, own in enumerate(masks):
        votes, weight = np.zeros((2, *flows.shape), np.float32)
        if own is not None:
            votes, weight = votes + own, weight + 1.0
        for other, flow in flows.around(i):
            theirs = masks[other]
            if theirs is not None:
                counts = np.where(flow.trusted, np.float32(1.0), flows.untrusted)
                votes = votes + counts * flow.bring(theirs.astype(np.float32))
                weight = weight + counts
        out.append(votes / weight if weight.all() else None)
    return out


def voted_everywhere(flows: NeighbourFlows, masks: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """Votes (h, w) of every frame, those far from any mask by way of those between. One mask at least must be known."""
    votes = voted(flows, masks)
    while any(vote is None for vote in votes):
        votes = voted(flows, votes)
    return [vote for vote in votes if vote is not None]


def voted_of(flows: NeighbourFlows, masks: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """The same of masks (h, w) that were given or found, an empty one being lost; one at least must not be. Twice, since what is
    lost in several neighbouring masks is given back only by those farther away."""
    known = [None if mask is None or not mask.any() else mask.astype(np.float32) for mask in masks]
    return voted_everywhere(flows, voted_everywhere(flows, known))
