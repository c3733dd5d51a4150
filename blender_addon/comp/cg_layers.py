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
    found = _found(scene, title)
    if found is not None:
        return found
    layer = scene.view_layers.new(f"{title} without object")
    layer[_TAG] = _tag(title)
    _copy_visibility(with_object(scene).layer_collection, layer.layer_collection)
    _set(layer.layer_collection, shot_objects.object_collection(scene, title), "exclude", True)
    put_ground_behind(scene, title)
    return layer


def put_ground_behind(scene: bpy.types.Scene, title: str) -> None:
    """Have the shot's ground take shadows in the layer without the object alone, since it is never before the object.

    Nothing where there is no such layer: what is rendered is then all behind.
    """
    ground, without = shot_objects.find(scene, title, shot_objects.GROUND), _found(scene, title)
    if ground is None or without is None:
        return
    for layer, hidden in ((with_object(scene), True), (without, False)):
        _set(layer.layer_collection, ground.users_collection[0], "indirect_only", hidden)


def _tag(title: str) -> str:
    return f"{title}/without object"


def _found(scene: bpy.types.Scene, title: str) -> bpy.types.ViewLayer | None:
    return next((layer for layer in scene.view_layers if layer.get(_TAG) == _tag(title)), None)


def _copy_visibility(source: Any, target: Any) -> None:
    """What collections are left out, held out or only seen indirectly."""
    for name in ("exclude", "holdout", "indirect_only"):
        if getattr(target, name) != getattr(source, name):
            setattr(target, name, getattr(source, name))
    for child in source.children:
        _copy_visibility(child, target.children[child.name])


def _set(layer: Any, collection: bpy.types.Collection, name: str, value: bool) -> None:
    """Set what a view layer, of which `layer` is the uppermost collection, does with a collection."""
    for child in layer.children:
        if child.collection == collection:
            setattr(child, name, value)
        else:
            _set(child, collection, name, value)
