"""Hair as Cycles' own curves, one by one from a seed: the same in every Blender, and as thin as it is told to be."""

from __future__ import annotations

import bpy
import numpy as np

_STEPS = 5  # points of a strand
_DROOP = 0.35  # how far a tip is pulled down, as a share of its length
_RUFFLE = 0.45  # how far strands part from the skin's normal


def grow_fur(
    skin: bpy.types.Object,
    material: bpy.types.Material,
    strands: int,
    length: float,
    thickness: float,
    seed: int,
) -> bpy.types.Object:
    """Fur on the faces of the skin's first material, evenly by area; length (+-50 %) and thickness in world units."""
    random = np.random.default_rng(seed)
    mesh = skin.data
    mesh.calc_loop_triangles()
    vertices = np.array([skin.matrix_world @ v.co for v in mesh.vertices])
    normals = np.array([v.normal for v in mesh.vertices])
    furry = np.array([t.vertices[:] for t in mesh.loop_triangles if t.material_index == 0])
    # Which triangle comes first is Blender's own affair, and not the same on every run.
    furry = furry[np.lexsort(vertices[furry].mean(1).round(5).T)]
    a, b, c = (vertices[furry[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    face = furry[random.choice(len(furry), strands, p=area / area.sum())]
    share = random.dirichlet((1, 1, 1), strands)[:, :, None]
    root, out = (vertices[face] * share).sum(1), (normals[face] * share).sum(1)
    out = out + _RUFFLE * random.normal(size=out.shape)
    out *= (length * random.uniform(0.5, 1.5, strands) / np.linalg.norm(out, axis=1))[:, None]
    along = np.linspace(0, 1, _STEPS)[None, :, None]
    drop = np.linalg.norm(out, axis=1)[:, None, None] * np.array([0, 0, -_DROOP]) * along**2
    points = root[:, None] + out[:, None] * along + drop
    widths = np.broadcast_to(thickness / 2 * np.linspace(1, 0.3, _STEPS), points.shape[:2])
    return hairs("Fur", points, widths, material)


def hairs(name: str, points: np.ndarray, radii: np.ndarray, material: bpy.types.Material) -> bpy.types.Object:
    """Strands through points (strands, steps, 3) with radii (strands, steps), in world units."""
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([points.shape[1]] * len(points))
    curves.position_data.foreach_set("vector", points.astype(np.float32).ravel())
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    radius.data.foreach_set("value", radii.astype(np.float32).ravel())
    curves.materials.append(material)
    thing = bpy.data.objects.new(name, curves)
    bpy.context.collection.objects.link(thing)
    return thing
