"""Settings of the stage layers: mattes and clean plates at the plates' own resolution."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class LayerSettings(Group):
    """Mattes and clean plates at the plates' own resolution."""

    NAME: ClassVar[str] = "layers"

    samples: int = setting(48, "FoCoR samples on a ray of a matte.", 1, 4096, "samples")
    background_samples: int = setting(
        24, "BaCo samples on such a ray, for what hides the object.", 1, 4096, "samples"
    )
    border_rays: int = setting(4, "Sub-pixel rays for a pixel on the object's outline.", 1, 256, "rays")
    refine: bool = setting(True, "Let the plate's own edges decide alpha in a narrow band.")
    band: float = setting(
        0.01, "Half the width of that band, as a share of the plate's longer edge.", 0, 0.5, "of the edge"
    )
    grow: float = setting(
        0.006,
        "How far the plate's hole reaches beyond the matte, as a share of the longer edge.",
        0, 0.5, "of the edge",
    )  # fmt: skip
    sources: int = setting(
        16, "Frames asked for real background pixels, for each frame.", 1, 10_000, "frames"
    )
