"""Holes of a picture filled with texture from around them.

Coarse to fine: at each size every patch of the hole looks for the patch around it that it is most like, and the hole becomes
what these agree on; so lines that run into it go on, since they are first found where the hole is a few pixels wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.layers.patch_match import search, vote
from surface_sos_core.layers.seams import spread
from surface_sos_core.settings import FillSettings


def fill_texture(
    picture: np.ndarray,
    hole: np.ndarray,
    exemplars: np.ndarray,
    settings: FillSettings,
    seed: int,
    deep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) float32 with its hole (H, W) bool made of the patches that are wholly `exemplars` (H, W) bool; what is
    neither is as unknown as what lies beyond the picture.

    deep (H, W): the logarithm of depth times the focal length in pixels, so that going as far in it and across the picture is
    as far in the world; patches from near there are preferred, which keeps walls off floors. Returns it and (H, W) bool, what is left as it was since no exemplar lies around it. The same seed fills it the same.
    """
    filled, left = picture.astype(np.float32), np.zeros_like(hole)
    rows, columns = np.indices(hole.shape, np.float32)
    where = np.stack([rows, columns, np.zeros_like(rows) if deep is None else deep], axis=-1).astype(
        np.float32
    )
    size = 2 * settings.apart + 1
    around = cv2.dilate(hole.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    labels, _ = ndimage.label(around, np.ones((3, 3)))
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        mine = hole & (labels == label)
        radius = cv2.distanceTransform(np.pad(mine[place], 1).astype(np.uint8), cv2.DIST_L2, 5).max()
        reach = settings.least_reach + round(settings.reach * float(radius))
        part = tuple(
            slice(max(0, one.start - reach), min(edge, one.stop + reach))
            for one, edge in zip(place, hole.shape, strict=True)
        )
        usable = exemplars[part] & ~hole[part]
        made = _fill_one(filled[part], mine[part], usable, where[part], settings, seed)
        if made is None:
            left |= mine
        else:
            filled[part][mine[part]] = made
    return filled, left


@dataclass(frozen=True)
class _Level:
    """The picture (h, w, 3), its hole (h, w), what is known of it (h, w), the middles (h, w) of patches that may be copied and the
    pixels' places (h, w, 3), at one size."""

    picture: np.ndarray
    hole: np.ndarray
    known: np.ndarray
    usable: np.ndarray
    where: np.ndarray


def _fill_one(
    picture: np.ndarray,
    hole: np.ndarray,
    exemplars: np.ndarray,
    where: np.ndarray,
    settings: FillSettings,
    seed: int,
) -> np.ndarray | None:
    """Colours (N, 3) of the pixels of one hole; None where there is no exemplar."""
    height, width = hole.shape
    levels = _levels(picture, hole, exemplars, where, settings.patch, settings.exemplars)
    if not levels:
        return None
    random = np.random.default_rng(seed)
    match = None
    widest = float(cv2.distanceTransform(np.pad(hole, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
    for level in reversed(levels):
        match = _refined(level, match, settings, random, widest)
    return levels[0].picture[:height, :width][hole]


def _levels(
    picture: np.ndarray, hole: np.ndarray, exemplars: np.ndarray, where: np.ndarray, radius: int, fewest: int
) -> list[_Level]:
    """The picture at its own size and ever halved, as long as its hole is wider than a patch and the `fewest` exemplars are left."""
    depth = 0
    widest = cv2.distanceTransform(np.pad(hole, 1).astype(np.uint8), cv2.DIST_L2, 5).max()
    while widest > radius * 2**depth:
        depth += 1
    block = 2**depth
    more = [(0, -edge % block) for edge in hole.shape]
    picture, where = (np.pad(one, [*more, (0, 0)], mode="edge") for one in (picture, where))
    hole, exemplars = np.pad(hole, more), np.pad(exemplars, more)
    known = exemplars
    levels: list[_Level] = []
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    for _ in range(depth + 1):
        usable = (
            cv2.erode(exemplars.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        )
        if usable.sum() < (fewest if levels else 1):
            break
        levels.append(_Level(picture.copy(), hole, known, usable, where))
        share, open_ = _halved(known.astype(np.float32)), _halved(hole.astype(np.float32))
        picture = _halved(np.where(known[..., None], picture, np.float32(0.0)))
        picture /= np.maximum(share, 1e-6)[..., None]
        hole, known = open_ > 0.5, (open_ <= 0.5) & (share > 0)
        exemplars, where = _halved(exemplars.astype(np.float32)) == 1, _halved(where)
    return levels


def _halved(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _refined(
    level: _Level,
    coarse: np.ndarray | None,
    settings: FillSettings,
    random: np.random.Generator,
    widest: float,
) -> np.ndarray:
    """Fill a level's hole where it lies, from the coarser level's matches if there is one; returns its own matches.

    widest: the radius of the hole in pixels of the finest level, which places are in as well.
    """
    radius, shape = settings.patch, level.hole.shape
    holes = np.argwhere(level.hole)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    places = np.argwhere(cv2.dilate(level.hole.astype(np.uint8), kernel))
    match = _started(coarse, level.usable, places, random)
    cost = np.zeros(shape, np.float32)
    if coarse is None:
        level.picture[level.hole] = spread(level.picture, level.known)[level.hole]
    else:
        level.picture[level.hole] = vote(level.picture, holes, match, cost, radius)
    inwards = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 5)
    present = level.hole | level.known
    trust = np.where(present, settings.fade**-inwards, 0.0).astype(np.float32)
    # A patch that is unknown in part does not cost less for it.
    share = cv2.blur(present.astype(np.float32), kernel.shape, borderType=cv2.BORDER_CONSTANT) + 1e-6
    # A large hole is searched where it is small; finer sizes only go on from that.
    large = len(places) > settings.searched
    size = (2 * radius + 1) ** 2
    near, again = size * settings.near / widest**2, size * settings.repeat
    for n in range(1 if large else settings.rounds):
        guessed = coarse is None and n == 0
        known = np.where(level.hole, np.float32(settings.guess), trust) if guessed else trust
        span, seed = (0 if large else max(shape)), int(random.integers(1 << 31))
        search(
            level.picture,
            known,
            places,
            level.usable,
            match,
            cost,
            radius,
            settings.sweeps,
            span,
            level.where,
            near,
            again,
            seed,
        )
        level.picture[level.hole] = vote(level.picture, holes, match, cost / share, radius)
    return match


def _started(
    coarse: np.ndarray | None, usable: np.ndarray, places: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Matches (H, W, 2) to begin with, -1 where none is needed: those of half the size, and random ones where these do not
    fit."""
    match = np.full((*usable.shape, 2), -1)
    rows, columns = places.T
    own = np.full((len(places), 2), -1)
    if coarse is not None:
        own = 2 * coarse[rows // 2, columns // 2] + places % 2
    fits = (own[:, 0] >= 0) & usable[own[:, 0], own[:, 1]]
    from_ = np.argwhere(usable)
    own[~fits] = from_[random.integers(len(from_), size=int((~fits).sum()))]
    match[rows, columns] = own
    return match
