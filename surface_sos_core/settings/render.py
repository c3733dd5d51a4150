"""Settings of rendering: where rays begin, and which of their depths are asked. Training and layers read them."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class RenderSettings(Group):
    """Where on its way a ray asks the two fields."""

    NAME: ClassVar[str] = "render"

    foreground_bins: int = setting(
        96, "Parts of a ray's way through the box, weighed by FoCoR's opacity grid.", 1, 4096, "bins"
    )
    background_bins: int = setting(
        96, "Parts of a ray's whole way, weighed by BaCo's opacity grid.", 1, 4096, "bins"
    )
    foreground_cells: int = setting(64, "Cells a side of FoCoR's opacity grid.", 2, 512, "cells")
    background_cells: int = setting(96, "Cells a side of BaCo's opacity grid.", 2, 512, "cells")
    first_opacity: float = setting(
        0.05, "Opacity of a cell that has not been looked at: nothing is missed before it has.", 1e-6, 1
    )
    memory: float = setting(
        0.9,
        "Share of a cell's opacity that is left at the next look, so that what has moved away is forgotten.",
        0,
        1,
    )
    floor: float = setting(
        0.25, "Share of the samples that goes to where nothing is expected.", 0, 1, "of the samples"
    )
    nearest: float = setting(
        0.3, "BaCo's first sample is no nearer than this share of the distance to the box.", 0.001, 1
    )
    farthest: float = setting(
        100.0, "BaCo's last sample is no farther than this multiple of the distance to the box.", 2, 1e6
    )
    clear_share: float = setting(
        0.5,
        "No background is nearer to a camera than this share of the depth of the nearest sparse points it shows.",
        0,
        1,
    )
    clear_quantile: float = setting(
        0.001,
        "Share of a picture's sparse points that do not count as the nearest ones: single ones may be wrong.",
        0,
        1,
    )
    unseen: float = setting(
        1e-5,
        "A sample that is a smaller share than this of what its ray shows is asked for no colour.",
        0,
        0.1,
    )
    trace_steps: int = setting(
        3, "Steps of the secant method to the surface of a pixel well inside.", 0, 100, "steps"
    )
