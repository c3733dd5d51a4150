"""Settings of the stage train: the fields and how they are optimised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


@dataclass(frozen=True)
class FieldSettings(Group):
    """Size of the two hash-grid SDF fields (Section III of the paper)."""

    NAME: ClassVar[str] = "fields"

    levels: int = setting(12, "Levels of each hash grid, two features a level.", 1, 32, "levels")
    log2_table: int = setting(16, "Entries of a level's table, as a power of two.", 1, 24, "bits")
    base_resolution: int = setting(16, "Cells along the box at the coarsest level.", 1, 1024, "cells")
    max_resolution: int = setting(512, "Cells along the box at the finest level.", 1, 1 << 17, "cells")
    hidden: int = setting(
        64, "Width of the SDF networks (one hidden layer) and the colour networks (two).", 1, 1024, "neurons"
    )
    features: int = setting(
        13,
        "Length of the geometry feature handed from an SDF network to its colour network.",
        1, 1024, "numbers",
    )  # fmt: skip
    complete_background: bool = setting(
        True,
        "BaCo is empty where the masks agree on the object, so that other views complete it there (Section III-B); "
        "off, it may explain the object as well.",
    )


@dataclass(frozen=True)
class TrainSettings(Group):
    """The optimisation of both fields together."""

    NAME: ClassVar[str] = "train"

    iterations: int = setting(1500, "Optimiser steps.", 1, 10_000_000, "steps")
    rays: int = setting(1024, "Rays in a step.", 1, 1 << 20, "rays")
    foreground_samples: int = setting(24, "Samples of FoCoR on a ray.", 1, 4096, "samples")
    background_samples: int = setting(24, "Samples of BaCo on a ray.", 1, 4096, "samples")
    image_edge: int = setting(
        512,
        "Plates are trained at no more than this many pixels along their longer edge.",
        1,
        16_384,
        "pixels",
    )
    cache_gigabytes: float = setting(
        8.0,
        "Disk that the plates to train on may take; they are trained at fewer pixels where they would take more.",
        0.001, 10_000, "GB",
    )  # fmt: skip
    learning_rate: float = setting(
        0.01, "Adam's step for the hash tables; the networks take a fifth of it.", 1e-6, 1
    )
    warm_up: int = setting(
        200,
        "Steps in which FoCoR's surface is only fitted to the consensus, before any ray is rendered.",
        0, 1_000_000, "steps",
    )  # fmt: skip
    eikonal_weight: float = setting(0.1, "Weight of mean (|n| - 1)^2.", 0, 1000)
    learn_surface: bool = setting(
        True, "FoCoR's surface is learnt from the plates; off, it stays what the masks agree on."
    )
    sparsity_weight: float = setting(0.01, "Weight of mean exp(-tau |sdf|).", 0, 1000)
    sparsity_tau: float = setting(
        20.0, "Sharpness tau of the sparsity loss.", 0, 10_000, "1 / half the box's side"
    )
    mask_weight: float = setting(0.5, "Weight of the mask loss in the first part of training.", 0, 1000)
    late_mask_weight: float = setting(
        0.02,
        "Its weight afterwards; the paper drops it, and then static supports grow into the object.",
        0, 1000,
    )  # fmt: skip
    area_weight: float = setting(
        0.005,
        "Weight of the mean opacity of FoCoR: what the background explains as well is not the object.",
        0, 1000,
    )  # fmt: skip
    core_weight: float = setting(
        1.0, "Weight of FoCoR's positive distances where m^P is sure of the object.", 0, 1000
    )
    point_weight: float = setting(
        0.3, "Weight of mean |sdf| at the sparse points of the solved cameras, where there are any.", 0, 1000
    )
    depth_weight: float = setting(
        0.1, "Weight of the relative error of depth on rays through sparse points.", 0, 1000
    )
    mask_part: float = setting(0.4, "Share of the steps that counts as the first part.", 0, 1, "of the steps")
    soft_pixels: float = setting(
        8.0,
        "Width 1 / b of FoCoR's surface at the first step, in pixels of the training plates.",
        0.01, 1000, "pixels",
    )  # fmt: skip
    sharp_pixels: float = setting(1.6, "Its width after four fifths of the steps.", 0.01, 1000, "pixels")
    point_share: float = setting(
        0.15, "Share of the rays drawn through sparse points, where there are any.", 0, 1, "of the rays"
    )
    border_share: float = setting(
        0.4, "Share of the rays drawn at the object's outline.", 0, 1, "of the rays"
    )
    near_share: float = setting(
        0.25,
        "Share of the rays drawn on and around the object; the others fall anywhere.",
        0, 1, "of the rays",
    )  # fmt: skip
    preview_seconds: float = setting(
        30.0, "Time between two preview pictures.", 0, 1e6, "seconds", shapes_results=False
    )
    checkpoint_seconds: float = setting(
        45.0, "Time between two checkpoints.", 0, 1e6, "seconds", shapes_results=False
    )
