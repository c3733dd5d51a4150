"""What several frames look at: only there may the background hide the object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.fields.contraction import expand
from surface_sos_core.render.proposal import OpacityGrid
from surface_sos_core.sampling import evenly

_RESOLUTION = 64
_CAMERAS = 60  # that are asked, at most
_LEAST = 3  # of them that look at a place


def shared_view(cameras: Sequence[Camera], box: Box) -> OpacityGrid:
    """1 in the cells of contracted space that at least three cameras have in their picture, 0 elsewhere.

    What a single frame shows no other contradicts, so BaCo may have painted a piece of the object before its lens.
    """
    grid = OpacityGrid(_RESOLUTION, 0.0)
    places = (np.indices((_RESOLUTION,) * 3).reshape(3, -1).T + 0.5) * grid.cell - 1.0
    within = np.flatnonzero(np.linalg.norm(places, axis=1) < 1.0)
    world = box.to_world(expand(torch.from_numpy(places[within])).numpy())
    asked = evenly(np.arange(len(cameras)), _CAMERAS)
    looking = sum(cameras[i].sees(world).astype(int) for i in asked)
    grid.values.view(-1)[within] = torch.from_numpy(looking >= min(_LEAST, len(asked))).float()
    return grid
