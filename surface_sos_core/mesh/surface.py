"""FoCoR's surface as a mesh in world space, with its colours."""

from __future__ import annotations

import numpy as np
import torch

from surface_sos_core.cameras import Box
from surface_sos_core.errors import SurfaceSosError
from surface_sos_core.fields.scene import Scene
from surface_sos_core.mesh.extract import Mesh, extract_surface, vertex_normals
from surface_sos_core.mesh.filled import object_fields
from surface_sos_core.settings import MeshSettings

_CHUNK = 1 << 16


@torch.no_grad()
def object_surface(scene: Scene, box: Box, settings: MeshSettings, part: int = 1) -> tuple[Mesh, np.ndarray]:
    """The zero level set inside m^P's hold, in world units, and its colours (V, 3) uint8 seen from straight above it.

    `part`: points are looked at in parts so many times as small, which takes less memory.
    """
    chunk = _CHUNK // part
    device = scene.extent.device
    distance, held = object_fields(scene, settings.hold)
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
