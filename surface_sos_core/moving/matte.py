"""Alpha from a mask, the frame and its clean plate."""

from __future__ import annotations

import cv2
import numpy as np

from surface_sos_core.layers.matting import closed_form
from surface_sos_core.layers.refine import refine_by_plate, without_hidden_holes, without_islands
from surface_sos_core.moving.plate import Plate
from surface_sos_core.settings import Settings
from surface_sos_core.shapes import disc, part_around

_MARGIN = 8  # pixels around the band that the solver sees


def solve_alpha(
    picture: np.ndarray, mask: np.ndarray, plate: Plate, plain: np.ndarray, settings: Settings
) -> np.ndarray:
    """Alpha (H, W) of a picture (H, W, 3), display values, where a mask (H, W) in [0, 1] says about where the subject is.

    Within a band around the mask's outline alpha is linear in the colours of every 3 x 3 pixels
    (closed-form matting) and held to the mask; then I = aF + (1 - a)B with B the clean plate tells it where other times saw
    that (`layers/refine.refine_by_plate`) and the frame shows it plainly, (H, W) bool: where it may lie in shadow, what differs
    from the plate need not be the subject.
    """
    own, matting = settings.moving_matte, settings.matting
    radius = max(own.least_band, round(own.band * max(mask.shape)))
    inside = (mask > 0.5).astype(np.uint8)
    element = disc(radius)
    open_ = cv2.dilate(inside, element) > cv2.erode(inside, element)
    if not open_.any():
        return inside.astype(np.float32)
    alpha = np.where(open_, mask, inside).astype(np.float32)
    cut = part_around(open_, _MARGIN)
    part = open_[cut]
    solved = closed_form(
        picture[cut].clip(0.0, 1.0), alpha[cut], np.full(part.shape, own.hold), part, matting.epsilon
    )
    alpha[cut][part] = ((solved - matting.haze) / (1.0 - 2.0 * matting.haze)).clip(0.0, 1.0)
    seen = (plate.seen & plain).astype(np.float32)
    told = refine_by_plate(picture, alpha, plate.colour, seen, radius, matting)
    told = without_hidden_holes(picture, told, matting)
    return without_islands(told, mask > 0.5, matting).astype(np.float32)
