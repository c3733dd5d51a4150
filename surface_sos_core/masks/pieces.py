"""Which pieces of a hull are the object's, where it comes apart: a leg that hangs on by the corner of a cell, tools that lie side by side.

Votes agree by chance too, mostly where few views look. What tells such a place from a part: views that see a part beside the
largest piece have it in their masks, and are many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.errors import InputError
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.hull_votes import look_size
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ThinPartSettings
from surface_sos_core.shapes import dilated


def object_pieces(
    hull: np.ndarray,
    probability: np.ndarray,
    trust: np.ndarray,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    box: Box,
    settings: ThinPartSettings,
    least: float,
) -> np.ndarray:
    """(R, R, R) bool: the largest piece of a hull (R, R, R) bool, and those that masks confirm beside it.

    A piece that masks contradict where it is seen beside the largest is taken out;
    of those that hardly any view sees there, what is smaller than `least` of the largest. probability and trust: (frames, h, w)
    uint8, of one size or two; voters: the frames that may be asked. Raises InputError where the hull is empty.
    """
    label, count = ndimage.label(hull)
    if count == 0:
        raise InputError(
            "The masks of different frames agree on no object in 3D; check that they show one object."
        )
    sizes = np.bincount(label.ravel(), minlength=count + 1)
    sizes[0] = 0
    main = int(sizes.argmax())
    cells = np.argwhere((label > 0) & (label != main))
    of = label[tuple(cells.T)]
    world = box.to_world(((cells + 0.5) / hull.shape[0] * 2 - 1) * box.extent)
    width, height = look_size(probability[0], settings.look_edge)
    asked = evenly(voters, settings.views)
    free, for_object, views = np.zeros((3, count + 1))
    for i in asked if len(cells) else ():
        camera = cameras[i]
        assert camera is not None
        apart = beside(
            project_grid((label == main).astype(np.float32), box, camera, width, height) > 0.5,
            settings.wobble,
        )
        pixels, _ = camera.project(world)
        seen, at = picture_pixels(camera, pixels, probability.shape[1:])
        _, trusted = picture_pixels(camera, pixels, trust.shape[1:])
        _, looked_at = picture_pixels(camera, pixels, apart.shape)
        say = apart[looked_at] * (trust[i][trusted] / 255.0)
        here = np.bincount(of[seen], say, count + 1)
        free += here
        for_object += np.bincount(of[seen], say * (probability[i][at] / 255.0), count + 1)
        views += here > settings.piece_beside * sizes
    confirmed = (for_object >= settings.object_share * free) & (
        (views >= settings.free_views * len(asked)) | (sizes >= least * sizes[main])
    )
    confirmed[0], confirmed[main] = False, True
    return confirmed[label]


def beside(hull: np.ndarray, wobble: float) -> np.ndarray:
    """(h, w) bool: pixels clearly beside a hull (h, w) bool, whose outline is as uncertain as the masks' own."""
    diameter = 2.0 * np.sqrt(hull.sum() / np.pi)
    radius = max(1, round(wobble * diameter))
    return ~dilated(hull, radius)
