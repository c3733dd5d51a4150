"""Every number that shapes a result: one dataclass for each stage, three presets, nothing hidden elsewhere.

The settings of a run are written to its manifest, with what really ran (an early stop is said as one).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from surface_sos_core.errors import InputError


@dataclass(frozen=True)
class ConsensusSettings:
    """How the coarse masks of all views become one probability map m^P."""

    resolution: int = 128
    """Cells along the box's longest side."""
    views: int = 120
    """At most so many views vote, spread evenly over the shot."""
    rounds: int = 3
    """Votes are counted again after the views and pixels that contradict the others have lost their say."""


@dataclass(frozen=True)
class FieldSettings:
    """Size of the two hash-grid SDF fields (Section III of the paper)."""

    levels: int = 12
    """Levels of each hash grid, two features a level."""
    log2_table: int = 16
    """Entries of a level's table, as a power of two."""
    base_resolution: int = 16
    """Cells along the box at the coarsest level."""
    max_resolution: int = 512
    """Cells along the box at the finest level."""
    hidden: int = 64
    """Width of the SDF networks (one hidden layer) and the colour networks (two)."""
    features: int = 13
    """Length of the geometry feature handed from an SDF network to its colour network."""
    complete_background: bool = True
    """BaCo is empty where the masks agree on the object, so that other views complete it there (Section III-B). Off, it
    may explain the object as well."""


@dataclass(frozen=True)
class TrainSettings:
    """The optimisation of both fields together."""

    iterations: int = 1500
    """Optimiser steps."""
    rays: int = 1024
    """Rays in a step."""
    foreground_samples: int = 24
    """Samples of FoCoR on a ray."""
    background_samples: int = 24
    """Samples of BaCo on a ray."""
    image_edge: int = 512
    """Plates are trained at no more than this many pixels along their longer edge."""
    cache_gigabytes: float = 8.0
    """Disk that the plates to train on may take; they are trained at fewer pixels where they would take more."""
    learning_rate: float = 0.01
    """Adam's step for the hash tables; the networks take a fifth of it."""
    warm_up: int = 200
    """Steps in which FoCoR's surface is only fitted to the consensus, before any ray is rendered."""
    eikonal_weight: float = 0.1
    """Weight of mean (|n| - 1)^2."""
    learn_surface: bool = True
    """FoCoR's surface is learnt from the plates. Off, it stays what the masks agree on."""
    sparsity_weight: float = 0.01
    """Weight of mean exp(-tau |sdf|)."""
    sparsity_tau: float = 20.0
    """Sharpness of the sparsity loss, in units of the box."""
    mask_weight: float = 0.5
    """Weight of the mask loss in the first part of training."""
    late_mask_weight: float = 0.02
    """Its weight afterwards; the paper drops it, and then static supports grow into the object."""
    area_weight: float = 0.005
    """Weight of the mean opacity of FoCoR: what the background explains as well is not the object."""
    core_weight: float = 1.0
    """Weight of FoCoR's positive distances where m^P is sure of the object."""
    point_weight: float = 0.3
    """Weight of mean |sdf| at the sparse points of the solved cameras, where there are any."""
    depth_weight: float = 0.1
    """Weight of the relative error of depth on rays through sparse points."""
    mask_part: float = 0.4
    """Share of the steps that counts as the first part."""
    soft_pixels: float = 8.0
    """Width 1 / b of FoCoR's surface at the first step, in pixels of the training plates."""
    sharp_pixels: float = 1.6
    """Its width after four fifths of the steps."""
    point_share: float = 0.15
    """Share of the rays drawn through sparse points, where there are any."""
    border_share: float = 0.4
    """Share of the rays drawn at the object's outline."""
    near_share: float = 0.25
    """Share of the rays drawn on and around the object; the others fall anywhere."""
    preview_seconds: float = 30.0
    """Time between two preview pictures."""
    checkpoint_seconds: float = 45.0
    """Time between two checkpoints."""


@dataclass(frozen=True)
class LayerSettings:
    """Mattes and clean plates at the plates' own resolution."""

    samples: int = 48
    """FoCoR samples on a ray of a matte."""
    border_rays: int = 4
    """Sub-pixel rays for a pixel on the object's outline."""
    refine: bool = True
    """Let the plate's own edges decide alpha in a narrow band."""
    band: float = 0.01
    """Half the width of that band, as a share of the plate's longer edge."""
    grow: float = 0.006
    """How far the plate's hole reaches beyond the matte, as a share of the longer edge."""
    sources: int = 16
    """Frames asked for real background pixels, for each frame."""


