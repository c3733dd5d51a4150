"""Clean plates of what other times saw: one of them for each pixel, put together without seams."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.layers.seams import neighbours, solve_colours, spread
from surface_sos_core.moving.background import Views
from surface_sos_core.settings import MovingPlateSettings


@dataclass(frozen=True)
class Plate:
    """colour (h, w, 3) display values; seen (h, w) bool, False where it is a guess."""

    colour: np.ndarray
    seen: np.ndarray


def clean_plate(
    picture: np.ndarray, hole: np.ndarray, views: Views, settings: MovingPlateSettings, loose: float
) -> Plate:
    """A picture (H, W, 3) with the background in the hole (H, W) bool, as other times show it.

    Each pixel is one source's, that which is nearest to the median of all around there, so grain stays and nothing is
    averaged; colours are then solved for from the sources' own differences between neighbours (`layers/seams.py`). What no
    time shows goes on smoothly, `loose` as there.
    """
    out, seen = picture.copy(), np.ones(hole.shape, bool)
    if not hole.any():
        return Plate(out, seen)
    own, part_hole = picture[views.part], hole[views.part]
    source, known = _sources(views, settings)
    chosen = np.take_along_axis(views.colour, source[None, ..., None], axis=0)[0] if known.any() else own
    kernel = np.ones((2 * settings.ring + 1,) * 2, np.uint8)
    reach = cv2.dilate(part_hole.astype(np.uint8), kernel) > 0
    colour = np.where(part_hole[..., None], np.where(known[..., None], chosen, 0.0), own).astype(np.float32)
    pairs = neighbours(reach)
    change, shown = _changes(views, source[reach], known[reach], reach, pairs.a, pairs.b)
    start = spread(colour, known | ~part_hole)[reach]
    anchor = np.where(known[reach], np.float32(settings.anchor), np.float32(0.0))
    out_part = colour.copy()
    out_part[reach] = solve_colours(pairs, change, shown, start, anchor, part_hole[reach], loose)
    out[views.part] = np.where(part_hole[..., None], out_part, own)
    seen[views.part] = known | ~part_hole
    return Plate(out, seen)


def _sources(views: Views, settings: MovingPlateSettings) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) which view each pixel is taken from, and (h, w) bool, where there is one to take."""
    median, apart, count = views.middle()
    if not len(views.frames):
        return np.zeros(count.shape, int), np.zeros(count.shape, bool)
    sigma = settings.smooth * max(count.shape)
    cost = np.empty(views.seen.shape, np.float32)
    for n, (colour, seen) in enumerate(zip(views.colour, views.seen, strict=True)):
        weight = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), sigma)
        missed = np.abs(colour - median).max(axis=-1) * seen
        missed = cv2.GaussianBlur(missed, (0, 0), sigma) / np.maximum(weight, 1e-3)
        cost[n] = missed + n * settings.settled / len(cost)
        cost[n][~seen] = np.inf
    source = np.argmin(cost, axis=0)
    return source, (count > 0) & (apart < settings.doubt)


def _changes(
    views: Views, source: np.ndarray, known: np.ndarray, reach: np.ndarray, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(P, 3) how much pixel b's colour differs from a's, of those in `reach`, and (P,) bool where a view shows it: the one's
    source, or the other's."""
    if not len(views.frames):
        return np.zeros((len(a), 3), np.float32), np.zeros(len(a), bool)
    colours, seen = views.colour[:, reach], views.seen[:, reach]
    change, shown = np.zeros((len(a), 3), np.float32), np.zeros(len(a), bool)
    for teller in (source[b], source[a]):  # the second overrules where both can tell
        told = seen[teller, a] & seen[teller, b] & known[a] & known[b]
        change[told] = colours[teller[told], b[told]] - colours[teller[told], a[told]]
        shown |= told
    return change, shown
