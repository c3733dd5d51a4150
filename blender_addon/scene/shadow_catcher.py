"""A plane on a shot's ground that takes the shadows of CG, which its comp lays over the clean plate."""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Matrix

from ..comp import cg_layers
from . import shot_objects

_CORNERS = ((-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0))


def put(scene: bpy.types.Scene, root: bpy.types.Object, half: float) -> bpy.types.Object:
    """The shot's plane, made or found again, on Blender's floor: a square of side 2 `half` around the origin."""
    title = shot_objects.title_of(root)
    plane = shot_objects.find_or_make(scene, title, shot_objects.GROUND, _square)
    plane.parent = root
    plane.matrix_parent_inverse = Matrix()
    plane.matrix_world = Matrix.Diagonal((half, half, half, 1.0))
    plane.display_type = "WIRE"  # the plate is seen through it
    plane.is_shadow_catcher = True
    scene.render.film_transparent = True
    cg_layers.put_ground_behind(scene, title)
    return plane


def _square(name: str) -> bpy.types.Mesh:
    mesh: Any = bpy.data.meshes.new(name)
    mesh.from_pydata(_CORNERS, [], [(0, 1, 2, 3)])
    mesh.materials.append(_material(name))
    return mesh


def _material(name: str) -> bpy.types.Material:
    """Grey for Cycles; nothing at all for EEVEE, which catches no shadows and would cover the plate."""
    material: Any = bpy.data.materials.new(name)
    if material.node_tree is None:  # until 4.5; since 5.0 a material always has nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    for row, (target, kind) in enumerate((("CYCLES", "Diffuse"), ("EEVEE", "Transparent"))):
        shader = tree.nodes.new(f"ShaderNodeBsdf{kind}")
        output = tree.nodes.new("ShaderNodeOutputMaterial")
        output.target = target
        shader.location, output.location = (0, -200 * row), (240, -200 * row)
        tree.links.new(shader.outputs[0], output.inputs["Surface"])
    if hasattr(material, "surface_render_method"):  # since 4.2
        material.surface_render_method = "BLENDED"
    else:
        material.blend_method, material.shadow_method = "BLEND", "NONE"
    return material
