"""What follows in a frame from what was drawn on it: more of what has its colours nearby, up to the frame's own edges."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.corrections.correction import Correction
from surface_sos_core.corrections.given import Given
from surface_sos_core.masks.colours import LearntColours, colours_of, nearby_log_odds
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.settings import ColourSettings, CorrectSettings, EdgeSettings
from surface_sos_core.shapes import disc
from surface_sos_core.stereo.known_depth import KnownDepth

_LAW = 1000.0  # log odds of what was drawn
_TAUGHT = 3.0  # reaches around a stroke in which the matte teaches colours


def painted(given: Given, settings: CorrectSettings) -> Correction:
    """What a painted mask says: all of it is the law but for a band along its outline, whose softness the frame knows."""
    inside = given.object.astype(np.uint8)
    element = disc(max(1, round(settings.band * max(inside.shape))))
    open_ = cv2.dilate(inside, element) > cv2.erode(inside, element)
    return Correction.of(given.object, ~open_)


def solved(
    rgb: np.ndarray,
    inside: np.ndarray,
    given: Given,
    settings: CorrectSettings,
    colours: ColourSettings,
    edges: EdgeSettings,
) -> np.ndarray:
    """(h, w) bool: where the object is by a matte `inside` (h, w) bool of a picture (h, w, 3) uint8 and by strokes of its size.

    Near strokes that contradict the matte colours decide, learnt there from the strokes and from the matte around; a graph cut
    draws the line. Of what changes stays what hangs together with such a stroke.
    """
    wrong = (given.object & ~inside) | (given.background & inside)
    if not wrong.any():
        return (inside | given.object) & ~given.background
    reach = settings.reach * max(inside.shape)
    away = ndimage.distance_transform_edt(~wrong)
    open_, taught = away <= reach, (away > reach) & (away <= _TAUGHT * reach)
    rim = np.ones((5, 5), np.uint8)
    on, off = (
        (cv2.erode((side & taught).astype(np.uint8), rim) > 0) | drawn
        for side, drawn in ((inside, given.object), (~inside, given.background))
    )
    learnt = LearntColours(colours)
    learnt.add(colours_of(rgb, colours), on, off)
    often = learnt.frequencies()
    told = np.zeros(inside.shape) if often is None else nearby_log_odds(rgb, on, off, often, colours)
    odds = np.where(open_, told, settings.stays * (2.0 * inside - 1.0))
    odds = np.where(given.object, _LAW, np.where(given.background, -_LAW, odds))
    wanted = cut(rgb, odds, KnownDepth(np.zeros(inside.shape), 0.0), edges)
    result = inside.copy()
    for added, drawn in ((True, given.object), (False, given.background)):
        changed = (wanted == added) & (inside != added)
        label, _ = ndimage.label(changed)
        touched = np.unique(label[drawn & changed])
        result[changed & np.isin(label, touched[touched > 0])] = added
    return (result | given.object) & ~given.background
