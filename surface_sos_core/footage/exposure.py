"""How differently the frames are exposed, told by places that many of them see."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.arrays import read_arrays
from surface_sos_core.cameras import Camera
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.settings import ExposureSettings
from surface_sos_core.settings.footage import MOST_FACTOR

_ROUNDS = 20
_CLOSE = 1e-3  # change of a logarithm that is none
_KEPT_BYTES = 1 << 12  # of what is kept beside the numbers themselves


def exposure_gains(
    plates: np.ndarray | FrameStack,
    cameras: Sequence[Camera | None],
    points: np.ndarray,
    settings: ExposureSettings,
) -> np.ndarray:
    """(frames, 3) float32: what scene-linear red, green and blue of each frame are multiplied by so that all frames are
    exposed as the median one is.

    plates: (frames, h, w, 3) uint8 display values; points: (N, 3) sparse points in the world. The logarithm of what frame i
    shows of point j is taken as e_i + s_j, both found as medians in turn, so that what is hidden in some frames does no harm.
    """
    height, width = plates.shape[1:3]
    points = points[:: -(-len(points) // settings.most_points)] if len(points) else points
    shown = np.full((len(cameras), len(points), 3), np.nan, np.float32)
    for i, camera in enumerate(cameras):
        if camera is None or not len(points):
            continue
        pixels, depth = camera.project(points)
        with np.errstate(invalid="ignore"):
            at = pixels * (width / camera.lens.width, height / camera.lens.height)
            inside = (depth > 0) & (at >= 1).all(axis=1) & (at < (width - 1, height - 1)).all(axis=1)
        columns, rows = at[inside].astype(int).T
        linear = srgb_decode(cv2.blur(plates[i], (3, 3))[rows, columns] / 255.0)
        told = ((linear > settings.darkest) & (linear < settings.brightest)).all(axis=1)
        shown[i, np.flatnonzero(inside)[told]] = np.log(linear[told])
    enough = np.isfinite(shown[..., 0]).sum(axis=1) >= settings.least_points
    exposure = np.zeros((len(cameras), 3), np.float32)
    if enough.sum() < 2:
        return np.ones_like(exposure)
    shown = shown[enough]
    found = exposure[enough]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a point that no frame shows has no median
        for _ in range(_ROUNDS):
            surface = np.nanmedian(shown - found[:, None], axis=0)
            renewed = np.nanmedian(shown - surface, axis=1)
            renewed -= np.median(renewed, axis=0)
            change = float(np.abs(renewed - found).max())
            found = renewed
            if change < _CLOSE:
                break
    exposure[enough] = found
    return np.exp(-exposure).clip(1.0 / settings.most_factor, settings.most_factor).astype(np.float32)


def save_gains(path: Path, gains: np.ndarray) -> None:
    """Keep gains (frames, 3)."""
    with write_atomically(path) as partial, partial.open("wb") as file:
        np.savez(file, gains=gains)


def read_gains(path: Path, frames: int) -> np.ndarray:
    """What `save_gains` kept of so many frames; InputError for any other file."""
    try:
        gains = read_arrays(path, _KEPT_BYTES + 12 * frames, ("gains",))["gains"]
        if gains.shape != (frames, 3) or gains.dtype != np.float32 or not _possible(gains):
            raise ValueError(f"it is not of {frames} frames")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error}); run segment again with --resume.") from error
    return gains


def _possible(gains: np.ndarray) -> bool:
    """Whether some settings could have made them, but for rounding."""
    return bool(((gains > 0.99 / MOST_FACTOR) & (gains < 1.01 * MOST_FACTOR)).all())
