"""What two pictures of one world cannot show: points off their epipolar lines."""

from __future__ import annotations

import cv2
import numpy as np

_CERTAIN = 0.999  # with which MAGSAC looks for an epipolar geometry ..
_TRIES = 5000  # .. in at most so many tries
_LEAST = 8  # points that tell one
_STILL = 0.2  # of `fits`: a background that moves by less does not move


def share_off(
    around: tuple[np.ndarray, np.ndarray],
    subject: tuple[np.ndarray, np.ndarray],
    fits: float,
    off: float,
    least_fitting: float,
) -> float | None:
    """How many of a subject's points are where no point of a thing that stands in the background's world can be.

    around, subject: places (N, 2) in one picture and in another, of the background and of the subject, in pixels. The
    background's give the epipolar geometry, x'^T F x = 0, which holds for all that stands, whatever its depth. fits: pixels by
    which those that stand miss at most; off: by which those that do not miss at least. Where the background lies where it lay,
    everything tells that does not. None where less than least_fitting of the background agrees.
    """
    if len(around[0]) < _LEAST:
        return None
    still = np.linalg.norm(around[1] - around[0], axis=1) < _STILL * fits
    if still.mean() >= least_fitting:
        return float((np.linalg.norm(subject[1] - subject[0], axis=1) > off).mean())
    try:
        epipolar, _ = cv2.findFundamentalMat(*around, cv2.USAC_MAGSAC, fits, _CERTAIN, _TRIES)
    except cv2.error:  # it asserts where no geometry is found
        return None
    if epipolar is None or epipolar.shape != (3, 3):
        return None
    if (sampson_distance(epipolar, *around) < fits).mean() < least_fitting:
        return None
    return float((sampson_distance(epipolar, *subject) > off).mean())


def sampson_distance(epipolar: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) by how much places (N, 2) of two pictures miss x'^T F x = 0, to first order, in their unit.

    |x'^T F x| / sqrt((F x)_1^2 + (F x)_2^2 + (F^T x')_1^2 + (F^T x')_2^2) (Hartley and Zisserman 2003, Eq. 11.9, its root).
    """
    x, y = (np.column_stack((places, np.ones(len(places)))) for places in (one, other))
    lines, back = x @ epipolar.T, y @ epipolar
    norm = np.sqrt((lines[:, :2] ** 2).sum(axis=1) + (back[:, :2] ** 2).sum(axis=1))
    return np.asarray(np.abs((y * lines).sum(axis=1)) / np.maximum(norm, 1e-12))
