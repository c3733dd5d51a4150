"""The shot's mesh, and how it takes part in renders."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any, ClassVar

import bpy
from mathutils import Matrix

from ..files import ply
from . import shot_objects, vertex_colours

ROLES = (
    ("VISIBLE", "Visible", "Render the mesh in its vertex colours"),
    ("HOLDOUT", "Holdout", "Cut the mesh out of the render, so that it hides what is behind it"),
    ("SHADOW_CATCHER", "Shadow Catcher", "Render only the shadows that fall on the mesh (Cycles)"),
)
_GROWN = "Surface-SOS Holdout"  # the modifier that lets a holdout reach beyond the matte's soft outline


def load(
    scene: bpy.types.Scene, title: str, file: Path, world: bpy.types.Object, soft: float
) -> bpy.types.Object:
    """Fill the shot's mesh from a PLY, below the empty `world`; raises ply.MeshError.

    A new one is a holdout. soft: how far a matte may reach beyond the mesh, in units of `world`; a holdout is as much larger,
    since CG behind the object would show in the outline's soft part otherwise.
    """
    triangles = ply.read_ply(file)
    is_new = shot_objects.find(scene, title, shot_objects.MESH) is None
    thing = shot_objects.find_or_make(scene, title, shot_objects.MESH, bpy.data.meshes.new)
    thing.parent = world
    thing.matrix_parent_inverse = Matrix()
    _fill(thing, triangles)
    if is_new:
        modifier: Any = thing.modifiers.new(_GROWN, "DISPLACE")
        modifier.strength, modifier.mid_level, modifier.show_viewport = soft, 0.0, False
        set_role(scene, thing, "HOLDOUT")
    return thing


def _fill(thing: bpy.types.Object, triangles: ply.Triangles) -> None:
    mesh: Any = thing.data
    mesh.clear_geometry()
    count = len(triangles.corners) // 3
    mesh.vertices.add(len(triangles.xyz) // 3)
    mesh.vertices.foreach_set("co", triangles.xyz)
    mesh.loops.add(3 * count)
    mesh.loops.foreach_set("vertex_index", triangles.corners)
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", array("i", range(0, 3 * count, 3)))
    if not bpy.types.MeshPolygon.bl_rna.properties["loop_total"].is_readonly:  # until 4.0
        mesh.polygons.foreach_set("loop_total", array("i", [3]) * count)
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    if triangles.rgb:
        vertex_colours.set_colours(mesh, triangles.rgb)
        vertex_colours.show_colours(mesh, thing.name, shadeless=False)
    mesh.update(calc_edges=True)


def set_role(scene: bpy.types.Scene, mesh: bpy.types.Object, role: str) -> None:
    """Make a mesh visible, a holdout or a shadow catcher; the last two want a transparent film."""
    mesh.is_holdout = role == "HOLDOUT"
    mesh.is_shadow_catcher = role == "SHADOW_CATCHER"
    grown: Any = mesh.modifiers.get(_GROWN)
    if grown is not None:
        grown.show_render = role == "HOLDOUT"
    if role != "VISIBLE":
        scene.render.film_transparent = True


class MeshRole(bpy.types.Operator):
    """How the shot's mesh takes part in renders"""

    bl_idname = "surface_sos.mesh_role"
    bl_label = "Use Mesh As"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    role: bpy.props.EnumProperty(name="Role", items=ROLES)

    def execute(self, context: bpy.types.Context) -> set[str]:
        mesh = shot_objects.find(context.scene, None, shot_objects.MESH)
        if mesh is None:
            self.report({"ERROR"}, "There is no mesh of a shot in this scene; load a result first.")
            return {"CANCELLED"}
        set_role(context.scene, mesh, self.role)
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(MeshRole)


def unregister() -> None:
    bpy.utils.unregister_class(MeshRole)
