"""Settings of the stage mesh."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class MeshSettings(Group):
    """The surface taken from FoCoR."""

    NAME: ClassVar[str] = "mesh"

    resolution: int = setting(256, "Cells along the box's longest side.", 1, 2048, "cells")
    smallest_shell: float = setting(
        0.05, "Pieces smaller than this share of the largest one are dropped.", 0, 1, "of its area"
    )
    hold: float = setting(
        0.5,
        "There is no object where m^P lets FoCoR be less opaque than this, whatever its distance says.",
        0, 0.99,
    )  # fmt: skip
