"""Masks of what moves against the world that all frames share, where nobody said what the subject is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from surface_sos_core.moving.outline import Behind, difference_odds, in_shadow, learn_colours, touching
from surface_sos_core.moving.own_motion import motion_odds
from surface_sos_core.moving.registration import grown, register
from surface_sos_core.moving.votes import NeighbourFlows, voted_of
from surface_sos_core.settings import MovingMaskSettings, Settings
from surface_sos_core.shapes import disc
from surface_sos_core.stereo.known_depth import KnownDepth

_RARE = 0.02  # votes that all agree may be wrong


def moving_masks(footage: Footage, settings: Settings, progress: Callable[[int, int], None]) -> CoarseMasks:
    """What moves by itself in each frame, or is not what most other times show there, along the frame's edges.

    What was found is then held out, so that the rest tells how the background moves and looks, and is looked for again: it
    grows by all that tells for it, and the last time what the background explains is taken off. progress gets (done, total)
    steps. Raises InputError where nothing moves, or everything does.
    """
    own = settings.moving_masks
    size = reduced_size(footage, settings.moving.image_edge)
    count = len(footage.frames)
    pictures = FrameStack((count, size[1], size[0], 3))
    for i in range(count):
        pictures[i] = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, count * (2 + 2 * own.rounds + min(1, own.rounds)))

    finder = Finder(pictures.__getitem__, count, size, settings, step)
    masks = _checked(finder.first(), own)
    if own.rounds:
        flows = NeighbourFlows(pictures.__getitem__, count, settings.time_votes, settings.dense_flow, step)
        for left in reversed(range(own.rounds)):
            masks = _checked(finder.again(voted_of(flows, masks), last=left == 0), own)
    out = CoarseMasks.unknown(count, size)
    for i, mask in enumerate(masks):
        out.put(i, mask)
    return out


def _checked(masks: list[np.ndarray], settings: MovingMaskSettings) -> list[np.ndarray]:
    """The same masks (h, w) bool; InputError where they are of nothing, or of everything."""
    shown = [mask.mean() for mask in masks if mask.any()]
    if len(shown) < max(1, settings.least_shown * len(masks)):
        raise InputError(
            "Nothing in the footage moves against its background for long enough to be found; draw a box around the "
            "subject on one frame and give it as --masks box:FILE."
        )
    if np.median(shown) > settings.most_moving:
        raise InputError(
            "Everything in the footage moves, so there is no background to tell the subject from; give masks of some "
            "frames, or a box as --masks box:FILE."
        )
    return masks


class Finder:
    """Looks for what moves in a shot: by its own motion, by what other times show, and where that is but in shadow."""

    def __init__(
        self,
        picture: Callable[[int], np.ndarray],
        count: int,
        size: tuple[int, int],
        settings: Settings,
        step: Callable[[], None],
    ) -> None:
        """picture(i): (h, w, 3) uint8 of `count` frames, of this width and height; step is called for each frame that is done."""
        self._picture, self._count, self._shape = picture, count, size[::-1]
        self._settings, self._step = settings, step
        self._moves, self._unlike = TemporaryValues(count, size), TemporaryValues(count, size)
        self._shadow = FrameStack((count, *self._shape))

    def first(self) -> list[np.ndarray]:
        """(h, w) bool of each frame: what moves, or is unlike most other times."""
        nothing = np.zeros(self._shape, bool)
        self._look(lambda i: nothing)
        # What other times explain may still be the subject, where that has the background's colours.
        return self._drawn(lambda i: nothing, 1.0, 1.0, 0.0)

    def again(self, votes: Sequence[np.ndarray], last: bool) -> list[np.ndarray]:
        """The same, with what was found held out, by its neighbours' votes (h, w); last: what the background explains is taken
        off."""
        own, moving = self._settings.moving_masks, self._settings.moving
        self._look([grown(vote > moving.maybe, moving.grow) for vote in votes].__getitem__)
        weights = (own.last_motion, own.last_difference, -np.inf) if last else (1.0, 1.0, 0.0)
        return self._drawn(self._prior(votes, last), *weights)

    def unexplained(self, votes: Sequence[np.ndarray], times: Times, last: bool) -> list[np.ndarray]:
        """The same where the background's depth is known, in place of how it moves: what other times leave unexplained, in pieces
        that touch what is voted for."""
        self._compare(times)
        weight = self._settings.moving_masks.last_difference
        masks = self._drawn(self._prior(votes, last), 0.0, weight, -np.inf)
        own = [touching(mask, vote > 0.5) for mask, vote in zip(masks, votes, strict=True)]
        return [mask if mask.any() else vote > 0.5 for mask, vote in zip(own, votes, strict=True)]

    def _prior(self, votes: Sequence[np.ndarray], last: bool) -> Callable[[int], np.ndarray]:
        """(h, w) log odds of each frame by votes (h, w), which tell against nothing but the last time."""
        most = self._settings.moving_masks.votes

        def odds(i: int) -> np.ndarray:
            told = np.log((votes[i] + _RARE) / (1.0 + _RARE - votes[i]))
            return told.clip(-most if last else 0.0, most)

        return odds

    def _look(self, held_out: Callable[[int], np.ndarray]) -> None:
        """Look at how all frames move and what they show, held_out(i) (h, w) bool left out of the background."""

        def grey(i: int) -> np.ndarray:
            return cv2.cvtColor(self._picture(i), cv2.COLOR_RGB2GRAY)

        registration = register(grey, held_out, self._count, self._settings.register)
        for i in range(self._count):
            self._moves[i] = motion_odds(grey, registration, self._count, i, self._settings.own_motion)
        self._compare(
            Times(
                lambda i: self._picture(i).astype(np.float32) / 255.0,
                held_out,
                registration,
                self._count,
                self._settings,
                flowing=False,
            )
        )

    def _compare(self, times: Times) -> None:
        """Compare all frames with what other times show there."""
        own = self._settings
        for i in range(self._count):
            behind = _other_times(times, i, self._shape, own.moving_masks)
            self._unlike[i] = difference_odds(
                self._picture(i), behind, own.outline, own.shadow_colour, by_texture=True
            )
            self._shadow[i] = in_shadow(self._picture(i), behind, own.outline, own.shadow_colour)
            self._step()

    def _drawn(
        self, prior: Callable[[int], np.ndarray], motion: float, difference: float, least: float
    ) -> list[np.ndarray]:
        """(h, w) bool of each frame: what prior(i) (h, w) log odds, motion and the difference from other times, weighed so, tell
        for, along its edges. What of the difference is below `least` is told by colours alone, which are learnt by all of it."""
        own = self._settings.moving_masks

        def odds(i: int, least: float) -> np.ndarray:
            told = prior(i) + motion * self._moves[i] + difference * np.maximum(self._unlike[i], least)
            return np.where(self._shadow[i] > 0, np.minimum(told, 0.0) - own.shadow, told)

        often = _learnt(self._picture, lambda i: odds(i, -np.inf), self._count, self._settings)
        masks = []
        for i in range(self._count):
            masks.append(_cut_out(self._picture(i), odds(i, least), odds(i, -np.inf), often, self._settings))
            self._step()
        return masks


def _other_times(times: Times, frame: int, shape: tuple[int, int], settings: MovingMaskSettings) -> Behind:
    """What most other times show in a frame of this shape (h, w)."""
    others = _spread(times, frame, shape[::-1], settings)
    if not others:
        return Behind(np.zeros((*shape, 3)), np.zeros(shape), np.zeros(shape, bool))
    colour, apart, seen = times.bring(frame, others, (slice(0, shape[0]), slice(0, shape[1]))).middle()
    return Behind(colour, apart, seen >= min(settings.least_seen, len(others)))


def _learnt(
    picture: Callable[[int], np.ndarray], odds: Callable[[int], np.ndarray], count: int, settings: Settings
) -> tuple[np.ndarray, np.ndarray] | None:
    """How often what moves and what does not have each colour, of frames spread over time, as `learn_colours` tells it."""
    taught = range(0, count, -(-count // settings.outline.taught_frames))
    votes = [1.0 / (1.0 + np.exp(-odds(i))) for i in taught]
    return learn_colours([picture(i) for i in taught], votes, settings.colours, settings.moving_masks.sure)


def _cut_out(
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
