"""The objects of a shot in a scene: all in one collection, and found again when the shot is loaded again.

An object is known by a custom property, so that the artist may rename and move it. Loading again fills the
same objects anew, which keeps constraints, links and visibility that were set on them, and leaves no orphans.
Shots of other folders stay as they are, whatever they are called: their titles are numbered.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count
from pathlib import Path

import bpy

_ROLE = "surface_sos"  # custom property: "TITLE/ROLE"; of a collection "TITLE", or "TITLE/PART"
MODEL = "surface_sos_model"  # of a root: the folder of its camera model
_AWAITS = "surface_sos_awaits"  # of a root with nothing but cameras: the footage whose result belongs there

ROOT, CAMERA, POINTS, MESH, GROUND = "root", "camera", "points", "mesh", "ground"
_APART = {MESH: "object", GROUND: "ground"}  # what is in a collection of its own within the shot's, by what that is called


def collection_name(title: str) -> str:
    return f"Surface-SOS: {title}"


def free_title(scene: bpy.types.Scene, title: str, model: str, footage: str) -> str:
    """`title`, or `title 2` and so on: one that no shot has yet, or the shot that what is loaded takes the place of.

    That is the one with the same camera model (a folder), or cameras that were imported for the same footage.
    """

    def may_have(name: str) -> bool:
        root = find(scene, name, ROOT)
        return root is None or root.get(MODEL) == model or bool(footage) and root.get(_AWAITS) == footage

    return next(filter(may_have, chain([title], (f"{title} {number}" for number in count(2)))))


def own(root: bpy.types.Object, model: str, awaits: str) -> None:
    """Note whose root this is; `awaits`: the footage whose result may take its place, or nothing."""
    root[MODEL], root[_AWAITS] = model, awaits


def title_of(thing: bpy.types.Object) -> str:
    """Of the shot that an object belongs to."""
    return str(thing.get(_ROLE, "")).rpartition("/")[0]


def holds_result(scene: bpy.types.Scene, out: Path) -> bool:
    """Whether the result in the folder `out` is in the scene."""
    root = find(scene, None, ROOT)
    return root is not None and not root.get(_AWAITS) and Path(root.get(MODEL, "")).parent == out.resolve()


def find(scene: bpy.types.Scene, title: str | None, role: str) -> bpy.types.Object | None:
    """The shot's object of that role, or None; without a title, that of the shot whose camera the scene looks through,
    which is the one loaded last, else of the one that came last."""
    tags = {thing: thing.get(_ROLE, "") for thing in scene.objects}
    seen, _, seen_role = tags.get(scene.camera, "").rpartition("/")
    if title is None and seen_role == CAMERA and f"{seen}/{role}" in tags.values():
        title = seen
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
        home = _part_collection(scene, title, _APART[role]) if role in _APART else _shot_collection(scene, title)
        home.objects.link(thing)
    return thing


def object_collection(scene: bpy.types.Scene, title: str) -> bpy.types.Collection:
    """Where the shot's mesh is, by itself, so that a view layer can do without it."""
    return _part_collection(scene, title, _APART[MESH])


def _part_collection(scene: bpy.types.Scene, title: str, part: str) -> bpy.types.Collection:
    name = f"{collection_name(title)} {part}"
    return _collection(scene, f"{title}/{part}", name, _shot_collection(scene, title))


def _shot_collection(scene: bpy.types.Scene, title: str) -> bpy.types.Collection:
    return _collection(scene, title, collection_name(title), scene.collection)


def _collection(
    scene: bpy.types.Scene, tag: str, name: str, parent: bpy.types.Collection
) -> bpy.types.Collection:
    for collection in scene.collection.children_recursive:
        if collection.get(_ROLE) == tag:
            return collection
    collection = bpy.data.collections.new(name)
    collection[_ROLE] = tag
    parent.children.link(collection)
    return collection
