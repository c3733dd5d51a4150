"""The two view layers of a comp with CG: with the shot's object, which cuts its shape out, and without it."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene import shot_objects

_TAG = "surface_sos"  # custom property of our view layer: "TITLE/without object"


def with_object(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The artist's own, the first of them, where the object stands for what it hides."""
    own = (layer for layer in scene.view_layers if _TAG not in layer.keys())  # noqa: SIM118 (of an ID)
    return next(own, None) or scene.view_layers.new("ViewLayer")


def without_object(scene: bpy.types.Scene, title: str) -> bpy.types.ViewLayer:
    """A view layer as the artist's own, but for the shot's object; made once."""
    tag = f"{title}/without object"
    found = next((layer for layer in scene.view_layers if layer.get(_TAG) == tag), None)
    if found is not None:
        return found
    layer = scene.view_layers.new(f"{title} without object")
    layer[_TAG] = tag
    _copy_visibility(with_object(scene).layer_collection, layer.layer_collection)
    _exclude(layer.layer_collection, shot_objects.object_collection(scene, title))
    return layer


def _copy_visibility(source: Any, target: Any) -> None:
    """What collections are left out, held out or only seen indirectly."""
    for name in ("exclude", "holdout", "indirect_only"):
        if getattr(target, name) != getattr(source, name):
            setattr(target, name, getattr(source, name))
    for child in source.children:
        _copy_visibility(child, target.children[child.name])


def _exclude(layer: Any, collection: bpy.types.Collection) -> None:
    for child in layer.children:
        if child.collection == collection:
            child.exclude = True
        else:
            _exclude(child, collection)
