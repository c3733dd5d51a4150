"""The shot's camera and mesh as USD or Alembic, by Blender's own exporters, over the frames that have a camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import bpy
from bpy_extras.io_utils import ExportHelper

from ..errors import AddonError
from . import shot_objects

_FORMATS = (
    ("USD", "USD", "Universal Scene Description, .usdc"),
    ("ABC", "Alembic", "Alembic, .abc"),
)
_EXPORTED = (shot_objects.ROOT, shot_objects.CAMERA, shot_objects.MESH)
_SUFFIXES = {"USD": ".usdc", "ABC": ".abc"}


class ExportScene(bpy.types.Operator, ExportHelper):
    """Export the shot's animated camera and its mesh by Blender's own exporters"""

    bl_idname = "surface_sos.export_scene"
    bl_label = "Export Camera and Mesh"
    bl_options: ClassVar = {"REGISTER"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    kind: bpy.props.EnumProperty(name="Format", items=_FORMATS)
    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default="*.usd;*.usda;*.usdc;*.abc", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        app: Any = bpy.app
        if not (app.usd.supported or app.alembic.supported):
            cls.poll_message_set("This Blender is built without USD and Alembic; the one from blender.org has both.")
            return False
        if shot_objects.find(context.scene, None, shot_objects.CAMERA) is None:
            cls.poll_message_set("Import the shot's cameras or load its result first.")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filename_ext = _SUFFIXES[self.kind]
        return ExportHelper.invoke(self, context, event)

    def check(self, context: bpy.types.Context) -> bool:
        self.filename_ext = _SUFFIXES[self.kind]
        return ExportHelper.check(self, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            export(context, self.kind, Path(bpy.path.abspath(self.filepath)))
        except (AddonError, RuntimeError) as error:  # the latter of Blender's exporters
            self.report({"ERROR"}, " ".join(str(error).split()))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{self.filepath} is written.")
        return {"FINISHED"}


def export(context: bpy.types.Context, kind: str, file: Path) -> None:
    """Write the shot's camera, mesh and root to `file`. Raises AddonError or RuntimeError."""
    scene = context.scene
    found = [shot_objects.find(scene, None, role) for role in _EXPORTED]
    things = [thing for thing in found if thing is not None]
    first, last = _frames(scene)
    with _selected(context, things), _range(scene, first, last):
        if kind == "USD":
            done = bpy.ops.wm.usd_export(
                filepath=str(file), selected_objects_only=True, export_animation=True, evaluation_mode="VIEWPORT"
            )
        else:
            done = bpy.ops.wm.alembic_export(
                filepath=str(file), selected=True, start=first, end=last, vcolors=True, evaluation_mode="VIEWPORT"
            )
    if done != {"FINISHED"} or not file.is_file():
        raise AddonError(f"{file} could not be written by Blender's exporter; choose a folder that can be written to.")


def _frames(scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last of the shot, whose camera has a key on each."""
    camera = shot_objects.find(scene, None, shot_objects.CAMERA)
    if camera is None or camera.animation_data is None or camera.animation_data.action is None:
        raise AddonError("The shot's camera has no frames any more: load its result again.")
    first, last = camera.animation_data.action.frame_range
    return round(first), round(last)


@contextmanager
def _selected(context: bpy.types.Context, things: Sequence[bpy.types.Object]) -> Iterator[None]:
    """Only these are selected for a while, which is what exporters go by."""
    before = list(context.selected_objects)
    hidden = [thing.name for thing in things if not thing.visible_get()]
    if hidden:
        raise AddonError(f"{', '.join(hidden)} cannot be exported while hidden in this view layer: show it first.")
    for thing in before:
        thing.select_set(False)
    for thing in things:
        thing.select_set(True)
    try:
        yield
    finally:
        for thing in things:
            thing.select_set(thing in before)
        for thing in before:
            thing.select_set(True)


@contextmanager
def _range(scene: bpy.types.Scene, first: int, last: int) -> Iterator[None]:
    """The scene has these frames for a while."""
    before = scene.frame_start, scene.frame_end
    scene.frame_start, scene.frame_end = first, last
    try:
        yield
    finally:
        scene.frame_start, scene.frame_end = before


register, unregister = bpy.utils.register_classes_factory((ExportScene,))
