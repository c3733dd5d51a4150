"""Procedural materials: patterns that cameras can be solved on, and plain colours."""

from __future__ import annotations

import bpy


def linear(code: str) -> tuple[float, float, float, float]:
    """'#rrggbb' in sRGB -> linear RGBA."""
    values = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue, 1.0


def texture_node(
    nodes: bpy.types.Nodes, links: bpy.types.NodeLinks, kind: str
) -> tuple[bpy.types.Node, bpy.types.NodeSocket]:
    """The texture node of a pattern, and its output as one value in [0, 1]."""
    if kind in ("cells", "tiles"):
        node = nodes.new("ShaderNodeTexVoronoi")
        node.distance = "CHEBYCHEV" if kind == "tiles" else "EUCLIDEAN"
        split = nodes.new("ShaderNodeSeparateColor")
        links.new(node.outputs["Color"], split.inputs[0])
        return node, split.outputs[0]
    if kind == "dots":
        node = nodes.new("ShaderNodeTexVoronoi")
        return node, node.outputs["Distance"]
    if kind == "bands":
        node = nodes.new("ShaderNodeTexWave")
        node.inputs["Distortion"].default_value = 3.0
        node.inputs["Detail"].default_value = 2.0
        return node, node.outputs["Fac"]
    if kind == "blobs":
        node = nodes.new("ShaderNodeTexNoise")
        node.inputs["Detail"].default_value = 3.0
        stretch = nodes.new("ShaderNodeMapRange")  # noise keeps to the middle of its range
        stretch.inputs["From Min"].default_value = 0.3
        stretch.inputs["From Max"].default_value = 0.7
        links.new(node.outputs["Fac"], stretch.inputs["Value"])
        return node, stretch.outputs["Result"]
    raise ValueError(f"no texture called {kind}")


def pattern(
    name: str,
    kind: str,
    colours: list[str],
    scale: float,
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    grain: float = 0.5,
    mortar: str | None = None,
) -> bpy.types.Material:
    """A matt material: flat patches of the colours in the shape of a texture, under a finer speckle.

    With a mortar colour the patches are the bricks of a wall instead.
    """
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = 0.7

    coordinates = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    mapping = nodes.new("ShaderNodeMapping")
    mapping.inputs["Location"].default_value = (3.1, 7.7, 1.3)
    mapping.inputs["Scale"].default_value = stretch
    links.new(coordinates, mapping.inputs["Vector"])

    if mortar is None:
        texture, value = texture_node(nodes, links, kind)
        ramp = nodes.new("ShaderNodeValToRGB")
        ramp.color_ramp.interpolation = "CONSTANT"
        while len(ramp.color_ramp.elements) < len(colours):
            ramp.color_ramp.elements.new(0.5)
        for i, colour in enumerate(colours):
            ramp.color_ramp.elements[i].position = i / len(colours)
            ramp.color_ramp.elements[i].color = linear(colour)
        links.new(value, ramp.inputs["Fac"])
        base = ramp.outputs["Color"]
    else:
        texture = nodes.new("ShaderNodeTexBrick")
        for socket, colour in zip(("Color1", "Color2", "Mortar"), (*colours, mortar), strict=True):
            texture.inputs[socket].default_value = linear(colour)
        texture.inputs["Mortar Size"].default_value = 0.025
        base = texture.outputs["Color"]
    texture.inputs["Scale"].default_value = scale
    links.new(mapping.outputs["Vector"], texture.inputs["Vector"])

    speckle = nodes.new("ShaderNodeTexNoise")
    speckle.inputs["Scale"].default_value = 2.7 * scale
    speckle.inputs["Detail"].default_value = 4.0
    links.new(mapping.outputs["Vector"], speckle.inputs["Vector"])
    shade = nodes.new("ShaderNodeMapRange")
    for socket, number in (
        ("From Min", 0.35),
        ("From Max", 0.65),
        ("To Min", 1.0 - grain),
        ("To Max", 1.0 + 0.2 * grain),
    ):
        shade.inputs[socket].default_value = number
    links.new(speckle.outputs["Fac"], shade.inputs["Value"])
    product = nodes.new("ShaderNodeVectorMath")
    product.operation = "MULTIPLY"
    links.new(base, product.inputs[0])
    links.new(shade.outputs["Result"], product.inputs[1])
    links.new(product.outputs["Vector"], shader.inputs["Base Color"])
    return material


def plain(name: str, colour: str) -> bpy.types.Material:
    """One matt colour."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = linear(colour)
    shader.inputs["Roughness"].default_value = 0.7
    return material


def metal(name: str, colour: str, roughness: float) -> bpy.types.Material:
    """Bare metal, the more of a mirror the less rough it is."""
    material = plain(name, colour)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Metallic"].default_value = 1.0
    shader.inputs["Roughness"].default_value = roughness
    return material


def black(name: str) -> bpy.types.Material:
    """Neither shines nor reflects: the quickest to render."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = material.node_tree.nodes
    shader = nodes.new("ShaderNodeEmission")
    shader.inputs["Strength"].default_value = 0.0
    material.node_tree.links.new(shader.outputs["Emission"], nodes["Material Output"].inputs["Surface"])
    nodes.remove(nodes["Principled BSDF"])
    return material


def glass(name: str, colour: str) -> bpy.types.Material:
    """Clear glass, tinted by the colour."""
    material = plain(name, colour)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Transmission Weight"].default_value = 1.0
    shader.inputs["Roughness"].default_value = 0.0
    return material
