"""What other times show of a frame's background, brought to where that frame would show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from surface_sos_core.layers.seams import spread
from surface_sos_core.moving.depth import BackgroundDepth
from surface_sos_core.moving.flow import flows_between, sample
from surface_sos_core.moving.outline import clearly_darker
from surface_sos_core.moving.registration import Registration, corner_travel, follow
from surface_sos_core.settings import DenseFlowSettings, OtherTimeSettings, Settings, ShadowColourSettings
from surface_sos_core.shapes import part_around

LEAST_BLUR = 0.7  # pixels: single ones tell noise


@dataclass(frozen=True)
class Views:
    """Other frames as one frame would show them.

    colour: (K, h, w, 3) float32 display values, exposed as the one frame is. seen: (K, h, w) bool, where they show background.
    frames: (K,) which ones, the most useful first. part: rows and columns of the one frame that all this is of.
    """

    colour: np.ndarray
    seen: np.ndarray
    frames: tuple[int, ...]
    part: tuple[slice, slice]

    def middle(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The median (h, w, 3) of what is seen, its spread (h, w), and how many frames see it (h, w).

        The spread is the median difference from the median, of the channel where that is most; both are 0 where nothing is
        seen.
        """
        count = self.seen.sum(axis=0)
        median = median_of_first(np.where(self.seen[..., None], self.colour, np.inf), count)
        apart = np.abs(self.colour - median).max(axis=-1)
        return median, median_of_first(np.where(self.seen, apart, np.inf), count), count

    def in_light(self, sigma: float, settings: ShadowColourSettings) -> Views:
        """The same without what is in shadow there, once it is blurred by so many pixels: the tint of what the brighter ones of
        the others show, but clearly darker."""
        if len(self.frames) < 2:
            return self
        soft = np.stack([cv2.GaussianBlur(colour, (0, 0), sigma) for colour in self.colour])
        count = self.seen.sum(axis=0)
        order = np.argsort(np.where(self.seen, soft.mean(axis=-1), np.inf), axis=0)
        bright = np.take_along_axis(order, (np.maximum(count - 1, 0) * 3 // 4)[None], axis=0)[0]
        reference = np.take_along_axis(soft, bright[None, ..., None], axis=0)[0]
        dark = np.stack([clearly_darker(colour, reference, settings) for colour in soft])
        return replace(self, seen=self.seen & ~dark)


def median_of_first(values: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The median along the first axis of values (K, h, w ...), of the first `count` (h, w) of them once sorted: all others are inf.

    float32, 0 where the count is.
    """
    ordered = np.sort(values, axis=0)
    shape = count.shape + (1,) * (values.ndim - 3)
    lower = np.maximum(count - 1, 0).reshape(shape) // 2
    upper = np.minimum(count.reshape(shape) // 2, len(values) - 1)
    index = np.broadcast_to(lower, values.shape[1:])[None], np.broadcast_to(upper, values.shape[1:])[None]
    low, high = (np.take_along_axis(ordered, at, axis=0)[0] for at in index)
    with np.errstate(invalid="ignore"):
        middle = (low + high) / 2
    return np.where(np.isfinite(middle), middle, 0.0).astype(np.float32)


@dataclass(frozen=True)
class Times:
    """All frames of a shot, as they are looked at.

    picture(i): (h, w, 3) float32 display values; held_out(i): (h, w) bool, where the subject may be. registration: of pictures
    of this size. flowing: whether what the homographies leave is followed by flow, before a camera that travels. depth: of the
    background, where it is known: then frames are brought over by it.
    """

    picture: Callable[[int], np.ndarray]
    held_out: Callable[[int], np.ndarray]
    registration: Registration
    count: int
    settings: Settings
    flowing: bool = True
    depth: BackgroundDepth | None = None

    def views(self, frame: int, wanted: np.ndarray, most: int) -> Views:
        """At most so many other frames that show what `frame` hides where `wanted` (h, w) bool; some pixel must be.

        They are brought to the part of the frame that is around it.
        """
        part = part_around(wanted, round(self.settings.other_times.margin * max(wanted.shape)))
        views = self.bring(frame, self._chosen(frame, wanted, most), part)
        sigma = max(LEAST_BLUR, self.settings.other_times.shadow_blur * max(wanted.shape))
        return views.in_light(sigma, self.settings.shadow_colour)

    def bring(self, frame: int, others: Sequence[int], part: tuple[slice, slice]) -> Views:
        """Other frames as a part of one would show them."""
        picture, hidden = self.picture(frame)[part], self.held_out(frame)[part]
        shape = (len(others), *hidden.shape)
        colours, seen = np.zeros((*shape, 3), np.float32), np.zeros(shape, bool)
        corner = np.array([[1, 0, part[1].start], [0, 1, part[0].start], [0, 0, 1]], float)
        for n, other in enumerate(others):
            if self.depth is not None and self.depth.knows(frame, other):
                brought, unseen = self._by_depth(frame, other, part)
            else:
                between = self.registration.between(frame, other) @ corner
                brought, unseen = self._by_homography(picture, hidden, other, between)
            colours[n], seen[n] = self._in_line(picture, hidden, brought, unseen)
        return Views(colours, seen, tuple(others), part)

    def _chosen(self, frame: int, wanted: np.ndarray, most: int) -> list[int]:
        """Frames that see most of what the ones before leave unseen, near times first among equals."""
        own = self.settings.other_times
        factor = own.choice_edge / max(wanted.shape)
        size = (max(1, round(wanted.shape[1] * factor)), max(1, round(wanted.shape[0] * factor)))
        scale = np.diag([size[0] / wanted.shape[1], size[1] / wanted.shape[0], 1.0])
        whole = (slice(0, size[1]), slice(0, size[0]))
        small = cv2.resize(wanted.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        shows = {}
        for other in range(self.count):
            if other == frame:
                continue
            free = cv2.resize((~self.held_out(other)).astype(np.float32), size, interpolation=cv2.INTER_AREA)
            free = cv2.erode(free, np.ones((3, 3)))  # better from farther away: what moves has a shadow
            if self.depth is not None and self.depth.knows(frame, other):
                at, shown = self.depth.lookup(frame, other, whole, small.shape)
                seen = cv2.remap(free, at[..., 0], at[..., 1], cv2.INTER_LINEAR) * shown
            else:
                between = scale @ self.registration.between(frame, other) @ np.linalg.inv(scale)
                seen = cv2.warpPerspective(free, between, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            if (seen * small).sum() > own.least_seen * small.sum():
                shows[other] = seen * small
        chosen: list[int] = []
        covered = np.zeros(small.shape, np.float32)
        while shows and len(chosen) < most:
            far = {other: 1.0 + abs(other - frame) / self.count for other in shows}
            best = max(
                shows, key=lambda other: float((shows[other] / (1.0 + covered) ** 2).sum()) / far[other]
            )
            covered = covered + shows.pop(best)
            chosen.append(best)
        return chosen

    def _by_depth(self, frame: int, other: int, part: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """The other frame as a part (h, w) of one would show it, and where (h, w) bool that is not background."""
        assert self.depth is not None
        there, away = self.picture(other), self.held_out(other).astype(np.uint8)
        at, shown = self.depth.lookup(frame, other, part, away.shape)
        x, y = np.ascontiguousarray(np.moveaxis(at, -1, 0))
        unseen = cv2.remap(away, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=1) > 0
        return cv2.remap(there, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), unseen | ~shown

    def _by_homography(
        self, picture: np.ndarray, hidden: np.ndarray, other: int, between: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same for a picture (h, w, 3) whose pixels `between` (3, 3) takes to the other's, about."""
        own, size = self.settings.other_times, hidden.shape[::-1]
        there = self.picture(other)
        away = self.held_out(other).astype(np.uint8)

        def warped(image: np.ndarray, homography: np.ndarray, outside: int, how: int) -> np.ndarray:
            flags = how | cv2.WARP_INVERSE_MAP
            return cv2.warpPerspective(image, homography, size, flags=flags, borderValue=(outside,) * 3)

        rough = warped(grey_of(there), between, 0, cv2.INTER_LINEAR)
        unseen = warped(away, between, 1, cv2.INTER_NEAREST) > 0
        step = follow(grey_of(picture), rough, hidden, unseen, self.settings.register)
        correction = corner_travel([step.homography], size)[0]
        if step.share > own.refined and correction < own.most_refined * max(size):
            between = between @ step.homography
        unseen = warped(away, between, 1, cv2.INTER_NEAREST) > 0
        return warped(there, between, 0, cv2.INTER_CUBIC), unseen

    def _in_line(
        self, picture: np.ndarray, hidden: np.ndarray, brought: np.ndarray, unseen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What was brought to a picture (h, w, 3), brought on by the flow that is left and exposed alike; and where it is
        background."""
        own = self.settings.other_times
        if self.flowing:
            unknown = hidden | unseen
            sigma = own.smooth * max(hidden.shape)
            offset = _residual(grey_of(picture), grey_of(brought), unknown, self.settings.dense_flow, sigma)
            brought = sample(brought, offset)
            unseen = sample(unseen.astype(np.float32), offset) > 0
        return _exposed_alike(brought, picture, ~(hidden | unseen), own), ~unseen


def grey_of(picture: np.ndarray) -> np.ndarray:
    """(h, w) uint8 of display values (h, w, 3) float32."""
    return np.rint(255.0 * cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).clip(0.0, 1.0)).astype(np.uint8)


def _residual(
    one: np.ndarray, other: np.ndarray, unknown: np.ndarray, settings: DenseFlowSettings, sigma: float
) -> np.ndarray:
    """(h, w, 2) flow between two pictures (h, w) uint8 that are alike already, going on where it is unknown (h, w), and
    smoothed by `sigma` pixels."""
    forth, _ = flows_between(one, other, settings)
    known = forth.trusted & ~unknown
    filled = spread(np.dstack((forth.offset, np.zeros(one.shape, np.float32))), known)[..., :2]
    return cv2.GaussianBlur(filled, (0, 0), sigma)


def _exposed_alike(
    colour: np.ndarray, like: np.ndarray, where: np.ndarray, settings: OtherTimeSettings
) -> np.ndarray:
    """A picture (h, w, 3) through one curve a channel, such that it is as another one where (h, w) both show the same.

    y = a + b x + c x^2: exposure, and what a camera's own curve makes of it. Fitted twice, outliers left out.
    """
    if where.sum() < settings.exposure_pixels:
        return colour
    step = max(1, int(where.sum()) // settings.exposure_fitted)
    out = np.empty_like(colour)
    for c in range(3):
        x, y = colour[where, c][::step].astype(np.float64), like[where, c][::step].astype(np.float64)
        curve = np.polyfit(x, y, 1)
        for degree in (1, 2):
            missed = np.abs(np.polyval(curve, x) - y)
            near = missed <= settings.exposure_outliers * np.median(missed) + 1e-3
            curve = np.polyfit(x[near], y[near], degree)
        out[..., c] = np.maximum(np.polyval(curve, colour[..., c]), 0.0)
    return out
