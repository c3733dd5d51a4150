"""Which Python holds the core: chosen, made by "Set Up", and looked at by "Check"."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import bpy

from ..errors import AddonError
from ..properties import ADDON, preferences, run_state
from . import messages
from .core_python import CoreNotFound, find_core_python
from .job_operator import JobOperator, Task

_ADDON_FOLDER = Path(__file__).resolve().parent.parent
_SCRIPT = Path(__file__).with_name("setup_core.py")
# Those that the core's pinned packages have wheels for. What is chosen may be newer.
_LEAST_PYTHON, _NEWEST_PYTHON = (3, 11), (3, 14)
_NAMES = ("python3.13", "python3.14", "python3.12", "python3.11", "python3", "python", "py")
_PATIENCE_S = 20.0  # with a Python that is asked something
_DIALOG_WIDTH, _LINE = 480, 78  # pixels at a scale of 1, and letters that fit


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
    """Make a Python environment with the core in your Blender user folder; says first how much it will download"""

    bl_idname = "surface_sos.set_up"
    bl_label = "Set Up"

    _plan = ""  # once the dialog shows it

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _free(cls) and _online(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:  # no dialogs
            return self.execute(context)
        try:
            self._plan = _download(self.task(context))
        except AddonError as error:
            return self._fail(str(error))
        return set(context.window_manager.invoke_props_dialog(self, width=_DIALOG_WIDTH))

    def draw(self, context: bpy.types.Context) -> None:
        lines = self.layout.column(align=True)
        for sentence in self._plan.splitlines():
            for line in textwrap.wrap(sentence, _LINE):
                lines.label(text=line)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """From the dialog the job begins; a script waits for its end, and is told on the way what the dialog says."""
        return super().invoke(context, None) if self._plan else super().execute(context)

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
    """The Python that makes the environment: `chosen`, else Blender's own, or the system's where that is newer.

    Nothing is installed into it. AddonError says what is missing.
    """
    least, newest = (".".join(map(str, version)) for version in (_LEAST_PYTHON, _NEWEST_PYTHON))
    if chosen:
        if (_version(Path(chosen)) or (0,)) < _LEAST_PYTHON:
            raise AddonError(
                f"{chosen} is no Python {least} or newer that can make environments: choose another."
            )
        return Path(chosen)
    found = (python for python in (blenders_python(), _systems_python()) if python is not None)
    versions = {python: version for python in found if _suits(version := _version(python))}
    if not versions:
        raise AddonError(
            f"Neither Blender nor this system has a Python of {least} to {newest} that can make environments: "
            "install one, or name it in the add-on's preferences."
        )
    return max(versions, key=versions.__getitem__)  # Blender's, which comes first, where both are the same


def blenders_python() -> Path | None:
    """The interpreter that came with this Blender; None where it uses one of the system."""
    python = Path(sys.executable or "")
    # As a module Blender runs in the Python that imported it. The program of a distribution takes the name from whatever
    # python3 comes first on the PATH.
    return python if not bpy.app.binary_path or _lies_in_blender(python) else None


def _systems_python() -> Path | None:
    found = (shutil.which(name) for name in _NAMES)
    others = (Path(python) for python in found if python is not None)
    return next(
        (python for python in others if not _lies_in_blender(python) and _suits(_version(python))), None
    )


def _lies_in_blender(python: Path) -> bool:
    return python.resolve().is_relative_to(Path(bpy.utils.resource_path("LOCAL")).resolve())


def _suits(version: tuple[int, ...] | None) -> bool:
    return version is not None and _LEAST_PYTHON <= version <= _NEWEST_PYTHON


def _version(python: Path) -> tuple[int, ...] | None:
    """Major and minor of a Python that can make environments; None where it is none."""
    test = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    said = _answer(python, "-c", test)
    return tuple(map(int, said.split())) if said is not None else None


def _download(task: Task) -> str:
    """What setup_core.py says it will download."""
    script, folder, _ = task.arguments
    said = _answer(task.python, script, folder)
    if said is None:
        raise AddonError(f"{task.python} does not run {script}: choose another Python in the preferences.")
    return said


def _answer(python: Path, *words: str) -> str | None:
    """What a Python prints, on its own (-I) and not in ours; None where it does not run, or fails."""
    try:
        done = subprocess.run(
            [str(python), "-I", *words],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


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
