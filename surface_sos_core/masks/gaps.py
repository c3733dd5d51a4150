"""Gaps that only a few views see: through a ring, between legs, under a handle. By the count of votes they look like lost parts.

A view that has a place in its mask does not say that the object is there: something before or behind it may be what it
sees. So two other things tell a gap in a mask from a part that the mask lost. If it is a gap, nothing but background
stands along its rays; then views from about the same side, or from the opposite one, see through as well where these rays
pass. And a gap has colours of the background, a lost part those of the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.footage import Footage
from surface_sos_core.masks.colours import LearntColours, colours_of, colours_told_apart, log_odds
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.settings import ColourSettings, GapSettings, Settings
from surface_sos_core.shapes import dilated, disc

Size = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """What views show of gaps."""

    picture: Callable[[int, Size], np.ndarray]
    """Gives (h, w, 3) uint8, a frame in display values at a size (w, h)."""
    settings: GapSettings
    colours: ColourSettings


def look_of(footage: Footage, settings: Settings) -> Look | None:
    """What a shot's frames show of gaps; None where these are not to be looked for."""
    return Look(footage.read_small, settings.gaps, settings.colours) if settings.gaps.find else None


@dataclass(frozen=True)
class _View:
    """What a view shows of a hull, (h, w) each: the hull and the mask, bool, and how much colours tell for the object."""

    camera: Camera
    hull: np.ndarray
    mask: np.ndarray
    trusted: np.ndarray
    told: np.ndarray

    def uncovered(self, hull: np.ndarray, box: Box) -> np.ndarray:
        """(h, w) bool, what another hull (R, R, R) bool leaves free of this one."""
        return self.hull & ~_projected(hull, box, self.camera, self.hull.shape)

    def places(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the places (N, 3) are in the picture, by number, and at which pixel each, counted row by row."""
        pixels, _ = self.camera.project(world)
        seen, (row, column) = picture_pixels(self.camera, pixels, self.hull.shape)
        return np.flatnonzero(seen), row * self.hull.shape[1] + column


def open_gaps(
    hull: np.ndarray,
    probability: np.ndarray,
    trust: np.ndarray,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    box: Box,
    look: Look,
) -> tuple[np.ndarray, np.ndarray]:
    """(R, R, R) bool, a hull without the gaps that masks show; and the trust in masks, which is full in gaps.

    hull: (R, R, R) bool over the whole box. probability: (frames, h, w) uint8; trust: the same at the size that masks are
    looked at; voters: the frames that are asked.
    """
    cells = np.argwhere(hull)
    world = box.cells_to_world(cells, hull.shape[0])
    views = _views(hull, probability, trust, cameras, voters, box, look)
    centres = np.array([view.camera.centre for view in views])
    trust = trust.copy()
    through, beside = np.zeros((2, len(cells)))
    for n, (i, view) in enumerate(zip(voters, views, strict=True)):
        candidates = list(_candidates(view, look.settings))
        if not candidates:
            continue
        seen, pixel = view.places(world)
        gaps = np.zeros(view.hull.shape, bool)
        for gap in candidates:
            told, cut = float(view.told[gap].mean()), seen[gap.ravel()[pixel]]
            if told > look.settings.told or len(cut) == 0:
                continue
            near = _nearest(centres - world[cut].mean(axis=0), n, look.settings)
            if _is_gap(gap, told, _without(hull, cells[cut]), [views[k] for k in near], box, look.settings):
                gaps |= gap
        if gaps.any():
            around = dilated(gaps, look.settings.width)
            trust[i][around] = 255
            through[seen[gaps.ravel()[pixel]]] += 1
            beside[seen[around.ravel()[pixel]]] += 1
    if not through.any():
        return hull, trust
    return _carved(hull, cells, world, views, through, beside, box, look.settings), trust


def _views(
    hull: np.ndarray,
    probability: np.ndarray,
    trust: np.ndarray,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    box: Box,
    look: Look,
) -> list[_View]:
    """What each of the voters shows, at the size of `trust`."""
    height, width = trust.shape[1:]
    learnt, rim = LearntColours(look.colours), look.settings.width
    shown, colours = [], []
    for i in voters:
        camera = cameras[i]
        assert camera is not None
        mask = cv2.resize(probability[i], (width, height), interpolation=cv2.INTER_AREA) > 127
        covered = _projected(hull, box, camera, (height, width))
        colours.append(colours_of(look.picture(int(i), (width, height)), look.colours))
        learnt.add(colours[-1], ~dilated(~(mask & covered), rim), ~dilated(mask | covered, rim))
        shown.append((camera, covered, mask, trust[i] > 127))
    often = learnt.frequencies()
    odds = np.zeros(colours_told_apart(look.colours))
    if often is not None:
        odds = log_odds(*often, look.colours)
    return [
        _View(*seen, odds[colour].astype(np.float32)) for seen, colour in zip(shown, colours, strict=True)
    ]


def _candidates(view: _View, settings: GapSettings) -> Iterator[np.ndarray]:
    """(h, w) bool each: wide parts of the hull that the mask leaves free, those of the object's and the background's colours apart."""
    free = cv2.morphologyEx(
        (view.hull & ~view.mask).astype(np.uint8), cv2.MORPH_OPEN, disc(settings.width)
    ).astype(np.float32)
    window = (2 * settings.width + 1,) * 2
    told = cv2.blur(view.told * free, window) / np.maximum(cv2.blur(free, window), 1e-6)
    for part in (told < -settings.told, np.abs(told) <= settings.told, told > settings.told):
        wide = cv2.morphologyEx(
            ((free > 0) & part).astype(np.uint8), cv2.MORPH_OPEN, disc(settings.width - 1)
        )
        count, label = cv2.connectedComponents(wide, connectivity=4)
        for number in range(1, count):
            yield label == number


def _nearest(towards: np.ndarray, own: int, settings: GapSettings) -> np.ndarray:
    """Numbers of the views that look along nearly the same line as view `own`, from its side or the other; towards: (n, 3)
    from what they look at to the views."""
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    alike = np.abs(towards @ towards[own])
    alike[own] = -1.0
    order = np.argsort(-alike, kind="stable")[: settings.views]
    return order[alike[order] > np.cos(np.radians(settings.angle))]


def _is_gap(
    gap: np.ndarray, told: float, rest: np.ndarray, near: Sequence[_View], box: Box, settings: GapSettings
) -> bool:
    """Whether what a mask leaves free of the hull, (h, w) bool, is a gap, by its colours' log odds and by the views `near`;
    rest: the hull without what lies behind it."""
    views = through = held = 0
    for other in near:
        freed = other.uncovered(rest, box) & other.trusted
        pixels = int(freed.sum())
        if pixels < max(settings.least_pixels, settings.seen_through * gap.sum()):
            continue
        views, through, held = views + 1, through + pixels, held + int((freed & other.mask).sum())
    if told < -settings.told:
        return views < settings.sure_views or held <= settings.sure_share * through
    return views >= settings.least_views and held < settings.held_share * through


def _carved(
    hull: np.ndarray,
    cells: np.ndarray,
    world: np.ndarray,
    views: Sequence[_View],
    through: np.ndarray,
    beside: np.ndarray,
    box: Box,
    settings: GapSettings,
) -> np.ndarray:
    """(R, R, R) bool, the hull without the cells (N, 3), at the places `world` (N, 3), that lie in gaps of most views which
    have one there.

    through, beside: (N,) how many views see a cell through a gap, and how many through or close beside one. Where that bares
    what other views' masks hold, the likeliest cells of these rays come back, unless more views see through them.
    """
    share = through / np.maximum(beside, 1.0)
    open_ = np.zeros(hull.shape, bool)
    open_[tuple(cells[(through >= settings.least_through) & (share >= settings.least_share)].T)] = True
    if settings.close:  # outlines wobble, and cells that are left between gaps would close them
        open_ = ndimage.binary_closing(open_, iterations=settings.close)
    gone = open_[tuple(cells.T)] & (through > 0)
    for _ in range(settings.rounds):
        open_cells = np.flatnonzero(gone)
        rest = _without(hull, cells[open_cells])
        held = np.zeros(len(cells))
        for view in views:
            bare = view.uncovered(rest, box) & view.mask & view.trusted
            if not bare.any():
                continue
            seen, pixel = view.places(world[open_cells])
            there = bare.ravel()[pixel]
            at, ray = open_cells[seen[there]], pixel[there]
            likeliest = np.full(bare.size, np.inf)
            np.minimum.at(likeliest, ray, share[at])
            held[at[share[at] <= likeliest[ray] + settings.alike]] += 1
        back = gone & (held > 0) & (held >= through)
        if not back.any():
            break
        gone &= ~back
    return _without(hull, cells[gone])


def _without(hull: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """A hull (R, R, R) bool without some cells (N, 3)."""
    rest = hull.copy()
    rest[tuple(cells.T)] = False
    return rest


def _projected(hull: np.ndarray, box: Box, camera: Camera, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) bool, a hull (R, R, R) bool as a camera sees it."""
    height, width = shape
    return project_grid(hull.astype(np.float32), box, camera, width, height) > 0.5
