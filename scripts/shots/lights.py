"""What lights a scene."""

from __future__ import annotations

import bpy
from mathutils import Vector

from shots.materials import linear
from shots.shapes import Vec


def light_area(name: str, at: Vec, size: float, watts: float, colour: str) -> None:
    """A square lamp that shines on the object."""
    lamp = bpy.data.lights.new(name, "AREA")
    lamp.size, lamp.energy, lamp.color = size, watts, linear(colour)[:3]
    thing = bpy.data.objects.new(name, lamp)
    thing.location = at
    thing.rotation_euler = (Vector((0, 0, 0.4)) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)


def light_around(colour: str, strength: float) -> None:
    """Even light from everywhere."""
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = linear(colour)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = strength
    bpy.context.scene.world = world
