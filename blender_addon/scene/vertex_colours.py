"""Vertex colours of meshes and the material that shows them."""

from __future__ import annotations

from array import array
from typing import Any

import bpy

from ..comp import nodes

ATTRIBUTE = "Col"


def set_colours(mesh: bpy.types.Mesh, rgb: bytes | bytearray) -> None:
    """Colour a mesh's vertices; `rgb`: 3 bytes a vertex, sRGB."""
    layer: Any = mesh.color_attributes.new(ATTRIBUTE, "BYTE_COLOR", "POINT")
    rgba, shares = array("f", [1.0]) * (len(rgb) // 3 * 4), [value / 255 for value in range(256)]
    for channel in range(3):
        rgba[channel::4] = array("f", map(shares.__getitem__, rgb[channel::3]))
    layer.data.foreach_set("color_srgb", rgba)
    mesh.color_attributes.active_color = layer


def show_colours(mesh: bpy.types.Mesh, name: str, shadeless: bool) -> bpy.types.Material:
    """Give a mesh a material of its vertex colours, unless it has one already; returns it.

    A shadeless one glows in them; the other reflects them without gloss, as they hold the highlights already.
    """
    if mesh.materials and mesh.materials[0] is not None:
        return mesh.materials[0]
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # until 4.5; since 5.0 a material always has nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    colour: Any = tree.nodes.new("ShaderNodeVertexColor")
    colour.layer_name = ATTRIBUTE
    shader = tree.nodes.new("ShaderNodeEmission" if shadeless else "ShaderNodeBsdfDiffuse")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(colour.outputs["Color"], shader.inputs["Color"])
    tree.links.new(shader.outputs[0], output.inputs["Surface"])
    nodes.arrange((colour, shader, output))
    mesh.materials.clear()
    mesh.materials.append(material)
    return material
