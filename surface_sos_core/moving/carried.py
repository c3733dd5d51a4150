"""What moves where a mask was drawn or carried to: its limbs that it lost on the way, and the subject where flow lost it."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.settings import MovingMaskSettings
from surface_sos_core.shapes import dilated


def what_moves_there(
    found: CoarseMasks,
    settings: MovingMaskSettings,
    frame: int,
    mask: np.ndarray | None,
    before: tuple[int, np.ndarray] | None,
) -> np.ndarray | None:
    """(h, w) bool: what moves in a frame where a mask (h, w) bool was carried to, or drawn; None where that is something else.

    A piece that moves belongs to it where enough of it lies in the mask. All of them together must be of about its size, so a
    mask that lost a limb on the way gets it back, and one of a thing that stands stays as it is. Of what is drawn, which may be
    a box around a slender figure, they must fill some part, and no more than that is taken. before: the frame that the mask was
    carried from, and where the subject is there. If it moves in that frame, and not where the mask came to lie (None: nowhere), it is
    looked for around where it was: flow may follow the background in place of a small or fast subject.
    """
    if before is None:
        assert mask is not None
        own = _pieces_within(found, frame, mask, settings) & mask
        return own if own.sum() > settings.filled * mask.sum() else None
    if mask is not None and (own := _of_its_size(found, frame, mask, mask, settings)) is not None:
        return own
    earlier, was = before
    if not was.any() or _moving(found, earlier, was.shape)[was].mean() < settings.within:
        return None
    around = dilated(was, max(1, round(settings.reach * float(np.sqrt(was.sum())))))
    return _of_its_size(found, frame, around, was, settings)


def _of_its_size(
    found: CoarseMasks, frame: int, mask: np.ndarray, subject: np.ndarray, settings: MovingMaskSettings
) -> np.ndarray | None:
    """The pieces (h, w) bool that belong to a mask (h, w) bool, if they are about as large as the subject (h, w) bool."""
    own = _pieces_within(found, frame, mask, settings)
    share = own.sum() / max(1, subject.sum())
    return own if 1.0 / settings.size < share < settings.size else None


def _pieces_within(
    found: CoarseMasks, frame: int, mask: np.ndarray, settings: MovingMaskSettings
) -> np.ndarray:
    """(h, w) bool: the pieces that move of which enough lies in a mask (h, w) bool."""
    label, count = ndimage.label(_moving(found, frame, mask.shape))
    if not count:
        return np.zeros(mask.shape, bool)
    within = np.asarray(ndimage.mean(mask, label, np.arange(1, count + 1)))
    return np.concatenate(([False], within > settings.within))[label]


def _moving(found: CoarseMasks, frame: int, shape: tuple[int, ...]) -> np.ndarray:
    """What moves in a frame, (h, w) bool of this shape."""
    return cv2.resize(found.probability[frame], shape[::-1], interpolation=cv2.INTER_LINEAR) > 127
