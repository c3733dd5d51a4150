"""The shot's world in Blender's: which points are its ground, its origin and its X axis, and how large it is.

All of it is one similarity on the root of the shot, so that cameras, mesh, points and box stay together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar

import bmesh
import bpy
from mathutils import Matrix, Vector

from ..errors import AddonError
from . import ground_plane, import_cameras, shadow_catcher, shot_objects

_UP = Vector((0.0, 0.0, 1.0))
_MOST_POINTS = 20_000  # among which the ground is looked for
_CATCHER_REACH = 2.0  # half the side of the shadow catcher, of the camera's distance
_ON_AXIS = 1e-5  # of the camera's distance: nearer to the Z axis than this a point has no direction
_WAYS = (
    ("FIND", "Find Ground", "The largest level plane of the sparse points becomes the floor, below the object"),
    ("GROUND", "Set Ground", "The plane of three selected points becomes the floor, below the object"),
    ("ORIGIN", "Set Origin", "The selected point becomes the origin"),
    ("X", "Set X Axis", "A turn about the vertical brings the selected point to the X axis"),
    ("SCALE", "Set Scale", "The two selected points come to be as far apart as is said"),
)
_NAMES = {way: name for way, name, _ in _WAYS}


class SetWorld(bpy.types.Operator):
    """Turn, move or scale the shot as a whole, by selected vertices in edit mode or by selected objects"""

    bl_idname = "surface_sos.set_world"
    bl_label = "Set World"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    way: bpy.props.EnumProperty(name="By", items=_WAYS)
    distance: bpy.props.FloatProperty(
        name="Distance", description="Between the two points", default=1.0, min=1e-6, unit="LENGTH"
    )
    catcher: bpy.props.BoolProperty(
        name="Shadow Catcher", description="Also put a plane there that takes the shadows of CG", default=True
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return next(told for way, _, told in _WAYS if way == properties.way)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if import_cameras.root(context.scene) is None:
            cls.poll_message_set("Import the shot's cameras or load its result first.")
            return False
        return True

    def draw(self, context: bpy.types.Context) -> None:
        if self.way == "SCALE":
            self.layout.prop(self, "distance")
        elif self.way in ("FIND", "GROUND"):
            self.layout.prop(self, "catcher")

    def execute(self, context: bpy.types.Context) -> set[str]:
        root = import_cameras.root(context.scene)
        if root is None:
            return {"CANCELLED"}
        context.view_layer.update()  # a script may just have moved something
        try:
            change = self._change(context)
        except AddonError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if context.mode == "EDIT_MESH":  # whose undo knows of meshes alone
            bpy.ops.object.mode_set(mode="OBJECT")
        root.matrix_world = change @ root.matrix_world
        context.view_layer.update()
        if self.catcher and self.way in ("FIND", "GROUND"):
            shadow_catcher.put(context.scene, root, _CATCHER_REACH * _eye(context.scene).length)
        return {"FINISHED"}

    def _change(self, context: bpy.types.Context) -> Matrix:
        """What the shot is transformed by, in Blender's world. Raises AddonError."""
        scene = context.scene
        if self.way == "FIND":
            points, eye = _sparse_points(scene), _eye(scene)
            distances = sorted((point - eye).length for point in points) or [0.0]
            return _to_floor(scene, ground_plane.find(points, _UP, distances[len(distances) // 2]))
        points = list(_selected(context))
        if self.way == "GROUND":
            plane = ground_plane.through(*self._counted(points, 3))
            if plane is None:
                raise AddonError("The selected points are in a line: select three that span the ground.")
            return _to_floor(scene, plane)
        if self.way == "ORIGIN":
            (point,) = self._counted(points, 1)
            return Matrix.Translation((-point)[:])
        if self.way == "X":
            (point,) = self._counted(points, 1)
            if math.hypot(point.x, point.y) <= _ON_AXIS * _eye(scene).length:
                raise AddonError("The selected point is on the Z axis: select one beside the origin.")
            return Matrix.Rotation(-math.atan2(point.y, point.x), 4, "Z")
        one, other = self._counted(points, 2)
        if one == other:
            raise AddonError("The selected points are in the same place: select two that are apart.")
        return Matrix.Scale(self.distance / (one - other).length, 4)

    def _counted(self, points: Sequence[Vector], count: int) -> Sequence[Vector]:
        if len(points) == count:
            return points
        raise AddonError(
            f"{_NAMES[self.way]} goes by {count} selected points, not {len(points)}: "
            "select vertices of the sparse points or the mesh in edit mode, or empties."
        )


def draw(layout: bpy.types.UILayout) -> None:
    """A button for each way."""
    column = layout.column(align=True)
    for way, name, _ in _WAYS:
        column.operator(SetWorld.bl_idname, text=name).way = way


def _to_floor(scene: bpy.types.Scene, plane: ground_plane.Plane) -> Matrix:
    """Lays the plane on Blender's floor, the camera above it, the origin below the object or in the plane's middle."""
    normal = plane.normal if plane.normal.dot(_eye(scene) - plane.middle) > 0 else -plane.normal
    mesh, above = shot_objects.find(scene, None, shot_objects.MESH), plane.middle
    if mesh is not None:
        corners = [mesh.matrix_world @ Vector(corner) for corner in mesh.bound_box]
        above = sum(corners, Vector((0.0, 0.0, 0.0))) / len(corners)
    origin = above - normal.dot(above - plane.middle) * normal
    return normal.rotation_difference(_UP).to_matrix().to_4x4() @ Matrix.Translation((-origin)[:])


def _eye(scene: bpy.types.Scene) -> Vector:
    camera = shot_objects.find(scene, None, shot_objects.CAMERA)
    if camera is None:
        raise AddonError("The shot's camera is gone: import its cameras or load its result again.")
    return camera.matrix_world.translation


def _sparse_points(scene: bpy.types.Scene) -> list[Vector]:
    cloud = shot_objects.find(scene, None, shot_objects.POINTS)
    if cloud is None:
        return []
    mesh: Any = cloud.data
    vertices = mesh.vertices
    step = max(1, len(vertices) // _MOST_POINTS)
    return [cloud.matrix_world @ vertices[index].co for index in range(0, len(vertices), step)]


def _selected(context: Any) -> Iterator[Vector]:
    if context.mode != "EDIT_MESH":
        return (thing.matrix_world.translation for thing in context.selected_objects)
    return chain.from_iterable(
        (thing.matrix_world @ vertex.co for vertex in bmesh.from_edit_mesh(thing.data).verts if vertex.select)
        for thing in context.objects_in_mode
    )


register, unregister = bpy.utils.register_classes_factory((SetWorld,))
