"""Masks of what moves against the world that all frames share, where nobody said what the subject is."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.moving.background import Times
from surface_sos_core.moving.outline import Behind, difference_odds
from surface_sos_core.moving.registration import register
from surface_sos_core.settings import MovingMaskSettings, Settings
from surface_sos_core.shapes import disc


def moving_masks(footage: Footage, settings: Settings, progress: Callable[[int, int], None]) -> CoarseMasks:
    """Where each frame is not what most other times show there; progress gets (done, total) frames.

    Raises InputError where nothing moves, or everything does.
    """
    own = settings.moving_masks
    size = reduced_size(footage, settings.moving.image_edge)
    count = len(footage.frames)
    pictures = FrameStack((count, size[1], size[0], 3))
    for i in range(count):
        pictures[i] = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
    nothing = np.zeros(size[::-1], bool)
    registration = register(
        lambda i: cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY), lambda i: nothing, count, settings.register
    )
    times = Times(
        lambda i: pictures[i].astype(np.float32) / 255.0,
        lambda i: nothing,
        registration,
        count,
        settings,
        flowing=False,
    )
    whole = (slice(0, size[1]), slice(0, size[0]))
    masks = CoarseMasks.unknown(count, size)
    for i in range(count):
        others = _spread(times, i, size, own)
        if others:
            colour, apart, seen = times.bring(i, others, whole).middle()
            behind = Behind(colour, apart, seen >= min(own.least_seen, len(others)))
            odds = difference_odds(
                pictures[i], behind, settings.outline, settings.shadow_colour, by_texture=True
            )
            masks.put(i, _pieces(odds > 0, own))
        progress(i + 1, count)
    shown = masks.known & ~masks.empty
    if shown.sum() < own.least_shown * count:
        raise InputError(
            "Nothing in the footage moves against its background for long enough to be found; draw a box around the "
            "subject on one frame and give it as --masks box:FILE."
        )
    moving = np.median([(masks.probability[i] > 127).mean() for i in np.flatnonzero(shown)])
    if moving > own.most_moving:
        raise InputError(
            "Everything in the footage moves, so there is no background to tell the subject from; give masks of some "
            "frames, or a box as --masks box:FILE."
        )
    return masks


def follow_what_moves(carried: CoarseMasks, found: CoarseMasks, settings: MovingMaskSettings) -> CoarseMasks:
    """Masks carried from a drawing, each replaced by what moves there where both are about the same thing.

    A piece that moves belongs to it where most of it lies in the carried mask, and all of them together must be of about its
    size: a mask that lost a limb on the way gets it back, and one of a thing that stands stays as it is.
    """
    masks = CoarseMasks.unknown(len(carried.known), found.size)
    masks.reasons |= carried.reasons
    for i in np.flatnonzero(carried.known):
        own = cv2.resize(carried.probability[i], found.size, interpolation=cv2.INTER_AREA) > 127
        label, count = ndimage.label(found.probability[i] > 127)
        within = np.asarray(ndimage.mean(own, label, np.arange(count + 1)))
        within[0] = 0.0
        moving = (within > settings.within)[label]
        ratio = moving.sum() / max(1, own.sum())
        masks.put(int(i), moving if 1 / settings.size < ratio < settings.size else own)
    return masks


def _spread(times: Times, frame: int, size: tuple[int, int], settings: MovingMaskSettings) -> list[int]:
    """Other frames that show enough of what `frame` shows, spread evenly over time."""
    width, height = size
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    shared = []
    for other in range(times.count):
        if other != frame:
            there = cv2.perspectiveTransform(corners, times.registration.between(frame, other))
            overlap, _ = cv2.intersectConvexConvex(there.astype(np.float32), corners)
            if overlap > settings.overlap * width * height:
                shared.append(other)
    if not shared:
        return []
    return [shared[int(k)] for k in np.unique(np.linspace(0, len(shared) - 1, settings.others).round())]


def _pieces(mask: np.ndarray, settings: MovingMaskSettings) -> np.ndarray:
    """(h, w) bool: a mask (h, w) bool without specks, its gaps closed, of its largest pieces alone."""
    edge = max(mask.shape)
    fine, wide = (disc(max(1, round(share * edge / 2))) for share in (settings.speck, settings.gap))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, fine)
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, wide)
    label, count = ndimage.label(closed)
    if not count:
        return np.zeros(mask.shape, bool)
    sizes = ndimage.sum(closed, label, np.arange(1, count + 1))
    least = max(settings.piece_share * sizes.max(), settings.least_piece * mask.size)
    kept = np.flatnonzero(sizes >= least) + 1
    return ndimage.binary_fill_holes(np.isin(label, kept))
