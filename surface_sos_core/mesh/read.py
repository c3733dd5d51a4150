"""Meshes from PLY files, be they ours or a stranger's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from surface_sos_core.errors import InputError
from surface_sos_core.mesh.extract import Mesh


def read_ply(path: Path) -> tuple[Mesh, np.ndarray | None]:
    """The mesh in `path`, and its vertex colours (V, 3) uint8 where it has any.

    Nothing but the file itself is read, whatever textures it names. Raises InputError for anything but triangles.
    """
    try:
        with path.open("rb") as file:
            loaded = trimesh.load_mesh(file, file_type="ply", process=False, skip_materials=True)
        vertices, faces = np.asarray(loaded.vertices, np.float64), np.asarray(loaded.faces, np.int64)
        visual = loaded.visual
        colours = np.asarray(visual.vertex_colors)[:, :3] if isinstance(visual, ColorVisuals) else None
    except Exception as error:  # trimesh raises whatever its parsing trips over
        raise InputError(f"{path} cannot be read as a mesh: give a PLY with triangles ({error})") from error
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise InputError(f"{path} has no triangles: give a PLY with triangles")
    if vertices.shape[1:] != (3,) or not np.isfinite(vertices).all():
        raise InputError(f"{path} has vertices that are no points in space: write it again")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(f"{path} has a triangle with a corner that is no vertex: write it again")
    return Mesh(vertices, faces), colours
