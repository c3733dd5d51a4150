"""Which Python holds the core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import AddonError

VARIABLE = "SURFACE_SOS_PYTHON"
_CONFIGURATION = "pyvenv.cfg"  # that an environment has, from its first moment on


class CoreNotFound(AddonError):
    """One sentence on where the core was looked for and what to do."""


def find_core_python(preferred: str | None, environ: Mapping[str, str], managed: Path | None = None) -> Path:
    """The first of: `preferred` (the add-on's preferences), SURFACE_SOS_PYTHON, the environment that "Set up" has
    made in the folder `managed`, and the .venv of the checkout that this add-on lies in.

    Raises CoreNotFound; also where one of the first two names a file that is not there, or the third is there and cannot
    be used, since falling back in silence would run another core than the one asked for.
    """
    for path, source in (
        (preferred, "The add-on's preferences name"),
        (environ.get(VARIABLE), f"{VARIABLE} names"),
    ):
        if path and path.strip():
            chosen = Path(path.strip()).expanduser()
            if not os.access(chosen, os.X_OK) or chosen.is_dir():
                raise CoreNotFound(
                    f"{source} {chosen} as the core's Python, which cannot be run: correct it."
                )
            return chosen.absolute()
    if managed is not None and (managed / _CONFIGURATION).exists():
        _check_environment(managed)
        return venv_python(managed)
    checkout = Path(__file__).resolve().parents[2] / ".venv"
    if venv_python(checkout).exists():
        return venv_python(checkout)
    raise CoreNotFound(
        "No Python with the core was found: press Set Up in the add-on's preferences, "
        f"name one there, or set {VARIABLE}."
    )


def venv_python(folder: Path) -> Path:
    """Where a virtual environment keeps its Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _check_environment(folder: Path) -> None:
    """CoreNotFound where "Set up" was not finished, or where the Python that it used has gone since, with its Blender."""
    core = "site-packages/surface_sos_core/__main__.py"  # of all packages the last that is installed
    if not any(folder.glob(f"lib/python*/{core}")) and not (folder / "Lib" / core).exists():
        raise CoreNotFound(
            f"The core's environment in {folder} was not finished: press Set Up again in the add-on's preferences."
        )
    home = _home(folder)
    if not home.is_dir() or not venv_python(folder).exists():
        raise CoreNotFound(
            f"The Python in {home} that the core's environment was made with is gone: "
            "press Set Up again in the add-on's preferences."
        )


def _home(folder: Path) -> Path:
    """Where the Python lies that an environment was made with."""
    lines = (folder / _CONFIGURATION).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines)
    return Path(next((value.strip() for name, _, value in pairs if name.strip() == "home"), ""))
