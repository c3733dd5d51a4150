"""Settings of the stage masks: from coarse masks to what they agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


@dataclass(frozen=True)
class ConsensusSettings(Group):
    """How the coarse masks of all views become one probability map m^P."""

    NAME: ClassVar[str] = "consensus"

    resolution: int = setting(128, "Cells along the box's longest side.", 1, 1024, "cells")
    views: int = setting(120, "At most so many views vote, spread evenly over the shot.", 1, 100_000, "views")
    rounds: int = setting(
        3,
        "Votes are counted again after the views and pixels that contradict the others have lost their say.",
        1, 100, "rounds",
    )  # fmt: skip


@dataclass(frozen=True)
class DoubtSettings(Group):
    """When masks are doubted that hold much of what goes on beside them, and what is done then."""

    NAME: ClassVar[str] = "doubt"

    find_anew: str = setting(
        "networks",
        "Whose masks are found anew within boxes around them where the sparse points speak against them; the others' are "
        "used as they are, and it is told.",
        choices=("never", "networks", "all"),
    )
