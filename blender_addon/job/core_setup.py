"""Which Python holds the core: chosen, made by "Set Up", and looked at by "Check"."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import bpy

from ..errors import AddonError
from ..properties import ADDON, preferences, run_state
from . import messages
from .core_python import CoreNotFound, find_core_python
from .job_operator import JobOperator, Task

_ADDON_FOLDER = Path(__file__).resolve().parent.parent
_SCRIPT = Path(__file__).with_name("setup_core.py")
_LEAST_PYTHON = (3, 11)
_NAMES = ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python", "py")


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
    if ADDON.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(ADDON)) / "environment"
    return Path(bpy.utils.user_resource("DATAFILES")) / "surface_sos" / "environment"


def not_now(context: bpy.types.Context) -> str | None:
    """Why no job can start, whatever is asked for."""
    return "A job is running: wait for it or cancel it." if run_state().running else core_obstacle(context)


class SetUp(JobOperator):
    """Make a Python environment with the core in your Blender user folder; downloads some packages, once"""

    bl_idname = "surface_sos.set_up"
    bl_label = "Set Up"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _free(cls) and _online(cls)

    def task(self, context: bpy.types.Context) -> Task:
        wheels = sorted((_ADDON_FOLDER / "wheels").glob("*.whl"))
        if not wheels:
            raise AddonError(
                "This copy of the add-on lies in a checkout and carries no wheel of the core: "
                "run scripts/environment.py there instead."
            )
        own = preferences(context)
        python = python_for_setup(bpy.path.abspath(own.setup_python) if own is not None else "")
        folder = environment_folder()
        script = [str(_SCRIPT), str(folder), str(wheels[-1])]
        return Task("Setting up", python, script, folder.with_name("setup.log"))

    def finished(self, context: bpy.types.Context) -> None:
        own = preferences(context)
        if own is not None:
            own.core_python = ""
            own.findings = f"The core is ready in {environment_folder()}."


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


register, unregister = bpy.utils.register_classes_factory((SetUp, Check))
