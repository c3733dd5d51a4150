"""Every number that shapes a result: one dataclass for each group, three presets, nothing hidden elsewhere.

The settings of a run are written to its manifest, with what really ran (an early stop is said as one).
"""

from surface_sos_core.settings.cameras import BoxSettings, PointSettings, SolveSettings
from surface_sos_core.settings.correct import CorrectSettings
from surface_sos_core.settings.fill import FillSettings
from surface_sos_core.settings.footage import ExposureSettings, FootageSettings
from surface_sos_core.settings.grain import GrainSettings
from surface_sos_core.settings.layers import LayerSettings
from surface_sos_core.settings.masks import (
    CoarseSettings,
    ConsensusSettings,
    GapSettings,
    HullSettings,
    ThinPartSettings,
)
from surface_sos_core.settings.matte import CheckSettings, MatteSettings, MattingSettings, RedrawSettings
from surface_sos_core.settings.mending import (
    ColourSettings,
    EdgeSettings,
    MendingSettings,
    VoteSettings,
)
from surface_sos_core.settings.mesh import MeshSettings
from surface_sos_core.settings.moving import (
    CameraMoveSettings,
    DenseFlowSettings,
    MovingDepthSettings,
    MovingMaskSettings,
    MovingMatteSettings,
    MovingPlateSettings,
    MovingSettings,
    MovingSolveSettings,
    OtherTimeSettings,
    OutlineSettings,
    OwnMotionSettings,
    RegisterSettings,
    ShadowColourSettings,
    ShadowSettings,
    ShotKindSettings,
    SubjectMotionSettings,
    TimeVoteSettings,
)
from surface_sos_core.settings.plate import PlateSettings, ShownSettings
from surface_sos_core.settings.render import RenderSettings
from surface_sos_core.settings.run import (
    DEVICES,
    MOVING_STAGE_GROUPS,
    PRESETS,
    STAGE_GROUPS,
    Settings,
    assignments,
    groups_of,
    preset,
    read_config,
    settings_from_dict,
)
from surface_sos_core.settings.shadow import StillShadowSettings
from surface_sos_core.settings.starts import (
    DoubtSettings,
    DrawnSettings,
    FlowSettings,
    NetworkSettings,
    PointGroupSettings,
    StartSettings,
)
from surface_sos_core.settings.stereo import PlaneSettings, StereoSettings, SweepSettings
from surface_sos_core.settings.train import FieldSettings, TrainSettings

__all__ = [
    "DEVICES",
    "MOVING_STAGE_GROUPS",
    "PRESETS",
    "STAGE_GROUPS",
    "BoxSettings",
    "CameraMoveSettings",
    "CheckSettings",
    "CoarseSettings",
    "ColourSettings",
    "ConsensusSettings",
    "CorrectSettings",
    "DenseFlowSettings",
    "DoubtSettings",
    "DrawnSettings",
    "EdgeSettings",
    "ExposureSettings",
    "FieldSettings",
    "FillSettings",
    "FlowSettings",
    "FootageSettings",
    "GapSettings",
    "GrainSettings",
    "HullSettings",
    "LayerSettings",
    "MatteSettings",
    "MattingSettings",
    "MendingSettings",
    "MeshSettings",
    "MovingDepthSettings",
    "MovingMaskSettings",
    "MovingMatteSettings",
    "MovingPlateSettings",
    "MovingSettings",
    "MovingSolveSettings",
    "NetworkSettings",
    "OtherTimeSettings",
    "OutlineSettings",
    "OwnMotionSettings",
    "PlaneSettings",
    "PlateSettings",
    "PointGroupSettings",
    "PointSettings",
    "RedrawSettings",
    "RegisterSettings",
    "RenderSettings",
    "Settings",
    "ShadowColourSettings",
    "ShadowSettings",
    "ShotKindSettings",
    "ShownSettings",
    "SolveSettings",
    "StartSettings",
    "StereoSettings",
    "StillShadowSettings",
    "SubjectMotionSettings",
    "SweepSettings",
    "ThinPartSettings",
    "TimeVoteSettings",
    "TrainSettings",
    "VoteSettings",
    "assignments",
    "groups_of",
    "preset",
    "read_config",
    "settings_from_dict",
]
