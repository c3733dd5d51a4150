"""Which pieces of a hull are the object's, where it comes apart: a leg that hangs on by the corner of a cell, tools that lie side by side.

Votes agree by chance too, mostly where few views look. What tells such a place from a part: views that see a part beside the
largest piece have it in their masks, and are many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.errors import InputError
from surface_sos_core.masks.beside import told_beside
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ThinPartSettings


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
    world = box.cells_to_world(cells, hull.shape[0])
    asked = evenly(voters, settings.views) if len(cells) else voters[:0]
    free, for_object, views = np.zeros((3, count + 1))
    for seen, say, masked in told_beside(
        label == main, world, probability, trust, cameras, asked, box, settings
    ):
        here = np.bincount(of[seen], say, count + 1)
        free += here
        for_object += np.bincount(of[seen], say * masked, count + 1)
        views += here > settings.piece_beside * sizes
    confirmed = (for_object >= settings.object_share * free) & (
        (views >= settings.free_views * len(asked)) | (sizes >= least * sizes[main])
    )
    confirmed[0], confirmed[main] = False, True
    return confirmed[label]
