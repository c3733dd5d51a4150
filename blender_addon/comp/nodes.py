"""Node trees of any kind: what differs between Blenders, and where nodes are put."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy


def add_socket(tree: Any, name: str, kind: str, direction: str) -> Any:
    """Add an INPUT or OUTPUT to a node tree's interface; returns it."""
    if hasattr(tree, "interface"):  # since 4.0
        return tree.interface.new_socket(name, in_out=direction, socket_type=kind)
    return (tree.inputs if direction == "INPUT" else tree.outputs).new(kind, name)


def arrange(nodes: Iterable[bpy.types.Node]) -> None:
    """Put nodes in a row."""
    for index, node in enumerate(nodes):
        node.location = (240 * index, 0)
