"""Which Python holds the core: chosen, made by "Set up", and looked at by "Check"."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import messages
from .core_python import CoreNotFound, find_core_python
from .errors import AddonError
from .job_operator import JobOperator, Task
from .panel_parts import draw_run, draw_sentence
from .properties import run_state

_HERE = Path(__file__).resolve().parent
_LEAST_PYTHON = (3, 11)
_NAMES = ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python", "py")


class SurfaceSosPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    core_python: StringProperty(
        name="Core's Python",
        description="Python of the environment that holds surface-sos-core; empty: the one that Set up makes",
        subtype="FILE_PATH",
    )
    setup_python: StringProperty(
        name="Python for Set Up",
        description="Python 3.11 or newer that Set up makes the environment with; empty: the first one found",
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


def preferences(context: bpy.types.Context) -> SurfaceSosPreferences | None:
    """None where the add-on was registered by a script and is not enabled."""
    addon: Any = context.preferences.addons.get(__package__)
    return addon.preferences if addon is not None else None


def core_python(context: bpy.types.Context) -> Path:
    """The Python that holds the core; CoreNotFound where there is none."""
    own = preferences(context)
    chosen = bpy.path.abspath(own.core_python) if own is not None else None
    return find_core_python(chosen, os.environ, environment_folder())


def core_obstacle(context: bpy.types.Context) -> str | None:
    """Why there is no core to run; quick enough to be asked at every redraw."""
    try:
        core_python(context)
    except CoreNotFound as error:
        return str(error)
    return None


def environment_folder() -> Path:
    """Where "Set up" makes its environment: in the user's data, so that it outlives updates of the add-on."""
    if __package__.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(__package__)) / "environment"
    return Path(bpy.utils.user_resource("DATAFILES")) / "surface_sos" / "environment"


class SetUp(JobOperator):
    """Make a Python environment with the core in your Blender user folder; downloads some packages, once"""

    bl_idname = "surface_sos.set_up"
    bl_label = "Set Up"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _free(cls) and _online(cls)

    def task(self, context: bpy.types.Context) -> Task:
        wheels = sorted((_HERE / "wheels").glob("*.whl"))
        if not wheels:
            raise AddonError(
                "This copy of the add-on lies in a checkout and carries no wheel of the core: "
                "run scripts/environment.py there instead."
            )
        own = preferences(context)
        python = python_for_setup(bpy.path.abspath(own.setup_python) if own is not None else "")
        folder = environment_folder()
        script = [str(_HERE / "setup_core.py"), str(folder), str(wheels[-1])]
        return Task("Setting up", python, script, folder.with_name("setup.log"))

    def finished(self, context: bpy.types.Context) -> None:
        own = preferences(context)
        if own is not None:
            own.core_python = ""
            own.findings = f"The core is ready in {environment_folder()}."


class ShowPreferences(bpy.types.Operator):
    """Open the add-on's preferences, where Set Up gets the core"""

    bl_idname = "surface_sos.show_preferences"
    bl_label = "Open Preferences"

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=__package__)
        return {"FINISHED"}


class Check(JobOperator):
    """Say what is installed for the core, and which device it will use"""

    bl_idname = "surface_sos.check"
    bl_label = "Check"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _free(cls)

    def task(self, context: bpy.types.Context) -> Task:
        return Task(
            "Checking", core_python(context), ["-m", "surface_sos_core", "doctor", "--events", "jsonl"]
        )

    def received(self, message: messages.Message) -> None:
        own = preferences(bpy.context)
        if isinstance(message, messages.Doctor) and own is not None:
            own.findings = messages.doctor_text(message)
            own.mask_sources = ",".join(message.mask_sources)


def python_for_setup(chosen: str) -> Path:
    """A Python of this system that environments can be made with: `chosen`, else the first that is new enough.

    Never Blender's own. AddonError says what is missing.
    """
    least = ".".join(map(str, _LEAST_PYTHON))
    if chosen:
        if not _is_new_enough(chosen):
            raise AddonError(
                f"{chosen} is no Python {least} or newer that can make environments: choose another."
            )
        return Path(chosen)
    for name in _NAMES:
        found = shutil.which(name)
        if found is not None and not _is_blenders(found) and _is_new_enough(found):
            return Path(found)
    raise AddonError(
        f"No Python {least} or newer was found: install one, or name it in the add-on's preferences."
    )


def _is_blenders(python: str) -> bool:
    # Not by sys.prefix: a Python embedded by a distribution takes it from whatever python3 comes first on the PATH.
    return Path(python).resolve().is_relative_to(Path(bpy.utils.resource_path("LOCAL")).resolve())


def _is_new_enough(python: str) -> bool:
    test = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {_LEAST_PYTHON})"
    try:
        return (
            subprocess.run([python, "-c", test], capture_output=True, timeout=20, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _free(operator: type[bpy.types.Operator]) -> bool:
    if run_state().running:
        operator.poll_message_set("A job is running: wait for it or cancel it.")
        return False
    return True


def _online(operator: type[bpy.types.Operator]) -> bool:
    if not getattr(bpy.app, "online_access", True):
        operator.poll_message_set(
            "Set up downloads packages: turn on Allow Online Access in Preferences, System."
        )
        return False
    return True


_CLASSES = (SurfaceSosPreferences, SetUp, ShowPreferences, Check)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
