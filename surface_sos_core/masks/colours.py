"""How often the object and all else have each colour, and what a pixel's colour tells by that."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from surface_sos_core.settings import ColourSettings

_RARE = 1e-5  # frequency that every colour has at least
_CELLS = 2  # of what is told nearby, in a standard deviation of the window ..
_TRUNCATE = 2.5  # .. which ends at so many of them


def colours_of(rgb: np.ndarray, settings: ColourSettings) -> np.ndarray:
    """(h, w) the number of each pixel's colour, below `colours_told_apart`, of rgb (h, w, 3) uint8."""
    return np.ravel_multi_index(tuple(np.moveaxis(_bins(rgb, settings.bins, 1), 2, 0)), (settings.bins,) * 3)


def colours_told_apart(settings: ColourSettings) -> int:
    """How many colours there are."""
    return settings.bins**3


def _bins(rgb: np.ndarray, bins: int, finer: int) -> np.ndarray:
    """(h, w, 3) the bins, so many each, of L, a and b, those of a and b `finer` times as fine, of rgb (h, w, 3) uint8."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # a and b hardly ever leave the inner half of their range
    scaled = lab * (bins / 100, *(finer * bins / 128,) * 2) + (0, *(finer * bins / 2,) * 2)
    return np.clip(scaled.astype(np.int32), 0, (bins - 1, *(finer * bins - 1,) * 2))


def frequencies(colours: np.ndarray, settings: ColourSettings) -> np.ndarray | None:
    """(colours,) how often each of some pixels' colours occurs, smoothed, in sum 1; None where there is no pixel."""
    return _smooth(_count(colours, settings), settings)


class LearntColours:
    """How often colours are seen in the object and outside of it, over frames."""

    def __init__(self, settings: ColourSettings) -> None:
        self._settings = settings
        self._inside, self._outside = np.zeros((2, colours_told_apart(settings)), np.int64)

    def add(self, colours: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> None:
        """Colours (h, w) of a frame, and where it surely shows the object and surely does not, (h, w) bool."""
        self._inside += _count(colours[inside], self._settings)
        self._outside += _count(colours[outside], self._settings)

    def frequencies(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Of the object and of all else, (colours,) each; None where one of them was never seen."""
        inside, outside = (_smooth(seen, self._settings) for seen in (self._inside, self._outside))
        return None if inside is None or outside is None else (inside, outside)


def log_odds(inside: np.ndarray, outside: np.ndarray, settings: ColourSettings) -> np.ndarray:
    """(colours,) how much each tells for the object, by the frequencies in it and outside of it."""
    return np.clip(np.log((inside + _RARE) / (outside + _RARE)), -settings.most, settings.most)


def nearby_log_odds(
    rgb: np.ndarray,
    inside: np.ndarray,
    outside: np.ndarray,
    often: tuple[np.ndarray, np.ndarray],
    settings: ColourSettings,
) -> np.ndarray:
    """(h, w) how much each pixel's colour, of rgb (h, w, 3) uint8, tells for the object, by what is sure in a window around it.

    inside, outside: (h, w) bool, surely the object and surely not; often: the frequencies in both in general, (colours,)
    each, which count where nothing near is sure. A cream post beside white fur is told from it though all frames have
    cream fur somewhere (as the local classifiers of Bai et al., "Video SnapCut", 2009, tell it).
    """
    bins = _bins(rgb, settings.bins, settings.finer)
    shape = tuple(bins.max(axis=(0, 1)) + 1)
    used, number = np.unique(np.ravel_multi_index(tuple(np.moveaxis(bins, 2, 0)), shape), return_inverse=True)
    number = number.reshape(inside.shape)
    places = np.stack(np.unravel_index(used, shape), axis=1)
    alike = _alike(places, settings)
    finer = settings.finer
    general = np.ravel_multi_index(tuple((places // (1, finer, finer)).T), (settings.bins,) * 3)
    seen, shares = np.zeros(1), []
    for sure, frequency in zip((inside, outside), often, strict=True):
        cell, near = _in_windows(sure, number, len(used), settings.window)
        pixels = near.sum(axis=1, keepdims=True)
        near = (alike @ near.T).T
        seen = seen + near
        prior = frequency[general] / finer**2
        shares.append((near + settings.general * prior) / (pixels + settings.general))
    in_general, here = (
        log_odds(*often, settings)[general][number],
        log_odds(shares[0], shares[1], settings)[cell, number],
    )
    seen = seen[cell, number]
    return in_general + (here - in_general) * seen / (seen + settings.seen)


def _in_windows(
    where: np.ndarray, number: np.ndarray, count: int, window: float
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) the cell of each pixel, and (cells, count) how many pixels of each number (h, w) there are in the window
    around a cell's middle, `where` (h, w) bool; those far from it count less."""
    height, width = number.shape
    edge = max(1.0, window * max(height, width) / _CELLS)
    down, across = np.arange(height) / edge, np.arange(width) / edge
    rows, columns = int(down[-1]) + 1, int(across[-1]) + 1
    cell = down.astype(int)[:, None] * columns + across.astype(int)
    found = np.bincount(cell[where] * count + number[where], minlength=rows * columns * count)
    near = ndimage.gaussian_filter(
        found.reshape(rows, columns, count).astype(np.float32),
        (_CELLS, _CELLS, 0),
        mode="constant",
        truncate=_TRUNCATE,
    )
    near *= 2 * np.pi * _CELLS**2  # pixels in the window, not their mean
    return cell, near.reshape(rows * columns, count)


def _alike(places: np.ndarray, settings: ColourSettings) -> sparse.csr_array:
    """(M, M) what a pixel in one of the finer bins (M, 3) counts for in another: a Gaussian, of the bins in use alone."""
    smooth = np.array((settings.smooth_light, settings.smooth_tint, settings.smooth_tint))
    places = places / smooth
    near = cKDTree(places).query_pairs(settings.alike, output_type="ndarray")
    square = np.square(places[near[:, 0]] - places[near[:, 1]]).sum(axis=1)
    count = len(places)
    pairs = sparse.csr_array((np.exp(-square / 2), tuple(near.T)), shape=(count, count))
    all_bins = (2 * np.pi) ** 1.5 * smooth.prod()  # the sum over them, in use or not
    return ((pairs + pairs.T + sparse.eye_array(count)) / all_bins).tocsr().astype(np.float32)


def difference(inside: np.ndarray, outside: np.ndarray) -> float:
    """How well colours tell the object from the rest at all: total variation, from 0 not to 1 entirely."""
    return 0.5 * float(np.abs(inside - outside).sum())


def trust_in_colours(told: float, settings: ColourSettings) -> float:
    """How far colours that differ so much are to be believed, from 0 to 1."""
    return float(min(1.0, told / settings.telling) ** settings.steepness)


def _count(colours: np.ndarray, settings: ColourSettings) -> np.ndarray:
    return np.bincount(colours.ravel(), minlength=colours_told_apart(settings))


def _smooth(counts: np.ndarray, settings: ColourSettings) -> np.ndarray | None:
    if not np.any(counts):
        return None
    cube = counts.reshape((settings.bins,) * 3).astype(np.float64)
    smooth = ndimage.gaussian_filter(cube, settings.smooth, mode="nearest")
    return smooth.ravel() / smooth.sum()
