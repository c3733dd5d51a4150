"""The object's surface: extraction, files, pictures."""

from surface_sos_core.mesh.extract import Mesh, extract_surface, vertex_normals

__all__ = ["Mesh", "extract_surface", "vertex_normals"]
