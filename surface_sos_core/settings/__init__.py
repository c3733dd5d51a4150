"""Every number that shapes a result: one dataclass for each group, three presets, nothing hidden elsewhere.

The settings of a run are written to its manifest, with what really ran (an early stop is said as one).
"""

from surface_sos_core.settings.layers import LayerSettings
from surface_sos_core.settings.masks import ConsensusSettings, DoubtSettings
from surface_sos_core.settings.mesh import MeshSettings
from surface_sos_core.settings.run import (
    DEVICES,
    PRESETS,
    STAGE_GROUPS,
    Settings,
    assignments,
    preset,
    read_config,
    settings_from_dict,
)
from surface_sos_core.settings.train import FieldSettings, TrainSettings

__all__ = [
    "DEVICES",
    "PRESETS",
    "STAGE_GROUPS",
    "ConsensusSettings",
    "DoubtSettings",
    "FieldSettings",
    "LayerSettings",
    "MeshSettings",
    "Settings",
    "TrainSettings",
    "assignments",
    "preset",
    "read_config",
    "settings_from_dict",
]
