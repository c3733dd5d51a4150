"""Whether masks were drawn on upright frames while the frames' pixels are stored turned (see footage/orientation.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage.orientation import stored, upright

_EDGE = 256  # pixels of the longer edge at which masks are laid over their frames
_FRAMES = 16  # that are looked at
_BAND = 0.06  # of the longer edge: how far from the outline colours are compared
_SURE = 3.0  # standard errors by which colours have to speak for one way
_ASPECT = 0.01


def brought_back(mask: np.ndarray, mask_turn: int, frame_turn: int) -> np.ndarray:
    """The mask (h, w, ..), which is right once both it and its frame stand upright, as its frame's pixels are stored."""
    return stored(upright(mask, mask_turn), frame_turn)


def drawn_upright(
    turns: Sequence[tuple[int, int]],
    sizes: Sequence[tuple[int, int]],
    frame_size: tuple[int, int],
    look: Callable[[int], tuple[np.ndarray, np.ndarray]],
    where: str,
) -> bool:
    """Whether masks have to be brought back.

    turns: EXIF orientations of each mask and of its frame; sizes: (w, h) of each mask; frame_size: as stored. Where sizes do
    not tell, `look(i)` gives mask i (h, w) in [0, 1] and its frame (H, W, 3) uint8, and colours tell: those on either
    side of an outline differ, as much as it fits.
    Raises InputError where they do not tell either.
    """
    differing = [i for i, (mask, frame) in enumerate(turns) if mask != frame]
    if not differing:
        return False
    as_stored = all(_same_shape(sizes[i], frame_size) for i in differing)
    turned = all(_same_shape(_turned_size(sizes[i], *turns[i]), frame_size) for i in differing)
    if as_stored != turned:
        return turned
    step = max(1, len(differing) // _FRAMES)
    gains = list(_gains(differing[::step], turns, look))
    mean = float(np.mean(gains)) if gains else 0.0
    error = float(np.std(gains, ddof=1)) / len(gains) ** 0.5 if len(gains) > 2 else np.inf
    if not abs(mean) > _SURE * error:
        mask, frame = turns[differing[0]]
        raise InputError(
            f"The frames are to be turned by their EXIF orientation ({frame}) and the masks in {where} by another ({mask}), and "
            "the colours along their outlines do not tell whether they were drawn on turned frames: write frames and masks anew without "
            "orientation, as they are seen."
        )
    return mean > 0


def _gains(
    chosen: Iterable[int],
    turns: Sequence[tuple[int, int]],
    look: Callable[[int], tuple[np.ndarray, np.ndarray]],
) -> Iterable[float]:
    """How much better, as a logarithm, each outline tells colours apart once it is brought back."""
    for i in chosen:
        mask, frame = look(i)
        colours = _colours(frame)
        as_is = _told_by(mask, colours)
        back = _told_by(brought_back(mask, *turns[i]), colours)
        if as_is > 0 and back > 0:
            yield float(np.log(back / as_is))


def _colours(frame: np.ndarray) -> np.ndarray:
    """(h, w) the bin of each pixel's colour, 16 steps each of L*, a* and b*."""
    scale = min(1.0, _EDGE / max(frame.shape[:2]))
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    steps = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.int64) // 16
    return steps @ np.array([256, 16, 1])


def _told_by(mask: np.ndarray, colours: np.ndarray) -> float:
    """Mutual information of side and colour along the mask's outline, in nats (Cover and Thomas, Eq. 2.28); 0 without one."""
    solid = cv2.resize(np.ascontiguousarray(mask), colours.shape[::-1], interpolation=cv2.INTER_AREA) >= 0.5
    width = 2 * max(3, int(_BAND * max(solid.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    near = cv2.dilate(solid.astype(np.uint8), kernel) != cv2.erode(solid.astype(np.uint8), kernel)
    if not near.any():
        return 0.0
    joint = (
        np.stack([np.bincount(colours[near & side], minlength=4096) for side in (solid, ~solid)]) / near.sum()
    )
    alone = joint.sum(axis=0) * joint.sum(axis=1, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / alone[seen])).sum())


def _turned_size(size: tuple[int, int], mask_turn: int, frame_turn: int) -> tuple[int, int]:
    return size[::-1] if (mask_turn >= 5) != (frame_turn >= 5) else size


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) <= _ASPECT
