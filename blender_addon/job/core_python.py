"""Which Python holds the core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import AddonError

VARIABLE = "SURFACE_SOS_PYTHON"


class CoreNotFound(AddonError):
    """One sentence on where the core was looked for and what to do."""


def find_core_python(preferred: str | None, environ: Mapping[str, str], managed: Path | None = None) -> Path:
    """The first of: `preferred` (the add-on's preferences), SURFACE_SOS_PYTHON, the environment that "Set up" has
    made in the folder `managed`, and the .venv of the checkout that this add-on lies in.

    Raises CoreNotFound; also where one of the first two names a file that is not there, since falling back in silence
    would run another core than the one asked for.
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
    for folder in (managed, Path(__file__).resolve().parents[2] / ".venv"):
        if folder is not None and venv_python(folder).exists():
            return venv_python(folder)
    raise CoreNotFound(
        "No Python with the core was found: press Set Up in the add-on's preferences, "
        f"name one there, or set {VARIABLE}."
    )


def venv_python(folder: Path) -> Path:
    """Where a virtual environment keeps its Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
