"""Mattes, clean plates, the surface and the cameras of an object, from footage of it.

    from surface_sos_core import Shot, preset, segment
    segment(Shot("plates", Path("out")), preset("default"))

Names are loaded when they are first used, so that importing the package costs nothing.
"""

import os
from typing import TYPE_CHECKING, Any

from surface_sos_core.compiled_code import settle_folder

# Threads that wait for each other by spinning stall a machine that has anything else to do: tenfold, as measured. It is
# read when OpenMP is loaded, so it is set before torch or numba can be imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
settle_folder()

if TYPE_CHECKING:
    from surface_sos_core.pipeline import Shot, segment
    from surface_sos_core.settings import Settings, preset

    __version__: str

__all__ = ["Settings", "Shot", "__version__", "preset", "segment"]


def __getattr__(name: str) -> Any:
    if name in ("Shot", "segment"):
        from surface_sos_core import pipeline

        return getattr(pipeline, name)
    if name in ("Settings", "preset"):
        from surface_sos_core import settings

        return getattr(settings, name)
    if name == "__version__":
        from importlib import metadata

        try:
            return metadata.version("surface-sos-core")
        except metadata.PackageNotFoundError:  # run from a source folder that was never installed
            return "0+source"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
