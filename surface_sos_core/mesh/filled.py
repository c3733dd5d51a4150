"""Which part of space the object fills, as its trained field has it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from surface_sos_core.cameras import Box
from surface_sos_core.fields.scene import Scene

_CHUNK = 1 << 16

Field = Callable[[np.ndarray], np.ndarray]


def object_fields(scene: Scene, hold: float) -> tuple[Field, Field]:
    """FoCoR's distance (N,) at points (N, 3) in the box's coordinates, and where (N,) bool m^P lets it be more opaque than `hold`."""
    device = scene.extent.device

    @torch.no_grad()
    def distance(points: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(points.astype(np.float32)).to(device)
        return scene.foreground.surface.distance(x).cpu().numpy()

    @torch.no_grad()
    def held(points: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(points.astype(np.float32)).to(device)
        return (scene.hold(x) > hold).cpu().numpy()

    return distance, held


def filled_cells(scene: Scene, box: Box, resolution: int, hold: float) -> np.ndarray:
    """(X, Y, Z) bool: which cells of the box the object fills, so many along its longest side; none where m^P lets FoCoR be less
    opaque than `hold`."""
    shape = np.maximum(1, np.round(resolution * box.extent).astype(int))
    distance, held = object_fields(scene, hold)
    filled = np.empty(int(np.prod(shape)), bool)
    for start in range(0, len(filled), _CHUNK):
        cells = np.arange(start, min(start + _CHUNK, len(filled)))
        index = np.stack(np.unravel_index(cells, tuple(shape)), axis=-1)
        points = ((index + 0.5) / shape * 2.0 - 1.0) * box.extent
        filled[cells] = (distance(points) < 0) & held(points)
    return filled.reshape(shape)
