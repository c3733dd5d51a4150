"""A shot's comp among a scene's compositing nodes: clean plate, CG with the object cut out of it, foreground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..errors import AddonError
from . import comp_group, formats, nodes

_TAG = "surface_sos"  # custom property of our nodes: "TITLE/ROLE"
_PLACES = {  # of our nodes, from the top left corner of them all
    "layers": (0, 0),
    "cg": (0, -560),
    "cg before": (0, -960),
    "composite": (400, -160),
    "out": (760, 0),
    "viewer": (760, -200),
    "file": (760, -400),
}
_MARGIN, _TALLEST = 120, 560  # below an artist's nodes, whose heights are not known before they are drawn


@dataclass(frozen=True)
class Comp:
    """A shot's nodes. is_new: made only now; is_whole: and the scene's compositing with them, so that it renders the comp."""

    title: str
    layers: bpy.types.Node
    composite: bpy.types.Node
    is_new: bool
    is_whole: bool

    @property
    def advice(self) -> str:
        """What to link where an artist's nodes are what the scene renders."""
        return (
            f"The compositor has nodes of yours, which stay: link the output Image of '{self.composite.label}' "
            "to where you want the comp, such as the Composite or Group Output node."
        )


def place(
    scene: bpy.types.Scene, title: str, cg: bpy.types.ViewLayer, before: bpy.types.ViewLayer | None
) -> Comp:
    """The shot's nodes in the scene's compositor, made or found again; `connect` links its layers.

    cg: the view layer of all CG without the object; before: that which the object is cut out of, None where it has no mesh.
    Where the scene has no compositing yet, the composite becomes what it renders; the nodes of an artist are left alone.
    """
    tree, is_new = scene_tree(scene)
    corner = (0.0, 0.0) if is_new else _free_corner(tree)
    known = {node.get(_TAG) for node in tree.nodes}
    layers = _node(tree, title, "layers", "CompositorNodeImage", corner)
    composite = _node(tree, title, "composite", "CompositorNodeGroup", corner)
    composite.node_tree, composite.width = comp_group.comp_group(), 220
    for role, layer, socket in (("cg", cg, "CG"), ("cg before", before, "CG Before")):
        if layer is None:
            continue
        rendered = _node(tree, title, role, "CompositorNodeRLayers", corner)
        rendered.scene, rendered.layer = scene, layer.name
        _link(tree, rendered.outputs["Image"], composite.inputs[socket])
    if is_new:
        made = sink(tree)
        made.location = _PLACES["out"]
        tree.links.new(composite.outputs["Image"], made.inputs["Image"])
    if f"{title}/viewer" in known or not any(node.type == "VIEWER" for node in tree.nodes):
        viewer = _node(tree, title, "viewer", "CompositorNodeViewer", corner)
        _link(tree, composite.outputs["Image"], viewer.inputs["Image"])
    return Comp(title, layers, composite, f"{title}/composite" not in known, is_new)


def connect(comp: Comp, frames: Path, space: str) -> None:
    """Foreground over clean plate, unless the artist has connected something else already, and an EXR of each frame.

    frames: their path, # for each digit of the number; space: what they are in, see formats.as_exr. Raises
    LookupError where the layers' image lacks these layers.
    """
    tree: Any = comp.layers.id_data
    for output, socket in (("Combined", "Foreground"), ("clean", "Background")):
        if output not in comp.layers.outputs:
            raise LookupError(f"The layers have no {output} for the compositor.")
        _link(tree, comp.layers.outputs[output], comp.composite.inputs[socket])
    if "shadow" in comp.layers.outputs:  # of a subject that moves
        _link(tree, comp.layers.outputs["shadow"], comp.composite.inputs["Shadow"])
    if _find(tree, comp.title, "file") is None:
        corner = (comp.layers.location[0], comp.layers.location[1])
        file = _node(tree, comp.title, "file", "CompositorNodeOutputFile", corner)
        tree.links.new(comp.composite.outputs["Image"], _file_input(file, frames))
        formats.as_exr(file.format, space)


