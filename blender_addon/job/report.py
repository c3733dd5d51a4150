"""The shot's report in the web browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import bpy

from . import shot_request


class OpenReport(bpy.types.Operator):
    """Open the report of the shot in the web browser"""

    bl_idname = "surface_sos.open_report"
    bl_label = "Open Report"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if _report(context).is_file():
            return True
        cls.poll_message_set("The shot has no report yet: it is written at the end.")
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        webbrowser.open(_report(context).resolve().as_uri())
        return {"FINISHED"}


def _report(context: bpy.types.Context) -> Path:
    return shot_request.out_folder(context) / "report.html"


register, unregister = bpy.utils.register_classes_factory((OpenReport,))
