"""How often the object and all else have each colour, and what a pixel's colour tells by that."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

_BINS = 24  # of each of L, a, b
COLOURS = _BINS**3
_MOST = 3.0  # log odds: how much a colour can tell
# Object and rest differ so much, as a total variation, where colours are trusted; where less, they are steeply less.
_TELLING = 0.8


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
    smooth = ndimage.gaussian_filter(counts.reshape((_BINS,) * 3).astype(np.float64), 0.8, mode="nearest")
    return smooth.ravel() / smooth.sum()
