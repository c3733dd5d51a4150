"""Whether a subject moves that a camera travels around, told by its points before anything is solved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from surface_sos_core.cameras.epipolar import share_off
from surface_sos_core.moving.registration import follow
from surface_sos_core.settings import RegisterSettings, SubjectMotionSettings


def share_that_moves(
    grey: Callable[[int], np.ndarray],
    held_out: Callable[[int], np.ndarray],
    inside: Callable[[int], np.ndarray],
    known: Sequence[int],
    settings: SubjectMotionSettings,
    register: RegisterSettings,
) -> float | None:
    """How many of the subject's points are where no point of a thing that stands can be; None where too little tells.

    grey(i): (h, w) uint8; held_out(i), inside(i): (h, w) bool, where the subject may be and where it is, of the `known` frames.
    In pairs of frames the background's corners give the epipolar geometry, x'^T F x = 0, which holds for all that stands,
    whatever its depth; a subject that moves along with the camera's own path is not told. The median of the pairs, at the
    distance in time at which that is largest.
    """

    def looked_at(i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return grey(i), held_out(i), inside(i)

    frames, shares, apart = set(known), [], 1
    while apart <= settings.farthest:
        pairs = [(i, i + apart) for i in known if i + apart in frames]
        pairs = pairs[:: max(1, -(-len(pairs) // settings.pairs))]
        told = [_share(*looked_at(i), *looked_at(j), settings, register) for i, j in pairs]
        heard = [share for share in told if share is not None]
        if len(heard) >= max(settings.least_pairs, len(pairs) / 2):
            shares.append(float(np.median(heard)))
        apart *= 2
    return max(shares, default=None)


def _share(
    one: np.ndarray,
    held_out: np.ndarray,
    inside: np.ndarray,
    other: np.ndarray,
    other_held_out: np.ndarray,
    other_inside: np.ndarray,
    settings: SubjectMotionSettings,
    register: RegisterSettings,
) -> float | None:
    """The same from one pair of pictures; None where the background's corners are few, or do not agree."""
    around = follow(one, other, held_out, other_held_out, register)
    subject = follow(one, other, ~inside, ~other_inside, register)
    if len(around.corners) < settings.least_around or len(subject.corners) < settings.least_subject:
        return None
    edge = max(one.shape)
    return share_off(
        (around.corners, around.found),
        (subject.corners, subject.found),
        settings.fits * edge,
        settings.off * edge,
        settings.least_fitting,
    )
