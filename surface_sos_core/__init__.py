"""Mattes, clean plates, the surface and the cameras of an object, from footage of it.

    from surface_sos_core import Shot, preset, segment
    result = segment(Shot("plates", "out"), preset("default"))
    result.frames[0].alpha

Names are loaded when they are first used, so that importing the package costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from surface_sos_core.compiled_code import settle_folder

# Threads that wait for each other by spinning stall a machine that has anything else to do: tenfold, as measured. It is
# read when OpenMP is loaded, so it is set before torch or numba can be imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
settle_folder()

if TYPE_CHECKING:
    from surface_sos_core.errors import Cancelled, InputError, SetupError, SolveError, SurfaceSosError
    from surface_sos_core.interruption import CancelToken
    from surface_sos_core.pipeline import (
        Shot,
        correct,
        find_masks,
        import_dataset,
        make_layers,
        make_mesh,
        measure,
        render_views,
        segment,
        solve,
        train_fields,
    )
    from surface_sos_core.result import FoundMask, FoundMasks, Frame, ObjectMesh, Result, open_shot
    from surface_sos_core.settings import Settings, preset

    __version__: str

_HOMES = {
    "errors": ("Cancelled", "InputError", "SetupError", "SolveError", "SurfaceSosError"),
    "interruption": ("CancelToken",),
    "pipeline": (
        "Shot", "correct", "find_masks", "import_dataset", "make_layers", "make_mesh", "measure", "render_views", "segment",
        "solve", "train_fields",
    ),
    "result": ("FoundMask", "FoundMasks", "Frame", "ObjectMesh", "Result", "open_shot"),
    "settings": ("Settings", "preset"),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CancelToken",
    "Cancelled",
    "FoundMask",
    "FoundMasks",
    "Frame",
    "InputError",
    "ObjectMesh",
    "Result",
    "Settings",
    "SetupError",
    "Shot",
    "SolveError",
    "SurfaceSosError",
    "__version__",
    "correct",
    "find_masks",
    "import_dataset",
    "make_layers",
    "make_mesh",
    "measure",
    "open_shot",
    "preset",
    "render_views",
    "segment",
    "solve",
    "train_fields",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name == "__version__":
        from surface_sos_core.provenance import package_version

        return package_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
