"""The objects of a shot in a scene: all in one collection, and found again when the shot is loaded again.

An object is known by a custom property, so that the artist may rename and move it. Loading again fills the
same objects anew, which keeps constraints, links and visibility that were set on them, and leaves no orphans.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy

_ROLE = "surface_sos"  # custom property: "TITLE/ROLE"

ROOT, CAMERA, POINTS, MESH = "root", "camera", "points", "mesh"


def collection_name(title: str) -> str:
    return f"Surface-SOS: {title}"


def find(scene: bpy.types.Scene, title: str | None, role: str) -> bpy.types.Object | None:
    """The shot's object of that role, or None; without a title, that of the shot loaded last here."""
    tags = {thing: thing.get(_ROLE, "") for thing in scene.objects}
    if title is None:
        found = [thing for thing, tag in tags.items() if tag.endswith(f"/{role}")][-1:]
    else:  # the first: later ones are an artist's copies
        found = [thing for thing, tag in tags.items() if tag == f"{title}/{role}"][:1]
    return found[0] if found else None


def find_or_make(
    scene: bpy.types.Scene, title: str, role: str, make_data: Callable[[str], bpy.types.ID | None]
) -> bpy.types.Object:
    """The shot's object of that role; `make_data` is called with a name for what a new one holds."""
    thing = find(scene, title, role)
    if thing is None:
        name = f"{title} {role}"
        thing = bpy.data.objects.new(name, make_data(name))
        thing[_ROLE] = f"{title}/{role}"
        _collection(scene, title).objects.link(thing)
    return thing


def _collection(scene: bpy.types.Scene, title: str) -> bpy.types.Collection:
    for collection in scene.collection.children_recursive:
        if collection.get(_ROLE) == title:
            return collection
    collection = bpy.data.collections.new(collection_name(title))
    collection[_ROLE] = title
    scene.collection.children.link(collection)
    return collection
