"""All settings of a run: the groups, three presets, and how values come in from outside."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surface_sos_core.errors import InputError
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
from surface_sos_core.settings.setting import Group, unknown
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

PRESETS: dict[str, dict[str, Any]] = {
    "preview": {
        "consensus.resolution": 96, "consensus.views": 60,
        "fields.levels": 10, "fields.log2_table": 15, "fields.max_resolution": 256,
        "train.iterations": 400, "train.image_edge": 320, "train.warm_up": 100,
        "layers.samples": 32, "layers.border_rays": 1, "layers.sources": 8,
        "mesh.resolution": 128,
    },
    "default": {},
    "quality": {  # the paper's own scale
        "consensus.resolution": 160, "consensus.views": 240,
        "fields.levels": 16, "fields.log2_table": 19, "fields.max_resolution": 2048,
        "train.iterations": 40_000, "train.foreground_samples": 64, "train.background_samples": 64,
        "train.image_edge": 1024,
        "layers.samples": 96, "layers.background_samples": 64, "layers.border_rays": 8, "layers.sources": 24,
        "plate.backdrop_samples": 128,
        "mesh.resolution": 512,
    },
}  # fmt: skip

STAGE_GROUPS: dict[str, tuple[str, ...]] = {
    "cameras": ("solve", "points"),
    "masks": (
        "coarse",
        "box",
        "stereo",
        "sweep",
        "start",
        "point_groups",
        "drawn",
        "flow",
        "network",
        "doubt",
        "mending",
        "votes",
        "hull",
        "colours",
        "edges",
        "consensus",
        "thin_parts",
        "gaps",
    ),
    "train": ("footage", "points", "exposure", "fields", "render", "train"),
    "layers": (
        "points",
        "planes",
        "sweep",
        "render",
        "layers",
        "matte",
        "redraw",
        "matting",
        "check",
        "colours",
        "edges",
        "stereo",
        "shown",
        "plate",
        "fill",
        "grain",
        "still_shadow",
    ),
    "correct": ("correct",),
    "mesh": ("mesh",),
}
"""The groups that each stage reads; one that several read is named in each. What earlier stages read counts by what they made."""

MOVING_STAGE_GROUPS: dict[str, tuple[str, ...]] = {
    "cameras": ("solve", "moving", "shot_kind", "subject_motion", "register", "camera_move", "moving_solve"),
    "masks": (
        *STAGE_GROUPS["masks"],
        "moving",
        "register",
        "dense_flow",
        "time_votes",
        "other_times",
        "moving_depth",
        "moving_masks",
        "own_motion",
        "outline",
        "shadow_colour",
    ),
    "layers": (
        "moving",
        "register",
        "dense_flow",
        "other_times",
        "moving_depth",
        "shadow_colour",
        "shadow",
        "moving_plate",
        "plate",
        "moving_matte",
        "matting",
    ),
}
"""The same where the subject moves."""

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Settings:
    """All settings of a run."""

    preset: str = "default"
    """Where the values come from that nothing else says."""
    footage: FootageSettings = field(default_factory=FootageSettings)
    solve: SolveSettings = field(default_factory=SolveSettings)
    points: PointSettings = field(default_factory=PointSettings)
    box: BoxSettings = field(default_factory=BoxSettings)
    stereo: StereoSettings = field(default_factory=StereoSettings)
    planes: PlaneSettings = field(default_factory=PlaneSettings)
    sweep: SweepSettings = field(default_factory=SweepSettings)
    coarse: CoarseSettings = field(default_factory=CoarseSettings)
    start: StartSettings = field(default_factory=StartSettings)
    point_groups: PointGroupSettings = field(default_factory=PointGroupSettings)
    drawn: DrawnSettings = field(default_factory=DrawnSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    doubt: DoubtSettings = field(default_factory=DoubtSettings)
    mending: MendingSettings = field(default_factory=MendingSettings)
    votes: VoteSettings = field(default_factory=VoteSettings)
    hull: HullSettings = field(default_factory=HullSettings)
    colours: ColourSettings = field(default_factory=ColourSettings)
    edges: EdgeSettings = field(default_factory=EdgeSettings)
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    thin_parts: ThinPartSettings = field(default_factory=ThinPartSettings)
    gaps: GapSettings = field(default_factory=GapSettings)
    exposure: ExposureSettings = field(default_factory=ExposureSettings)
    fields: FieldSettings = field(default_factory=FieldSettings)
    render: RenderSettings = field(default_factory=RenderSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    layers: LayerSettings = field(default_factory=LayerSettings)
    matte: MatteSettings = field(default_factory=MatteSettings)
    redraw: RedrawSettings = field(default_factory=RedrawSettings)
    matting: MattingSettings = field(default_factory=MattingSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    shown: ShownSettings = field(default_factory=ShownSettings)
    plate: PlateSettings = field(default_factory=PlateSettings)
    fill: FillSettings = field(default_factory=FillSettings)
    grain: GrainSettings = field(default_factory=GrainSettings)
    still_shadow: StillShadowSettings = field(default_factory=StillShadowSettings)
    correct: CorrectSettings = field(default_factory=CorrectSettings)
    mesh: MeshSettings = field(default_factory=MeshSettings)
    moving: MovingSettings = field(default_factory=MovingSettings)
    shot_kind: ShotKindSettings = field(default_factory=ShotKindSettings)
    subject_motion: SubjectMotionSettings = field(default_factory=SubjectMotionSettings)
    register: RegisterSettings = field(default_factory=RegisterSettings)
    camera_move: CameraMoveSettings = field(default_factory=CameraMoveSettings)
    dense_flow: DenseFlowSettings = field(default_factory=DenseFlowSettings)
    time_votes: TimeVoteSettings = field(default_factory=TimeVoteSettings)
    other_times: OtherTimeSettings = field(default_factory=OtherTimeSettings)
    moving_masks: MovingMaskSettings = field(default_factory=MovingMaskSettings)
    own_motion: OwnMotionSettings = field(default_factory=OwnMotionSettings)
    outline: OutlineSettings = field(default_factory=OutlineSettings)
    shadow_colour: ShadowColourSettings = field(default_factory=ShadowColourSettings)
    shadow: ShadowSettings = field(default_factory=ShadowSettings)
    moving_plate: MovingPlateSettings = field(default_factory=MovingPlateSettings)
    moving_solve: MovingSolveSettings = field(default_factory=MovingSolveSettings)
    moving_depth: MovingDepthSettings = field(default_factory=MovingDepthSettings)
    moving_matte: MovingMatteSettings = field(default_factory=MovingMatteSettings)
    device: str = "auto"
    """auto, cpu or cuda."""
    seed: int = 0
    """Seed of everything random."""

    def as_dict(self) -> dict[str, Any]:
        """As a manifest keeps them: a dict for each group, JSON-ready."""
        return dataclasses.asdict(self)

    def groups(self) -> dict[str, Group]:
        """Each group by its name."""
        held = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: group for name, group in held.items() if isinstance(group, Group)}

    def of_stage(self, stage: str, moving: bool = False) -> dict[str, dict[str, Any]]:
        """What shapes a stage's results: the values of the groups it reads, without those that shape nothing.

        moving: of a shot whose subject moves.
        """
        groups = self.groups()
        read = MOVING_STAGE_GROUPS if moving else STAGE_GROUPS
        return {
            name: {
                own: getattr(groups[name], own)
                for own, about in groups[name].about().items()
                if about.shapes_results
            }
            for name in read[stage]
        }

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """The same with other values, each by its full name: {"train.iterations": 300} or {"train.iterations": "300"}.

        Raises InputError for a name that is none, naming the nearest, and for a value that cannot be.

        >>> from surface_sos_core import preset
        >>> preset("preview").with_values({"train.iterations": 300}).train.iterations
        300
        """
        groups = self.groups()
        known = [f"{name}.{own}" for name, group in groups.items() for own in group.about()]
        changes: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if name not in known:
                raise unknown(name, known)
            group, _, own = name.partition(".")
            changes.setdefault(group, {})[own] = value
        made: dict[str, Any] = {name: groups[name].with_values(own) for name, own in changes.items()}
        return dataclasses.replace(self, **made)


def groups_of(stage: str) -> set[str]:
    """The groups that a stage may read, whatever the subject does; none of a stage that has no settings."""
    return {*STAGE_GROUPS.get(stage, ()), *MOVING_STAGE_GROUPS.get(stage, ())}


def preset(name: str, device: str = "auto", seed: int = 0) -> Settings:
    """The settings called preview, default or quality (the paper's own scale); InputError for another name.

    >>> from surface_sos_core import preset
    >>> preset("preview", device="cpu", seed=3).train.iterations
    400
    """
    if name not in PRESETS:
        raise InputError(f"There is no preset called {name!r}; choose preview, default or quality.")
    return Settings(preset=name, device=device, seed=seed).with_values(PRESETS[name])


def assignments(words: Sequence[str]) -> dict[str, str]:
    """Values by name from words like "train.iterations=300"; raises InputError for a word that is none."""
    values: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or "." not in name:
            raise InputError(f"--set {word} is no setting; write it as --set stage.name=value.")
        values[name.strip()] = value.strip()
    return values


def read_config(path: Path) -> dict[str, Any]:
    """Values by name from a TOML file with a table for each group.

    [train]
    iterations = 300

    Raises InputError for a file that cannot be read, is not TOML or holds anything but such tables.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; check the path of --config.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not TOML ({error}); a table for each stage is expected.") from error
    values: dict[str, Any] = {}
    for group, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"{path}: {group!r} stands outside of a table; write it below its [stage].")
        values |= {f"{group}.{name}": value for name, value in table.items()}
    return values


def settings_from_dict(stored: Mapping[str, Any]) -> Settings:
    """Settings as a manifest keeps them (`Settings.as_dict`); what it does not say is as in the default preset.

    Names that are none here are left out, since another version may have written them. Raises InputError, naming the
    setting, for a value that cannot be: a manifest may be a stranger's.
    """
    settings = Settings()
    changes: dict[str, Any] = {}
    for name, group in settings.groups().items():
        own = stored.get(name, {})
        if not isinstance(own, dict):
            raise InputError(f"The settings of {name} are {str(own)[:40]!r}; an object is expected.")
        known = {key: value for key, value in own.items() if key in group.about()}
        changes[name] = dataclasses.replace(group, **known)
    for name in ("preset", "device", "seed"):
        own, default = stored.get(name, getattr(settings, name)), getattr(settings, name)
        if type(own) is not type(default) or (name == "seed" and not -1e9 < own < 1 << 31):
            raise InputError(
                f"The setting {name} is {str(own)[:40]!r}; {type(default).__name__} is expected."
            )
        changes[name] = own
    return dataclasses.replace(settings, **changes)
