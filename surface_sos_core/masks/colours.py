"""How often the object and all else have each colour, and what a pixel's colour tells by that."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

_BINS = 24  # of each of L, a, b
COLOURS = _BINS**3
_SMOOTH = 0.8  # bins, as a standard deviation
_MOST = 3.0  # log odds: how much a colour can tell
# Object and rest differ so much, as a total variation, where colours are trusted; where less, they are steeply less.
_TELLING = 0.8
_WINDOW = 0.12  # of the picture's longer edge, as a standard deviation: how far away pixels tell of a colour's meaning here
_SEEN = 5  # pixels of a colour seen nearby that say as much of it as all others in general
_GENERAL = 50  # pixels that what is told of the colour in general counts for beside them


def colours_of(rgb: np.ndarray) -> np.ndarray:
    """(h, w) the number of each pixel's colour, below COLOURS, of rgb (h, w, 3) uint8."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.int32)
    light = lab[..., 0] * _BINS // 256
    # a and b hardly ever leave the inner half of their range
    a, b = (np.clip((lab[..., k] - 128) * _BINS // 128 + _BINS // 2, 0, _BINS - 1) for k in (1, 2))
    return (light * _BINS + a) * _BINS + b


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
    colours: np.ndarray, inside: np.ndarray, outside: np.ndarray, often: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(h, w) how much each pixel's colour (h, w) tells for the object, by what is sure in a window around it.

    inside, outside: (h, w) bool, surely the object and surely not; often: the frequencies in both in general, (COLOURS,)
    each, which count where nothing near is sure. A cream post beside white fur is told from it though all frames have
    cream fur somewhere (as the local classifiers of Bai et al., "Video SnapCut", 2009, tell it).
    """
    height, width = colours.shape
    axes = np.array(np.unravel_index(colours, (_BINS,) * 3))
    low, high = axes.min(axis=(1, 2)), axes.max(axis=(1, 2)) + 1
    used = tuple(map(slice, low, high))
    shape = tuple(high - low)
    number = np.ravel_multi_index(tuple(axes - low[:, None, None]), shape)
    cell = max(1.0, 0.5 * _WINDOW * max(height, width))
    down, across = np.arange(height) / cell, np.arange(width) / cell
    rows, columns = int(down[-1]) + 1, int(across[-1]) + 1
    at = down.astype(int)[:, None] * columns + across.astype(int)
    count = int(np.prod(shape))
    seen, shares = np.zeros((rows * columns, count)), []
    for sure, general in zip((inside, outside), often, strict=True):
        found = np.bincount(at[sure] * count + number[sure], minlength=rows * columns * count)
        near = ndimage.gaussian_filter(
            found.reshape(rows, columns, *shape).astype(np.float32),
            (2, 2, _SMOOTH, _SMOOTH, _SMOOTH),
            mode=("constant", "constant", "nearest", "nearest", "nearest"),
            truncate=2.5,
        ).reshape(rows * columns, count)
        near *= 2 * np.pi * 2**2  # pixels in the window, not their mean
        prior = general.reshape((_BINS,) * 3)[used].ravel()
        seen += near
        shares.append((near + _GENERAL * prior) / (near.sum(axis=1, keepdims=True) + _GENERAL))
    in_general, here = log_odds(*often)[colours], log_odds(*shares)[at, number]
    seen = seen[at, number]
    return in_general + (here - in_general) * seen / (seen + _SEEN)


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
