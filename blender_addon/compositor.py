"""The compositor's part: the node group that puts a shot's foreground over a background, in every Blender.

Node types and sockets are looked up by what the running Blender has, not by its version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from . import nodes

GROUP = "Surface-SOS Composite"
_TAG = "surface_sos"  # custom property of our nodes: "TITLE/ROLE"
_TINY = 1e-6  # keeps 0 / 0 of an empty matte at 1, so that light without alpha, a glow, stays as it is

_INPUTS: tuple[tuple[str, str, float | None], ...] = (
    ("Foreground", "NodeSocketColor", None),
    ("Background", "NodeSocketColor", None),
    ("Matte Gain", "NodeSocketFloat", 1.0),
    ("Edge", "NodeSocketFloat", 0.0),
)
_OUTPUTS = (("Image", "NodeSocketColor"), ("Matte", "NodeSocketFloat"))


def composite_group() -> bpy.types.NodeTree:
    """The node group, made once in a file.

    Foreground is premultiplied RGBA, Background a new background or the clean plate. With a the foreground's
    alpha, the matte is a' = min(gain a^(2^-edge), 1): Edge moves the outline within its soft band, outwards
    above 0 and inwards below. The foreground's light follows its matte:

        Image = (a' / a) Foreground + (1 - a') Background
    """
    group: Any = bpy.data.node_groups.get(GROUP)
    if group is not None and group.bl_idname == "CompositorNodeTree":
        return group
    group = bpy.data.node_groups.new(GROUP, "CompositorNodeTree")
    for name, kind, default in _INPUTS:
        socket = nodes.add_socket(group, name, kind, "INPUT")
        if default is not None:
            socket.default_value = default
    for name, kind in _OUTPUTS:
        nodes.add_socket(group, name, kind, "OUTPUT")
    given, made = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    split = group.nodes.new("CompositorNodeSeparateColor")
    group.links.new(given.outputs["Foreground"], split.inputs[0])
    alpha = split.outputs["Alpha"]
    power = _math(group, "POWER", 2.0, _math(group, "MULTIPLY", given.outputs["Edge"], -1.0))
    shaped = _math(group, "POWER", alpha, power)
    matte = _math(group, "MULTIPLY", shaped, given.outputs["Matte Gain"], clamp=True)
    change = _math(group, "DIVIDE", _math(group, "ADD", matte, _TINY), _math(group, "ADD", alpha, _TINY))
    light = group.nodes.new("CompositorNodeSetAlpha")  # by default it multiplies all four channels
    group.links.new(given.outputs["Foreground"], light.inputs["Image"])
    group.links.new(change, light.inputs["Alpha"])
    over = group.nodes.new("CompositorNodeAlphaOver")  # premultiplied by default
    back, front = _over_sockets(over)
    group.links.new(given.outputs["Background"], back)
    group.links.new(light.outputs["Image"], front)
    group.links.new(over.outputs["Image"], made.inputs["Image"])
    group.links.new(matte, made.inputs["Matte"])
    nodes.arrange([given, *(node for node in group.nodes if node not in (given, made)), made])
    return group


def _math(
    tree: bpy.types.NodeTree, operation: str, *values: Any, clamp: bool = False
) -> bpy.types.NodeSocket:
    """A math node of numbers and sockets; returns its output."""
    kind = "CompositorNodeMath" if hasattr(bpy.types, "CompositorNodeMath") else "ShaderNodeMath"
    node: Any = tree.nodes.new(kind)
    node.operation, node.use_clamp = operation, clamp
    for index, value in enumerate(values):
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, node.inputs[index])
        else:
            node.inputs[index].default_value = value
    return node.outputs[0]


def _over_sockets(over: bpy.types.Node) -> Sequence[bpy.types.NodeSocket]:
    """Alpha Over's background and foreground."""
    if "Background" in over.inputs:  # since 5.0
        return over.inputs["Background"], over.inputs["Foreground"]
    return over.inputs[1], over.inputs[2]


def place(scene: bpy.types.Scene, title: str) -> tuple[bpy.types.Node, bpy.types.Node]:
    """The shot's layer image node and composite node in the scene's compositor, made or found again.

    Where the scene has no compositing yet, the composite becomes what it renders; the nodes of an artist are
    left alone.
    """
    tree, is_new = scene_tree(scene)
    layers = _node(tree, title, "layers", "CompositorNodeImage")
    composite: Any = _node(tree, title, "composite", "CompositorNodeGroup")
    composite.node_tree = composite_group()
    layers.label, composite.label = f"{title} layers", f"{title} composite"
    if is_new:
        made = sink(tree)
        tree.links.new(composite.outputs["Image"], made.inputs["Image"])
        nodes.arrange((layers, composite, made))
    return layers, composite


def connect(layers: bpy.types.Node, composite: bpy.types.Node) -> None:
    """Foreground over clean plate, unless the artist has connected something else already.

    Raises LookupError where the layers' image lacks these layers.
    """
    tree: Any = layers.id_data
    for output, socket in (("Combined", "Foreground"), ("clean", "Background")):
        if output not in layers.outputs:
            raise LookupError(f"The layers have no {output} for the compositor.")
        if not composite.inputs[socket].is_linked:
            tree.links.new(layers.outputs[output], composite.inputs[socket])


def _node(tree: bpy.types.NodeTree, title: str, role: str, kind: str) -> bpy.types.Node:
    tag = f"{title}/{role}"
    for node in tree.nodes:
        if node.get(_TAG) == tag:
            return node
    node = tree.nodes.new(kind)
    node[_TAG] = tag
    return node


def scene_tree(scene: Any) -> tuple[bpy.types.NodeTree, bool]:
    """The scene's compositing nodes, and whether they were only now made."""
    scene.render.use_compositing = True
    if hasattr(scene, "compositing_node_group"):  # since 5.0
        if scene.compositing_node_group is not None:
            return scene.compositing_node_group, False
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        nodes.add_socket(tree, "Image", "NodeSocketColor", "OUTPUT")
        scene.compositing_node_group = tree
        return tree, True
    if scene.use_nodes and scene.node_tree.nodes:
        return scene.node_tree, False
    scene.use_nodes = True
    scene.node_tree.nodes.clear()  # Blender's default: the 3D render, which nothing shows here
    return scene.node_tree, True


def sink(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """What the scene renders."""
    if hasattr(bpy.types, "CompositorNodeComposite"):  # until 4.5
        return tree.nodes.new("CompositorNodeComposite")
    return tree.nodes.new("NodeGroupOutput")