@dataclass(frozen=True)
class MeshSettings:
    """The surface taken from FoCoR."""

    resolution: int = 256
    """Cells along the box's longest side."""


@dataclass(frozen=True)
class Settings:
    """All settings of a run."""

    preset: str = "default"
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    fields: FieldSettings = field(default_factory=FieldSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    layers: LayerSettings = field(default_factory=LayerSettings)
    mesh: MeshSettings = field(default_factory=MeshSettings)
    device: str = "auto"
    """auto, cpu or cuda."""
    seed: int = 0
    """Seed of everything random."""

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def preset(name: str, device: str = "auto", seed: int = 0) -> Settings:
    """The settings called preview, default or quality (the paper's own scale); InputError for another name."""
    if name == "preview":
        settings = Settings(
            consensus=ConsensusSettings(resolution=96, views=60),
            fields=FieldSettings(levels=10, log2_table=15, max_resolution=256),
            train=TrainSettings(iterations=400, image_edge=320, warm_up=100),
            layers=LayerSettings(samples=32, border_rays=1, sources=8),
            mesh=MeshSettings(resolution=128),
        )
    elif name == "default":
        settings = Settings()
    elif name == "quality":
        settings = Settings(
            consensus=ConsensusSettings(resolution=160, views=240),
            fields=FieldSettings(levels=16, log2_table=19, max_resolution=2048),
            train=TrainSettings(
                iterations=40_000, foreground_samples=64, background_samples=64, image_edge=1024
            ),
            layers=LayerSettings(samples=96, border_rays=8, sources=24),
            mesh=MeshSettings(resolution=512),
        )
    else:
        raise InputError(f"There is no preset called {name!r}; choose preview, default or quality.")
    return dataclasses.replace(settings, preset=name, device=device, seed=seed)


def settings_from_dict(stored: dict[str, Any]) -> Settings:
    """Settings as a manifest keeps them (`Settings.as_dict`); what it does not say is as in the default preset.

    Raises InputError, naming the setting, for a value that no preset could have.
    """
    settings = _filled(Settings(), stored, "")
    for name, most in _MOST.items():
        stage, _, setting = name.partition(".")
        value = getattr(getattr(settings, stage), setting)
        if not 1 <= value <= most:
            raise InputError(f"The setting {name} is {value}; it may be from 1 to {most}.")
    return settings


# Numbers that memory and time grow with, and how large they may be in a manifest, which may be a stranger's.
_MOST = {
    "consensus.resolution": 1024, "consensus.views": 100_000, "consensus.rounds": 100,
    "fields.levels": 32, "fields.log2_table": 24, "fields.base_resolution": 1024,
    "fields.max_resolution": 1 << 17, "fields.hidden": 1024, "fields.features": 1024,
    "train.iterations": 10_000_000, "train.rays": 1 << 20, "train.foreground_samples": 4096,
    "train.background_samples": 4096, "train.image_edge": 16_384,
    "layers.samples": 4096, "layers.border_rays": 256, "layers.sources": 10_000,
    "mesh.resolution": 2048,
}  # fmt: skip


def _filled(default: Any, stored: dict[str, Any], where: str) -> Any:
    """The dataclass `default` with what `stored` says of its fields."""
    changes: dict[str, Any] = {}
    for item in dataclasses.fields(default):
        if item.name not in stored:
            continue
        own, value, name = getattr(default, item.name), stored[item.name], where + item.name
        if dataclasses.is_dataclass(own) and isinstance(value, dict):
            changes[item.name] = _filled(own, value, f"{name}.")
        elif type(value) is type(own) or (type(own) is float and type(value) is int):
            if isinstance(value, int | float) and not -1e9 < value < 1e9:
                raise InputError(f"The setting {name} is {value}, which cannot be.")
            changes[item.name] = value
        else:
            raise InputError(f"The setting {name} is {str(value)[:40]!r}; {type(own).__name__} is expected.")
    return dataclasses.replace(default, **changes)
