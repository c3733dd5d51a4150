"""How often the object and all else have each colour, and what a pixel's colour tells by that."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

_BINS = 24  # of each of L, a, b
COLOURS = _BINS**3
_SMOOTH = 0.8  # bins, as a standard deviation
_FINER = 3  # times as many bins of a and of b for what is told nearby, where a hardly different tint may be another thing
_SMOOTH_NEARBY = np.array((0.8, 0.6, 0.6))  # bins of L, and of these a and b
_ALIKE = 2.5  # standard deviations: as far apart bins still count for each other
_MOST = 3.0  # log odds: how much a colour can tell
# Object and rest differ so much, as a total variation, where colours are trusted; where less, they are steeply less.
_TELLING = 0.8
_WINDOW = 0.12  # of the picture's longer edge, as a standard deviation: how far away pixels tell of a colour's meaning here
_SEEN = 5  # pixels of a colour seen nearby that say as much of it as all others in general
_GENERAL = 50  # pixels that what is told of the colour in general counts for beside them


def colours_of(rgb: np.ndarray) -> np.ndarray:
    """(h, w) the number of each pixel's colour, below COLOURS, of rgb (h, w, 3) uint8."""
    return np.ravel_multi_index(tuple(np.moveaxis(_bins(rgb, 1), 2, 0)), (_BINS,) * 3)


def _bins(rgb: np.ndarray, finer: int) -> np.ndarray:
    """(h, w, 3) the bins of L, a and b, those of a and b `finer` times as fine, of rgb (h, w, 3) uint8."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # a and b hardly ever leave the inner half of their range
    scaled = lab * (_BINS / 100, *(finer * _BINS / 128,) * 2) + (0, *(finer * _BINS / 2,) * 2)
    return np.clip(scaled.astype(np.int32), 0, (_BINS - 1, *(finer * _BINS - 1,) * 2))


def frequencies(colours: np.ndarray) -> np.ndarray | None:
    """(COLOURS,) how often each of some pixels' colours occurs, smoothed, in sum 1; None where there is no pixel."""
    return _smooth(_count(colours))


class LearntColours:
    """How often colours are seen in the object and outside of it, over frames."""

    def __init__(self) -> None:
        self._inside, self._outside = np.zeros((2, COLOURS), np.int64)

    def add(self, colours: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> None:
        """Colours (h, w) of a frame, and where it surely shows the object and surely does not, (h, w) bool."""
        self._inside += _count(colours[inside])
        self._outside += _count(colours[outside])

    def frequencies(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Of the object and of all else, (COLOURS,) each; None where one of them was never seen."""
        inside, outside = _smooth(self._inside), _smooth(self._outside)
        return None if inside is None or outside is None else (inside, outside)


def log_odds(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """(COLOURS,) how much each tells for the object, by the frequencies in it and outside of it."""
    return np.clip(np.log((inside + 1e-5) / (outside + 1e-5)), -_MOST, _MOST)


def nearby_log_odds(
    rgb: np.ndarray, inside: np.ndarray, outside: np.ndarray, often: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(h, w) how much each pixel's colour, of rgb (h, w, 3) uint8, tells for the object, by what is sure in a window around it.

    inside, outside: (h, w) bool, surely the object and surely not; often: the frequencies in both in general, (COLOURS,)
    each, which count where nothing near is sure. A cream post beside white fur is told from it though all frames have
    cream fur somewhere (as the local classifiers of Bai et al., "Video SnapCut", 2009, tell it).
    """
    bins = _bins(rgb, _FINER)
    shape = tuple(bins.max(axis=(0, 1)) + 1)
    used, number = np.unique(np.ravel_multi_index(tuple(np.moveaxis(bins, 2, 0)), shape), return_inverse=True)
    number = number.reshape(inside.shape)
    places = np.stack(np.unravel_index(used, shape), axis=1)
    alike = _alike(places)
    general = np.ravel_multi_index(tuple((places // (1, _FINER, _FINER)).T), (_BINS,) * 3)
    seen, shares = np.zeros(1), []
    for sure, frequency in zip((inside, outside), often, strict=True):
        cell, near = _in_windows(sure, number, len(used))
        pixels = near.sum(axis=1, keepdims=True)
        near = (alike @ near.T).T
        seen = seen + near
        prior = frequency[general] / _FINER**2
        shares.append((near + _GENERAL * prior) / (pixels + _GENERAL))
    in_general, here = log_odds(*often)[general][number], log_odds(*shares)[cell, number]
    seen = seen[cell, number]
    return in_general + (here - in_general) * seen / (seen + _SEEN)


def _in_windows(where: np.ndarray, number: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) the cell of each pixel, and (cells, count) how many pixels of each number (h, w) there are in the window
    around a cell's middle, `where` (h, w) bool; those far from it count less."""
    height, width = number.shape
    edge = max(1.0, 0.5 * _WINDOW * max(height, width))
    down, across = np.arange(height) / edge, np.arange(width) / edge
    rows, columns = int(down[-1]) + 1, int(across[-1]) + 1
    cell = down.astype(int)[:, None] * columns + across.astype(int)
    found = np.bincount(cell[where] * count + number[where], minlength=rows * columns * count)
    near = ndimage.gaussian_filter(
        found.reshape(rows, columns, count).astype(np.float32), (2, 2, 0), mode="constant", truncate=2.5
    )
    near *= 2 * np.pi * 2**2  # pixels in the window, not their mean
    return cell, near.reshape(rows * columns, count)


def _alike(places: np.ndarray) -> sparse.csr_array:
    """(M, M) what a pixel in one of the finer bins (M, 3) counts for in another: a Gaussian, of the bins in use alone."""
    places = places / _SMOOTH_NEARBY
    near = cKDTree(places).query_pairs(_ALIKE, output_type="ndarray")
    square = np.square(places[near[:, 0]] - places[near[:, 1]]).sum(axis=1)
    count = len(places)
    pairs = sparse.csr_array((np.exp(-square / 2), tuple(near.T)), shape=(count, count))
    all_bins = (2 * np.pi) ** 1.5 * _SMOOTH_NEARBY.prod()  # the sum over them, in use or not
    return ((pairs + pairs.T + sparse.eye_array(count)) / all_bins).tocsr().astype(np.float32)


def difference(inside: np.ndarray, outside: np.ndarray) -> float:
    """How well colours tell the object from the rest at all: total variation, from 0 not to 1 entirely."""
    return 0.5 * float(np.abs(inside - outside).sum())


def trust_in_colours(told: float) -> float:
    """How far colours that differ so much are to be believed, from 0 to 1."""
    return min(1.0, told / _TELLING) ** 8


def _count(colours: np.ndarray) -> np.ndarray:
    return np.bincount(colours.ravel(), minlength=COLOURS)


def _smooth(counts: np.ndarray) -> np.ndarray | None:
    if not np.any(counts):
        return None
    smooth = ndimage.gaussian_filter(counts.reshape((_BINS,) * 3).astype(np.float64), _SMOOTH, mode="nearest")
    return smooth.ravel() / smooth.sum()
