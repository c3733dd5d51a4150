"""Settings of the stage train: the fields and how they are optimised."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


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
    foreground_radius: float = setting(
        0.5, "Radius of the sphere that FoCoR starts as.", 0.01, 1, "of what it reaches over"
    )
    background_radius: float = setting(
        0.8, "Radius of the sphere that BaCo starts as, seen from within.", 0.01, 1, "of what it reaches over"
    )
    complete_background: bool = setting(
        True,
        "BaCo is empty where the masks agree on the object, so that other views complete it there (Section III-B); "
        "off, it may explain the object as well.",
    )
    possible: float = setting(
        0.02,
        "Value of m^P from which on FoCoR may be there: thin parts that wobbly masks half agree on.",
        0,
        1,
    )
    hold_cells: float = setting(
        1.5, "How far FoCoR may reach beyond where m^P makes it possible.", 0, 100, "cells of m^P"
    )
    crop_cells: float = setting(
        2.0, "How far inside the border of m^P BaCo is surely empty.", 0.01, 100, "cells of m^P"
    )
    core_cells: float = setting(
        6.0,
        "How far inside a place begins to be the object's for sure: hulls are too large here and there.",
        0, 100, "cells of m^P",
    )  # fmt: skip
    core_fade: float = setting(
        2.0, "How much further inside a place is the object's wholly.", 0.01, 100, "cells of m^P"
    )


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
    learning_rate: float = setting(0.01, "Adam's step for the hash tables.", 1e-6, 1)
    warm_up: int = setting(
        200,
        "Steps in which FoCoR's surface is only fitted to the consensus, before any ray is rendered.",
        0, 1_000_000, "steps",
    )  # fmt: skip
    warm_up_rate: float = setting(0.01, "Adam's step in the warm-up.", 1e-6, 1)
    warm_up_points: int = setting(
        4096,
        "Points near the border of m^P in a step of the warm-up, and as many anywhere in the box.",
        1,
        1 << 20,
        "points",
    )
    warm_up_reach: float = setting(
        3.0,
        "How far from the border of m^P they are at most.",
        1,
        1000,
        "cells of m^P",
    )
    warm_up_normals: int = setting(
        8, "One in so many points of the warm-up is asked for its normal.", 1, 1 << 20, "points"
    )
    warm_up_eikonal: float = setting(0.01, "Weight of mean (|n| - 1)^2 in the warm-up.", 0, 1000)
    network_rate: float = setting(0.2, "Share of the learning rate that the networks take.", 1e-6, 100)
    sharpness_rate: float = setting(
        0.1, "Share of the learning rate that the surfaces' sharpness takes.", 0, 100
    )
    ramp: int = setting(50, "Steps until the full learning rate.", 1, 1_000_000, "steps")
    end_rate: float = setting(0.05, "Share of the learning rate left at the end.", 1e-6, 1)
    eikonal_weight: float = setting(0.1, "Weight of mean (|n| - 1)^2.", 0, 1000)
    eikonal_share: float = setting(
        0.25, "Share of the samples that mean (|n| - 1)^2 is of.", 0.001, 1, "of the samples"
    )
    learn_surface: bool = setting(
        True, "FoCoR's surface is learnt from the plates; off, it stays what the masks agree on."
    )
    sparsity_weight: float = setting(0.01, "Weight of mean exp(-tau |sdf|).", 0, 1000)
    sparsity_tau: float = setting(
        20.0, "Sharpness tau of the sparsity loss.", 0, 10_000, "1 / half the box's side"
    )
    box_points: int = setting(
        1024, "Random places in the box for the sparsity loss and the core's.", 1, 1 << 20, "points"
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
    sparse_points: int = setting(
        512, "Sparse points on the object in a step, and as many off it.", 1, 1 << 20, "points"
    )
    clear_cells: int = setting(
        3, "How far outside m^P a sparse point must be to be surely off the object.", 0, 100, "cells of m^P"
    )
    mask_part: float = setting(0.4, "Share of the steps that counts as the first part.", 0, 1, "of the steps")
    soft_pixels: float = setting(
        8.0,
        "Width 1 / b of FoCoR's surface at the first step, in pixels of the training plates.",
        0.01, 1000, "pixels",
    )  # fmt: skip
    sharp_pixels: float = setting(1.6, "Its width when it is as sharp as it gets.", 0.01, 1000, "pixels")
    sharp_part: float = setting(
        0.8, "Share of the steps after which the surface is that sharp.", 0.01, 1, "of the steps"
    )
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
    zone_edge: int = setting(
        192, "Longer edge of the pictures in which the outline's zone is found.", 8, 256, "cells"
    )
    outline_cells: int = setting(4, "Half the width of the outline's zone.", 1, 100, "cells")
    around_cells: int = setting(16, "How far the zone on and around the object reaches.", 1, 100, "cells")
    look_every: int = setting(16, "Steps between two looks at the opacity grids.", 1, 100_000, "steps")
    look_points: int = setting(
        16_384, "Places of each field that such a look takes in.", 1, 1 << 24, "points"
    )
    preview_edge: int = setting(
        240, "Longer edge of the preview's pictures.", 8, 4096, "pixels", shapes_results=False
    )
    preview_seconds: float = setting(
        30.0, "Time between two preview pictures.", 0, 1e6, "seconds", shapes_results=False
    )
    checkpoint_seconds: float = setting(
        45.0, "Time between two checkpoints.", 0, 1e6, "seconds", shapes_results=False
    )
