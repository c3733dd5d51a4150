"""The node group that puts a shot's foreground over its clean plate with CG before and behind it, in every Blender.

Node types and sockets are looked up by what the running Blender has, not by its version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from . import nodes

NAME = "Surface-SOS Comp"
_TINY = 1e-6  # keeps 0 / 0 of an empty matte at 1, so that light without alpha, a glow, stays as it is
_DARKEST = 1e-3  # shadow that is still divided by
_CLEAR, _WHITE = (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)

_INPUTS: tuple[tuple[str, Any, tuple[float, float] | None], ...] = (  # name, default, range of a number
    ("Foreground", _CLEAR, None),
    ("Background", _CLEAR, None),
    ("Shadow", _WHITE, None),
    ("CG", _CLEAR, None),
    ("CG Before", _CLEAR, None),
    ("Matte Gain", 1.0, (0.0, 10.0)),
    ("Edge", 0.0, (-4.0, 4.0)),
    ("Use Shadow", 0.0, (-1.0, 1.0)),
)
_OUTPUTS = (("Image", "NodeSocketColor"), ("Matte", "NodeSocketFloat"))


def comp_group() -> bpy.types.NodeTree:
    """The node group, made once in a file.

    Foreground F is premultiplied RGBA with alpha a; Background B a clean plate or another; CG C all that was rendered as if
    the object were not there; CG Before D what of it the object does not hide; C and D premultiplied. The matte is
    a' = min(gain a^(2^-edge), 1): Edge moves the outline within its soft band, outwards above 0 and inwards below. The
    foreground's light follows its matte. What is before the object takes its place in the matte, so that outlines stay
    as soft as they are:

        F' = a' D + (1 - D.a) (a' / a) F
        Image = F' + (1 - a') (C + (1 - C.a) B shadow^use)

    Use Shadow is 0 for a background as it is, -1 to take the subject's shadow out of the clean plate, and 1 to put it on
    another background.
    """
    group: Any = bpy.data.node_groups.get(NAME)
    if group is not None and group.bl_idname == "CompositorNodeTree":
        return group
    group = bpy.data.node_groups.new(NAME, "CompositorNodeTree")
    for name, default, limits in _INPUTS:
        socket = nodes.add_socket(group, name, f"NodeSocket{'Color' if limits is None else 'Float'}", "INPUT")
        socket.default_value = default
        if limits is not None:
            socket.min_value, socket.max_value = limits
    for name, kind in _OUTPUTS:
        nodes.add_socket(group, name, kind, "OUTPUT")
    given, made = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    foreground, before = given.outputs["Foreground"], given.outputs["CG Before"]
    alpha, covered = _channels(group, foreground)[3], _channels(group, before)[3]
    power = _math(group, "POWER", 2.0, _math(group, "MULTIPLY", given.outputs["Edge"], -1.0))
    shaped = _math(group, "POWER", alpha, power)
    matte = _math(group, "MULTIPLY", shaped, given.outputs["Matte Gain"], clamp=True)
    change = _math(group, "DIVIDE", _math(group, "ADD", matte, _TINY), _math(group, "ADD", alpha, _TINY))
    light = _scaled(group, foreground, change)
    in_matte = _with_alpha(group, _scaled(group, before, matte), covered)
    front = _with_alpha(group, _over(group, light, in_matte), matte)
    background = _times_power(
        group, given.outputs["Background"], given.outputs["Shadow"], given.outputs["Use Shadow"]
    )
    image = _over(group, _over(group, background, given.outputs["CG"]), front)
    group.links.new(image, made.inputs["Image"])
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


def _channels(tree: bpy.types.NodeTree, colour: bpy.types.NodeSocket) -> Sequence[bpy.types.NodeSocket]:
    """Red, green, blue and alpha."""
    node = tree.nodes.new("CompositorNodeSeparateColor")
    tree.links.new(colour, node.inputs[0])
    return list(node.outputs)


def _scaled(
    tree: bpy.types.NodeTree, colour: bpy.types.NodeSocket, factor: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """All four channels times a factor."""
    return _set_alpha(tree, colour, factor).outputs["Image"]  # by default it multiplies all four


def _with_alpha(
    tree: bpy.types.NodeTree, colour: bpy.types.NodeSocket, alpha: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    """The colour as it is, with another alpha."""
    node = _set_alpha(tree, colour, alpha)
    if "Type" in node.inputs:  # since 5.0
        node.inputs["Type"].default_value = "Replace Alpha"
    else:
        node.mode = "REPLACE_ALPHA"
    return node.outputs["Image"]


def _set_alpha(tree: bpy.types.NodeTree, colour: bpy.types.NodeSocket, alpha: bpy.types.NodeSocket) -> Any:
    node = tree.nodes.new("CompositorNodeSetAlpha")
    tree.links.new(colour, node.inputs["Image"])
    tree.links.new(alpha, node.inputs["Alpha"])
    return node


def _over(
    tree: bpy.types.NodeTree, back: bpy.types.NodeSocket, front: bpy.types.NodeSocket
) -> bpy.types.NodeSocket:
    node = tree.nodes.new("CompositorNodeAlphaOver")  # premultiplied by default
    named = "Background" in node.inputs  # since 5.0
    tree.links.new(back, node.inputs["Background"] if named else node.inputs[1])
    tree.links.new(front, node.inputs["Foreground"] if named else node.inputs[2])
    return node.outputs["Image"]


def _times_power(
    tree: bpy.types.NodeTree,
    colour: bpy.types.NodeSocket,
    factor: bpy.types.NodeSocket,
    power: bpy.types.NodeSocket,
) -> bpy.types.NodeSocket:
    """colour factor^power, each of red, green and blue by itself."""
    made = tree.nodes.new("CompositorNodeCombineColor")
    *rgb, alpha = _channels(tree, colour)
    for index, (value, base) in enumerate(zip(rgb, _channels(tree, factor)[:3])):  # noqa: B905 (three each)
        bounded = _math(tree, "MAXIMUM", base, _DARKEST)
        tree.links.new(
            _math(tree, "MULTIPLY", value, _math(tree, "POWER", bounded, power)), made.inputs[index]
        )
    tree.links.new(alpha, made.inputs[3])
    return made.outputs[0]
