"""The scene box: an empty cube that the artist moves and scales, exported in the camera model's world."""

from typing import ClassVar

import bpy
from mathutils import Matrix, Vector

from ..errors import AddonError
from ..files import colmap
from ..files.box_start import start
from ..properties import shot_settings
from . import import_cameras, shot_objects

NAME = "Surface-SOS Box"


def obstacle(box: bpy.types.Object) -> str | None:
    """Why this object cannot be the box, or None."""
    if world_of(box) is None:
        return f"The box {box.name} has no imported cameras to be measured against: import the shot's cameras first."
    return None


def world_of(box: bpy.types.Object) -> bpy.types.Object | None:
    """The empty of the imported cameras, whose own space is the camera model's world: a parent, else the scene's."""
    parent = box.parent
    while parent is not None:
        if parent.get(shot_objects.MODEL) is not None:
            return parent
        parent = parent.parent
    return import_cameras.root(bpy.context.scene)


def matrix(box: bpy.types.Object) -> list[list[float]]:
    """4x4 rows that map the cube of -1 to 1 to the box in the camera model's world."""
    world = world_of(box)
    if world is None:
        raise AddonError(obstacle(box) or "")
    bpy.context.view_layer.update()  # a script may just have moved it
    in_model = world.matrix_world.inverted() @ box.matrix_world
    half = box.empty_display_size if box.type == "EMPTY" else None
    if half is None:
        corners = [Vector(corner) for corner in box.bound_box]
        low = Vector([min(corner[axis] for corner in corners) for axis in range(3)])
        high = Vector([max(corner[axis] for corner in corners) for axis in range(3)])
        middle, size = (low + high) / 2, (high - low) / 2
        fit = Matrix.Translation(middle[:]) @ Matrix.Diagonal((size.x, size.y, size.z, 1.0))
    else:
        fit = Matrix.Diagonal((half, half, half, 1.0))
    whole: Matrix = in_model @ fit
    return [[whole[row][column] for column in range(4)] for row in range(4)]


def add(scene: bpy.types.Scene) -> bpy.types.Object:
    """A box around the sparse points near what the imported cameras look at, along the axes of the model's world.

    AddonError where no cameras are imported or their model is gone.
    """
    world = import_cameras.root(scene)
    if world is None:
        raise AddonError("Import the shot's cameras first: the box appears around their sparse points.")
    centre, half = start(colmap.read_model(world[shot_objects.MODEL]))
    box = bpy.data.objects.new(NAME, None)
    box.empty_display_type, box.empty_display_size = "CUBE", 1.0
    world.users_collection[0].objects.link(box)
    box.parent = world
    box.location, box.scale = centre, half
    return box


class AddBox(bpy.types.Operator):
    """Add a box around the sparse points of the imported cameras; move and scale it to hold the object"""

    bl_idname = "surface_sos.add_box"
    bl_label = "Add Scene Box"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            box = add(context.scene)
        except AddonError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        shot_settings(context).box = box
        for thing in context.selected_objects:
            thing.select_set(False)
        box.select_set(True)
        context.view_layer.objects.active = box
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((AddBox,))
