"""FoCoR's surface as a mesh in world space, with its colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from surface_sos_core.cameras import Box
from surface_sos_core.errors import SurfaceSosError
from surface_sos_core.fields.scene import Scene
from surface_sos_core.mesh.extract import Field, Mesh, extract_surface, vertex_normals
from surface_sos_core.settings import MeshSettings

_CHUNK = 1 << 16


@torch.no_grad()
def object_surface(scene: Scene, box: Box, settings: MeshSettings, part: int = 1) -> tuple[Mesh, np.ndarray]:
    """The zero level set inside m^P's hold, in world units, and its colours (V, 3) uint8 seen from straight above it.

    `part`: points are looked at in parts so many times as small, which takes less memory.
    """
    chunk = _CHUNK // part
    device = scene.extent.device
    distance, held = _object(scene, settings.hold)
    mesh = extract_surface(distance, box.extent, settings, held, chunk)
    if len(mesh) == 0:
        raise SurfaceSosError(
            "The object has no surface after training; give masks or a box, or train for longer."
        )
    normals = vertex_normals(mesh)
    colours = np.empty((len(mesh.vertices), 3), np.uint8)
    for start in range(0, len(colours), chunk):
        some = slice(start, start + chunk)
        x = torch.from_numpy(mesh.vertices[some].astype(np.float32)).to(device)
        sdf, feature, gradient = scene.foreground.surface.sdf_and_normal(x)
        view = -torch.from_numpy(normals[some].astype(np.float32)).to(device)
        colour = scene.foreground.colour(x, gradient, view, sdf, feature)
        colours[some] = (colour.clamp(0.0, 1.0) * 255).round().byte().cpu().numpy()
    return Mesh(box.to_world(mesh.vertices), mesh.faces), colours


def filled_cells(scene: Scene, box: Box, resolution: int, hold: float) -> np.ndarray:
    """(X, Y, Z) bool: which cells of the box the object fills, so many along its longest side; `hold` as for the mesh."""
    shape = np.maximum(1, np.round(resolution * box.extent).astype(int))
    distance, held = _object(scene, hold)
    filled = np.empty(int(np.prod(shape)), bool)
    for start in range(0, len(filled), _CHUNK):
        cells = np.arange(start, min(start + _CHUNK, len(filled)))
        index = np.stack(np.unravel_index(cells, tuple(shape)), axis=-1)
        points = ((index + 0.5) / shape * 2.0 - 1.0) * box.extent
        filled[cells] = (distance(points) < 0) & held(points)
    return filled.reshape(shape)


def _object(scene: Scene, hold: float) -> tuple[Field, Callable[[np.ndarray], np.ndarray]]:
    """FoCoR's distance (N,) at points (N, 3) in the box's coordinates, and where (N,) m^P lets it be more opaque than `hold`."""
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
