"""What several frames look at: only there may the background hide the object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.fields.contraction import expand
from surface_sos_core.render.proposal import OpacityGrid
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import MatteSettings


def shared_view(cameras: Sequence[Camera], box: Box, settings: MatteSettings) -> OpacityGrid:
    """1 in the cells of contracted space that at least `shared_least` cameras have in their picture, 0 elsewhere.

    What a single frame shows no other contradicts, so BaCo may have painted a piece of the object before its lens.
    """
    grid = OpacityGrid(settings.shared_cells, 0.0)
    places = (np.indices((grid.resolution,) * 3).reshape(3, -1).T + 0.5) * grid.cell - 1.0
    within = np.flatnonzero(np.linalg.norm(places, axis=1) < 1.0)
    world = box.to_world(expand(torch.from_numpy(places[within])).numpy())
    asked = evenly(np.arange(len(cameras)), settings.shared_cameras)
    looking = sum(cameras[i].sees(world).astype(int) for i in asked)
    grid.values.view(-1)[within] = torch.from_numpy(looking >= min(settings.shared_least, len(asked))).float()
    return grid