def _file_input(file: Any, frames: Path) -> bpy.types.NodeSocket:
    """The socket of a File Output node whose pictures are called `frames` and their number."""
    if not hasattr(file, "directory"):  # until 4.5
        file.base_path, file.file_slots[0].path = str(frames.parent), frames.name
        return file.inputs[0]
    file.format.media_type = "IMAGE"
    file.directory, file.file_name = str(frames.parent), ""
    file.file_output_items.new("RGBA", frames.name)
    return file.inputs[0]


def view(scene: bpy.types.Scene, title: str, clean: bool) -> None:
    """Have the Viewer show the shot's clean plate, or its comp. Raises AddonError where the shot has no nodes of its own."""
    tree = _existing_tree(scene)
    found = [_find(tree, title, role) for role in ("layers", "composite")] if tree is not None else [None]
    if None in found:
        raise AddonError("The compositor has no comp of this shot: load its result again.")
    layers, composite = found
    viewer = _find(tree, title, "viewer") or next((node for node in tree.nodes if node.type == "VIEWER"), None)
    if viewer is None:
        raise AddonError("The compositor has no Viewer: add one.")
    tree.links.new(layers.outputs["clean"] if clean else composite.outputs["Image"], viewer.inputs["Image"])
    tree.nodes.active = viewer


def mute_rendering(scene: Any, muted: bool = True) -> None:
    """Have the shots' comps neither render the 3D scene nor write files of their own; or let them again."""
    tree, _ = scene_tree(scene)
    for node in tree.nodes:
        if node.get(_TAG, "").rpartition("/")[2] in ("cg", "cg before", "file"):
            node.mute = muted


def _link(tree: Any, output: bpy.types.NodeSocket, socket: bpy.types.NodeSocket) -> None:
    if not socket.is_linked:
        tree.links.new(output, socket)


def _find(tree: bpy.types.NodeTree, title: str, role: str) -> Any | None:
    return next((node for node in tree.nodes if node.get(_TAG) == f"{title}/{role}"), None)


def _node(
    tree: bpy.types.NodeTree, title: str, role: str, kind: str, corner: tuple[float, float]
) -> Any:
    """The shot's node of that role; a new one at its place below and right of `corner`."""
    found = _find(tree, title, role)
    if found is not None:
        return found
    node: Any = tree.nodes.new(kind)
    node[_TAG], node.label = f"{title}/{role}", f"{title} {role}"
    right, up = _PLACES[role]
    node.location = (corner[0] + right, corner[1] + up)
    return node


def _free_corner(tree: bpy.types.NodeTree) -> tuple[float, float]:
    """The left end of the free space below all nodes."""
    tops = [_place(node) for node in tree.nodes if node.type != "FRAME"] or [(0.0, 0.0)]
    return min(x for x, _ in tops), min(y for _, y in tops) - _TALLEST - _MARGIN


def _place(node: bpy.types.Node) -> tuple[float, float]:
    """Where a node is; the location of one within a frame is told from the frame's."""
    x, y = node.location
    if node.parent is None:
        return x, y
    right, up = _place(node.parent)
    return x + right, y + up


def scene_tree(scene: Any) -> tuple[bpy.types.NodeTree, bool]:
    """The scene's compositing nodes, and whether they were only now made."""
    scene.render.use_compositing = True
    if (tree := _existing_tree(scene)) is not None:
        return tree, False
    if hasattr(scene, "compositing_node_group"):  # since 5.0
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        nodes.add_socket(tree, "Image", "NodeSocketColor", "OUTPUT")
        scene.compositing_node_group = tree
        return tree, True
    scene.use_nodes = True
    scene.node_tree.nodes.clear()  # Blender's default: the 3D render alone
    return scene.node_tree, True


def _existing_tree(scene: Any) -> Any | None:
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes and scene.node_tree.nodes else None


def sink(tree: bpy.types.NodeTree) -> bpy.types.Node:
    """What the scene renders."""
    if hasattr(bpy.types, "CompositorNodeComposite"):  # until 4.5
        return tree.nodes.new("CompositorNodeComposite")
    return tree.nodes.new("NodeGroupOutput")
