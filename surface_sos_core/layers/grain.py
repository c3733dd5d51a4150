"""Grain: what was filled gets as much noise as the plate around it has, so that the hole does not show when one plays it."""

from __future__ import annotations

import cv2
import numpy as np

from surface_sos_core.settings import GrainSettings
from surface_sos_core.shapes import dilated

_FILTER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0
"""Leaves nothing of planes and edges along an axis, and white noise as strong as it is (Immerkaer, "Fast noise variance
estimation", CVIU 1996)."""


def with_grain(
    picture: np.ndarray, plate: np.ndarray, filled: np.ndarray, settings: GrainSettings, seed: int
) -> np.ndarray:
    """The picture (H, W, 3), display values, with noise where it is `filled` (H, W) bool: what it has less there than the plate
    (H, W, 3) has nearby, in each channel, at each brightness. The same seed gives the same."""
    around = dilated(filled, settings.reach) & ~filled
    levels = (np.arange(settings.levels) + 0.5) / settings.levels
    expected = noise_levels(plate, around, settings)
    missing = np.maximum(expected**2 - noise_levels(picture, filled, settings) ** 2, 0.0) ** 0.5
    noise = np.random.default_rng(seed).standard_normal((int(filled.sum()), 3))
    out, values = picture.copy(), picture[filled]
    for c in range(3):
        out[filled, c] += noise[:, c] * np.interp(values[:, c], levels, missing[:, c])
    return out


def noise_levels(picture: np.ndarray, region: np.ndarray, settings: GrainSettings) -> np.ndarray:
    """Standard deviation (levels, 3) of the noise in a region (H, W) bool of a picture (H, W, 3), for even levels of brightness
    from 0 to 1 and each channel: that of the plainest places, since texture is no noise.

    A brightness that is not there has that of the next one; 0 where there is none at all.
    """
    window = (settings.window, settings.window)
    whole = cv2.erode(region.astype(np.uint8), np.ones(window), borderValue=0) > 0
    found = np.full((settings.levels, 3), np.nan)
    for c in range(3):
        channel = picture[..., c].astype(np.float32)
        power = cv2.blur(cv2.filter2D(channel, -1, _FILTER) ** 2, window)[whole]
        level = np.clip(cv2.blur(channel, window)[whole] * settings.levels, 0, settings.levels - 1)
        for n in range(settings.levels):
            here = power[level.astype(int) == n]
            if len(here) >= settings.fewest:
                found[n, c] = np.sqrt(np.quantile(here, settings.plainest))
        told = np.flatnonzero(np.isfinite(found[:, c]))
        at = np.arange(settings.levels)
        found[:, c] = np.interp(at, told, found[told, c]) if len(told) else 0.0
    return found
