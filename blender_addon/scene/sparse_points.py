"""COLMAP's sparse points as a coloured point mesh."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import bpy

from ..comp import nodes
from ..files.colmap import Points
from . import shot_objects, vertex_colours

_MODIFIER, _DROP = "Surface-SOS Points", "Drop"


def show_points(
    scene: bpy.types.Scene, title: str, points: Points, world: bpy.types.Object, radius: float
) -> None:
    """Fill the shot's point mesh, below the empty `world`; without points there need be none.

    `radius`: of the drops that the points are drawn as.
    """
    if not points and shot_objects.find(scene, title, shot_objects.POINTS) is None:
        return
    thing = shot_objects.find_or_make(scene, title, shot_objects.POINTS, bpy.data.meshes.new)
    thing.parent = world
    thing["surface_sos_points"] = 1
    thing.hide_render = True
    mesh: Any = thing.data
    mesh.clear_geometry()
    xyz = points.xyz
    mesh.from_pydata(list(zip(xyz[0::3], xyz[1::3], xyz[2::3], strict=True)), [], [])
    vertex_colours.set_colours(mesh, points.rgb)
    material = vertex_colours.show_colours(mesh, thing.name, shadeless=True)
    modifier: Any = thing.modifiers.get(_MODIFIER)
    if modifier is None:
        modifier = thing.modifiers.new(_MODIFIER, "NODES")
        modifier.node_group = _drops(thing.name, material)
    modifier.node_group.nodes[_DROP].inputs["Radius"].default_value = radius


def _drops(name: str, material: bpy.types.Material) -> bpy.types.NodeTree:
    """Geometry nodes that put a small octahedron on each vertex, in the vertex's colour.

    Vertices alone have no colour in a viewport, and point clouds none in those of 3.4.
    """
    tree: Any = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        nodes.add_socket(tree, "Geometry", "NodeSocketGeometry", direction)
    kinds = ("GeometryNodeInstanceOnPoints", "GeometryNodeRealizeInstances", "GeometryNodeSetMaterial")
    on_points, realize, paint = (tree.nodes.new(kind) for kind in kinds)
    chain = [tree.nodes.new("NodeGroupInput"), on_points, realize, paint, tree.nodes.new("NodeGroupOutput")]
    paint.inputs["Material"].default_value = material
    for before, after in pairwise(chain):
        tree.links.new(before.outputs[0], after.inputs[0])
    nodes.arrange(chain)
    drop = tree.nodes.new("GeometryNodeMeshUVSphere")
    drop.name, drop.location = _DROP, (0, -200)
    drop.inputs["Segments"].default_value, drop.inputs["Rings"].default_value = 4, 2
    tree.links.new(drop.outputs[0], on_points.inputs["Instance"])
    return tree
