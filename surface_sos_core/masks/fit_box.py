"""The scene box around what the masks agree on, where none is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.errors import InputError
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.hull_votes import best_share, count_votes
from surface_sos_core.masks.pieces import object_pieces
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ConsensusSettings, ThinPartSettings
from surface_sos_core.shapes import disc

_STEPS = 20  # of least squares that are weighted again
_NEAR = 0.2  # of the median angle: rays that pass nearer count alike


def fit_box(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    usable: np.ndarray,
    settings: ConsensusSettings,
    thin_parts: ThinPartSettings,
) -> Box:
    """The smallest box around what the masks agree on, with a margin; usable: (frames,) bool, those with mask and camera.

    Starts where the rays through the masks' centroids meet, as wide as the masks say, and follows the hull of a coarse
    grid: growing where the hull touches a side, shrinking where it leaves room.
    """
    voters = evenly(np.flatnonzero(usable), min(settings.views, settings.box_views))
    box = _first_box(masks, cameras, voters, settings)
    masks = replace(masks, probability=_thickened(masks.probability, voters, settings.box_cells))
    trust = np.full((len(cameras), 1, 1), 255, dtype=np.uint8)
    weights = np.ones(len(cameras))
    size = settings.box_cells
    for _ in range(settings.box_rounds):
        region = np.ones((size,) * 3, dtype=bool)
        share = count_votes(masks, cameras, voters, weights, trust, box, region, settings)
        border = best_share(share, masks, cameras, voters, box, settings)
        # Thin parts, on which wobbly masks hardly agree, must fit in as well.
        hull = object_pieces(
            share > settings.box_share * border,
            masks.probability, trust, cameras, voters, box, thin_parts, settings.least_piece,
        )  # fmt: skip
        low, high = _reach(hull)
        tight = (low > -settings.box_touch) & (high < settings.box_touch)
        margin = np.where(tight, settings.box_margin, settings.box_growth) * (high - low) / 2 + 1.0 / size
        fitted = _between(low - margin, high + margin, box)
        done = bool(tight.all()) and np.allclose(fitted.half, box.half, rtol=settings.box_settled)
        box = fitted
        if done:
            break
    return box


def box_around(hull: np.ndarray, box: Box, settings: ConsensusSettings) -> Box:
    """The smallest box, turned like `box`, around a hull (R, R, R) bool over the whole of it, with a margin."""
    low, high = _reach(hull)
    margin = settings.box_margin * (high - low) / 2 + 2.0 / hull.shape[0]
    return _between(low - margin, high + margin, box)


def _reach(hull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both corners (3,) of what a hull (R, R, R) bool fills of its box, whose own are at -1 and 1."""
    cells, size = np.argwhere(hull), hull.shape[0]
    return cells.min(axis=0) / size * 2 - 1, (cells.max(axis=0) + 1) / size * 2 - 1


def _between(low: np.ndarray, high: np.ndarray, box: Box) -> Box:
    """The box from one corner (3,) to the other, told as in `box`, whose own are at -1 and 1."""
    return box.between(low * box.half, high * box.half)


def _thickened(probability: np.ndarray, voters: np.ndarray, cells: int) -> np.ndarray:
    """Masks (n, h, w) grown by half a cell of a grid of so many a side, whose centres would miss thin parts."""
    widths = [np.ptp(np.nonzero(probability[i] > 127), axis=1).max() for i in voters]
    radius = round(0.5 * float(np.median(widths)) / cells)
    kernel = disc(radius)
    # Room that is not used takes no memory, unlike with zeros_like.
    grown = np.zeros(probability.shape, np.uint8)
    for i in voters:
        grown[i] = cv2.dilate(probability[i], kernel)
    return grown


def _first_box(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    settings: ConsensusSettings,
) -> Box:
    """A cube, `box_first` times what the masks reach, where the rays through the masks' centroids come closest (iteratively reweighted least squares)."""
    origins, directions, spreads, focals = [], [], [], []
    width = masks.probability.shape[2]
    for i in voters:
        camera = cameras[i]
        assert camera is not None
        rows, columns = np.nonzero(masks.probability[i] > 127)
        if len(rows) == 0:
            continue
        scale = camera.lens.width / width
        centre = np.array([[(columns.mean() + 0.5) * scale, (rows.mean() + 0.5) * scale]])
        origin, direction = camera.rays(centre)
        origins.append(origin)
        directions.append(direction[0])
        distance = np.hypot(columns - columns.mean(), rows - rows.mean()) * scale
        spreads.append(np.quantile(distance, settings.box_reach))
        focals.append(camera.lens.focal)
    if len(origins) < 2:
        raise InputError(
            "The masks show no pixel brighter than half in two or more frames; white must be the object."
        )
    point = _nearest_point(np.array(origins), np.array(directions))
    depths = np.array([(point - o) @ d / (d @ d) for o, d in zip(origins, directions, strict=True)])
    if np.median(depths) <= 0:
        raise InputError("The masks' rays meet behind the cameras; masks and cameras do not belong together.")
    half = float(np.median(np.array(spreads) * depths / np.array(focals))) * settings.box_first
    return Box(point, np.full(3, half), np.eye(3))


def _nearest_point(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The point (3,) with the least summed distance to rays (n, 3), robust to some that point elsewhere."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    weights = np.ones(len(unit))
    point = np.zeros(3)
    for _ in range(_STEPS):
        projectors = np.eye(3) - unit[:, :, None] * unit[:, None, :]
        a = (weights[:, None, None] * projectors).sum(axis=0)
        b = (weights[:, None, None] * (projectors @ origins[:, :, None])).sum(axis=0)[:, 0]
        point = np.linalg.lstsq(a, b, rcond=None)[0]
        away = np.linalg.norm((projectors @ (point - origins)[:, :, None])[:, :, 0], axis=1)
        angle = away / np.maximum(np.linalg.norm(point - origins, axis=1), 1e-12)
        weights = 1.0 / np.maximum(angle, _NEAR * np.median(angle) + 1e-9)
    return point
