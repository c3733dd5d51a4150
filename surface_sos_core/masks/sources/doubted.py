"""Given masks that hold much of what goes on beside them, like the wall behind the object or the post next to it.

GrabCut in each frame, or a network that knows no better, takes such things along in nearly all frames, so masks agree on
them, and nothing that masks tell of each other speaks against them. The sparse points do: their groups and planes go on
outside of the masks. Where many of the points that the masks hold are of such groups, masks are doubted, and may serve as
boxes drawn around the object, some of them badly, in which its outline is found anew. Of what is found only pieces that
touch the mask stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import AutomaticBox
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.errors import InputError
from surface_sos_core.masks.automatic import automatic_masks
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.box import start_from_drawn
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.sampling import evenly


@dataclass(frozen=True, eq=False)
class Doubt:
    """Where the object is by the points and the boxes around the masks; the share of the points in masks that is beside it."""

    start: AutomaticBox
    share: float


def doubt_of(masks: CoarseMasks, shot: MaskShot) -> Doubt | None:
    """What the sparse points say against the masks of a shot with cameras; None where that is too little."""
    assert shot.model is not None
    settings, shown = shot.settings.doubt, _shown(masks, shot)
    if len(shown) < settings.least_masks:
        return None
    held = _held(masks, shot, shown)
    if held.sum() < settings.least_held:
        return None
    boxes = {
        int(i): _box_around(masks.probability[i] > 127, settings.room) for i in evenly(shown, settings.boxes)
    }
    try:
        start = start_from_drawn(
            Drawn(masks.size, boxes), shot.cameras, shot.model, shot.settings, settings.wrong
        )
    except InputError:  # points that tell nothing of boxes tell nothing of masks either
        return None
    share = float((held & start.beside).sum() / held.sum())
    return Doubt(start, share) if share >= settings.beside else None


def found_anew(
    masks: CoarseMasks, shot: MaskShot, start: AutomaticBox, progress: Callable[[int, int], None]
) -> CoarseMasks:
    """Masks from `start`, without the pieces that have no pixel in common with `masks`."""
    assert shot.model is not None
    found = automatic_masks(
        shot.footage, shot.cameras, shot.model, start, shot.settings, progress, nearby=True
    )
    for i in _shown(masks, shot):
        if found.known[i]:
            given = cv2.resize(masks.probability[i], found.size, interpolation=cv2.INTER_AREA) > 127
            mask = _pieces_touching(found.probability[i] > 127, given)
            if mask.any():
                found.put(i, mask.astype(np.float32))
            else:
                found.forget(i, "what was found anew lies beside the mask that was given")
    return found


def _shown(masks: CoarseMasks, shot: MaskShot) -> np.ndarray:
    """(M,) the frames that have a camera and a mask that is not empty."""
    placed = np.array([camera is not None for camera in shot.cameras], bool)
    return np.flatnonzero(placed & masks.known & ~masks.empty)


def _held(masks: CoarseMasks, shot: MaskShot, shown: np.ndarray) -> np.ndarray:
    """(N,) bool: the sparse points of long tracks that nearly all masks hold which show their place."""
    assert shot.model is not None
    points = shot.model.points
    looks, votes = np.zeros((2, len(points)))
    for i in shown:
        camera = shot.cameras[i]
        assert camera is not None
        pixels, _ = camera.project(points.xyz)
        seen, at = picture_pixels(camera, pixels, masks.probability.shape[1:])
        looks[seen] += 1
        votes[seen] += masks.probability[i][at] > 127
    long = points.track_length >= shot.settings.box.object_track
    return (votes > shot.settings.doubt.held * np.maximum(looks, 1)) & long


def _pieces_touching(mask: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(h, w) bool: the connected pieces of a mask that have a pixel in common with the one that was given."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return np.isin(labels, labels[mask & given])


def _box_around(mask: np.ndarray, room: float) -> np.ndarray:
    """(h, w) bool: the box around a mask (h, w) bool, with room, a share of the longer edge."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    by = round(room * max(mask.shape))
    box = np.zeros_like(mask)
    box[max(0, rows[0] - by) : rows[-1] + 1 + by, max(0, columns[0] - by) : columns[-1] + 1 + by] = True
    return box
