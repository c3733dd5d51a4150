"""Settings of the stage mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


@dataclass(frozen=True)
class MeshSettings(Group):
    """The surface taken from FoCoR."""

    NAME: ClassVar[str] = "mesh"

    resolution: int = setting(256, "Cells along the box's longest side.", 1, 2048, "cells")
