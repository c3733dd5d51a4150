"""Thin parts that a single border of votes loses: antennas, straps, ears of an animal that turns its head.

Outlines wobble, so masks agree less on what is as thin as the wobble. What tells such a part from the fuzz around the
object: where the hull leaves a view free, nearly nothing but real parts is masked there in most of these views.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.masks.beside import told_beside
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ThinPartSettings


def find_thin_parts(
    share: np.ndarray,
    border: float,
    probability: np.ndarray,
    trust: np.ndarray,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    box: Box,
    settings: ThinPartSettings,
) -> np.ndarray:
    """(R, R, R) bool: places that belong to the object though their share of votes lies below the border.

    share: (R, R, R) over the whole box. probability and trust: (frames, h, w) uint8, of one size or two; voters: the
    frames that may be asked.
    """
    size = share.shape[0]
    cells = np.argwhere((share > settings.least_share * border) & (share <= border))
    world = box.cells_to_world(cells, size)
    looks, free, for_object = np.zeros((3, len(world)))
    asked = evenly(voters, settings.views)
    for seen, say, masked in told_beside(
        share > border, world, probability, trust, cameras, asked, box, settings
    ):
        looks[seen] += 1
        free[seen] += say
        for_object[seen] += say * masked
    found = (
        (looks >= 2)
        & (free >= settings.free_views * looks)
        & (for_object >= settings.object_share * free)
        & (free > 0)
    )
    parts = np.zeros(share.shape, dtype=bool)
    parts[tuple(cells[found].T)] = True
    if not found.any():
        return parts
    return ndimage.binary_dilation(
        parts, mask=share > settings.least_share * border, iterations=settings.bridge
    )
