"""Files that are dropped into a window, in Blender 4.1 and newer: footage, and the shot.json of a result."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from ..core import manifest
from ..files import plates
from ..properties import shot_settings
from ..scene.load_result import LoadResult

_FILE_HANDLER: Any = getattr(bpy.types, "FileHandler", None)  # since 4.1
_PLACES = ("VIEW_3D", "CLIP_EDITOR")


class UseFootage(bpy.types.Operator):
    """Make this file the shot's footage; a frame stands for its sequence"""

    bl_idname = "surface_sos.use_footage"
    bl_label = "Use as Footage"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings: Any = shot_settings(context)
        settings.footage_from, settings.footage = "FILES", self.filepath
        self.report({"INFO"}, f"The footage is {settings.footage}.")
        return {"FINISHED"}


def _in_a_view(cls: type, context: bpy.types.Context) -> bool:
    return context.area is not None and context.area.type in _PLACES


def _handler(name: str, operator: Any, label: str, suffixes: list[str]) -> type:
    """What Blender offers where a file of these suffixes is dropped."""
    members = {
        "bl_idname": name,
        "bl_label": label,
        "bl_import_operator": operator.bl_idname,
        "bl_file_extensions": ";".join(suffixes),
        "poll_drop": classmethod(_in_a_view),
    }
    return type(name, (_FILE_HANDLER,), members)


def _handlers() -> list[type]:
    if _FILE_HANDLER is None:
        return []
    known: Any = bpy.path
    movies = sorted(set(known.extensions_movie) - set(plates.IMAGE_SUFFIXES))
    result = "." + manifest.FILE_NAME.rpartition(".")[2]
    return [
        _handler("SURFACE_SOS_FH_footage", UseFootage, "Surface-SOS Footage", [*plates.IMAGE_SUFFIXES, *movies]),
        _handler("SURFACE_SOS_FH_result", LoadResult, "Surface-SOS Result", [result]),
    ]


register, unregister = bpy.utils.register_classes_factory((UseFootage, *_handlers()))
