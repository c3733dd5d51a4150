"""The add-on's preferences: which Python holds the core, and the buttons that make and look at it."""

import bpy
from bpy.props import StringProperty

from ..job.core_setup import Check, SetUp
from ..properties import ADDON, run_state
from .panel_parts import draw_run, draw_sentence


class SurfaceSosPreferences(bpy.types.AddonPreferences):
    bl_idname = ADDON

    core_python: StringProperty(
        name="Core's Python",
        description="Python of the environment that holds surface-sos-core; empty: the one that Set up makes",
        subtype="FILE_PATH",
    )
    setup_python: StringProperty(
        name="Python for Set Up",
        description="Python 3.11 or newer that Set up makes the environment with; empty: Blender's own, "
        "or the system's where that is newer",
        subtype="FILE_PATH",
    )
    findings: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    mask_sources: StringProperty(
        description="Sources of coarse masks that the core has, as Check found them", options={"HIDDEN"}
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.prop(self, "core_python")
        layout.prop(self, "setup_python")
        row = layout.row()
        row.operator(SetUp.bl_idname)
        row.operator(Check.bl_idname)
        draw_run(layout, run_state())
        lines = layout.column(align=True)
        for line in self.findings.splitlines():
            draw_sentence(lines, line)


class ShowPreferences(bpy.types.Operator):
    """Open the add-on's preferences, where Set Up gets the core"""

    bl_idname = "surface_sos.show_preferences"
    bl_label = "Open Preferences"

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=ADDON)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((SurfaceSosPreferences, ShowPreferences))
