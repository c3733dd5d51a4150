"""Masks of what moves against the world that all frames share, where nobody said what the subject is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import FrameStack, TemporaryValues
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.colours import nearby_log_odds
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.moving.background import Times
from surface_sos_core.moving.outline import Behind, difference_odds, learn_colours
from surface_sos_core.moving.own_motion import motion_odds
from surface_sos_core.moving.registration import register
from surface_sos_core.settings import MovingMaskSettings, Settings
from surface_sos_core.shapes import dilated, disc
from surface_sos_core.stereo.known_depth import KnownDepth


def moving_masks(footage: Footage, settings: Settings, progress: Callable[[int, int], None]) -> CoarseMasks:
    """What moves by itself in each frame, or is not what most other times show there, along the frame's edges.

    Colours of what surely moves, and of what surely does not, tell the rest. progress gets (done, total) frames, each twice.
    Raises InputError where nothing moves, or everything does.
    """
    own = settings.moving_masks
    size = reduced_size(footage, settings.moving.image_edge)
    count = len(footage.frames)
    pictures = FrameStack((count, size[1], size[0], 3))
    for i in range(count):
        pictures[i] = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
    nothing = np.zeros(size[::-1], bool)

    def grey(i: int) -> np.ndarray:
        return cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY)

    registration = register(grey, lambda i: nothing, count, settings.register)
    times = Times(
        lambda i: pictures[i].astype(np.float32) / 255.0,
        lambda i: nothing,
        registration,
        count,
        settings,
        flowing=False,
    )
    moves, unlike = TemporaryValues(count, size), TemporaryValues(count, size)
    for i in range(count):
        moves[i] = motion_odds(grey, registration, count, i, settings.own_motion)
        unlike[i] = _unlike_others(times, pictures[i], i, settings)
        progress(i + 1, 2 * count)

    def together(i: int) -> np.ndarray:
        return moves[i] + unlike[i]

    often = _learnt(pictures.__getitem__, together, count, settings)
    masks = CoarseMasks.unknown(count, size)
    for i in range(count):
        # What other times explain may still be the subject, where that has the background's colours.
        odds = moves[i] + np.maximum(unlike[i], 0.0)
        masks.put(i, _drawn(pictures[i], odds, together(i), often, settings))
        progress(count + i + 1, 2 * count)
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


def what_moves_there(
    found: CoarseMasks,
    settings: MovingMaskSettings,
    frame: int,
    mask: np.ndarray | None,
    before: tuple[int, np.ndarray] | None,
) -> np.ndarray | None:
    """(h, w) bool: what moves in a frame where a mask (h, w) bool was carried to, or drawn; None where that is something else.

    A piece that moves belongs to it where enough of it lies in the mask. All of them together must be of about its size, so a
    mask that lost a limb on the way gets it back, and one of a thing that stands stays as it is. Of what is drawn, which may be
    a box around a slender figure, they must fill some part, and no more than that is taken. before: the frame that the mask was
    carried from, and where the subject is there. If it moves in that frame, and not where the mask came to lie (None: nowhere), it is
    looked for around where it was: flow may follow the background in place of a small or fast subject.
    """
    if before is None:
        assert mask is not None
        own = _pieces_within(found, frame, mask, settings) & mask
        return own if own.sum() > settings.filled * mask.sum() else None
    if mask is not None and (own := _of_its_size(found, frame, mask, mask, settings)) is not None:
        return own
    earlier, was = before
    if not was.any() or _moving(found, earlier, was.shape)[was].mean() < settings.within:
        return None
    around = dilated(was, max(1, round(settings.reach * float(np.sqrt(was.sum())))))
    return _of_its_size(found, frame, around, was, settings)


def _of_its_size(
    found: CoarseMasks, frame: int, mask: np.ndarray, subject: np.ndarray, settings: MovingMaskSettings
) -> np.ndarray | None:
    """The pieces (h, w) bool that belong to a mask (h, w) bool, if they are about as large as the subject (h, w) bool."""
    own = _pieces_within(found, frame, mask, settings)
    share = own.sum() / max(1, subject.sum())
    return own if 1.0 / settings.size < share < settings.size else None


def _pieces_within(
    found: CoarseMasks, frame: int, mask: np.ndarray, settings: MovingMaskSettings
) -> np.ndarray:
    """(h, w) bool: the pieces that move of which enough lies in a mask (h, w) bool."""
    label, count = ndimage.label(_moving(found, frame, mask.shape))
    if not count:
        return np.zeros(mask.shape, bool)
    within = np.asarray(ndimage.mean(mask, label, np.arange(1, count + 1)))
    return np.concatenate(([False], within > settings.within))[label]


def _moving(found: CoarseMasks, frame: int, shape: tuple[int, ...]) -> np.ndarray:
    """What moves in a frame, (h, w) bool of this shape."""
    return cv2.resize(found.probability[frame], shape[::-1], interpolation=cv2.INTER_LINEAR) > 127


def _unlike_others(times: Times, picture: np.ndarray, frame: int, settings: Settings) -> np.ndarray:
    """(h, w) log odds that a picture (h, w, 3) uint8 is not what most other times show there; 0 where they tell nothing."""
    height, width = picture.shape[:2]
    own = settings.moving_masks
    others = _spread(times, frame, (width, height), own)
    if not others:
        return np.zeros((height, width), np.float32)
    colour, apart, seen = times.bring(frame, others, (slice(0, height), slice(0, width))).middle()
    behind = Behind(colour, apart, seen >= min(own.least_seen, len(others)))
    return difference_odds(picture, behind, settings.outline, settings.shadow_colour, by_texture=True)


def _learnt(
    picture: Callable[[int], np.ndarray], odds: Callable[[int], np.ndarray], count: int, settings: Settings
) -> tuple[np.ndarray, np.ndarray] | None:
    """How often what moves and what does not have each colour, of frames spread over time, as `learn_colours` tells it."""
    taught = range(0, count, -(-count // settings.outline.taught_frames))
    votes = [1.0 / (1.0 + np.exp(-odds(i))) for i in taught]
    return learn_colours([picture(i) for i in taught], votes, settings.colours, settings.moving_masks.sure)


def _drawn(
    picture: np.ndarray,
    odds: np.ndarray,
    known: np.ndarray,
    often: tuple[np.ndarray, np.ndarray] | None,
    settings: Settings,
) -> np.ndarray:
    """(h, w) bool: the pieces of a picture (h, w, 3) uint8 that move by their log odds (h, w), cut out along its edges.

    known: (h, w) log odds that colours nearby are learnt by.
    """
    own = settings.moving_masks
    if not (odds > 0).any():
        return np.zeros(odds.shape, bool)
    told = odds
    if often is not None:
        sure = float(np.log(own.sure / (1.0 - own.sure)))
        colour = nearby_log_odds(picture, known > sure, known < -sure, often, settings.colours)
        told = odds + np.clip(colour, -own.colours, own.colours)
    edges = replace(settings.edges, smoothness=own.smoothness)
    return _pieces(cut(picture, told, KnownDepth(np.zeros(odds.shape), 0.0), edges), own)


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
