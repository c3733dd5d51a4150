"""What each part of the method is worth (the paper's Table II), and masks refined from several qualities (Table III)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from shots.detector import damage
from shots.files import write_grey

from measure.cases import Case, pictures
from measure.run import Plan, Settings, with_solved_cameras

# What a row of Table II changes.
PARTS: dict[str, dict[str, Any]] = {
    "full": {},
    "without FoCoR": {"train.learn_surface": False},
    "without BaCo": {"fields.complete_background": False},
    "without sparsity": {"train.sparsity_weight": 0.0},
}
MASKLESS = "without masks"
KEY_FRAMES = 10  # "every tenth"
BROKEN = 3  # "a third broken"
BIAS = 0.015  # how far masks are grown or shrunk, as a share of the picture's longer edge


def ablation_plans(cases: Sequence[Case], settings: Settings, out: Path) -> Iterator[Plan]:
    """Of each case with a folder of masks the rows of PARTS, the start without masks, and its masks in several qualities."""
    for case in cases:
        if not isinstance(case.masks, Path):
            continue
        solved = replace(with_solved_cameras(case, out / f"{case.name} cameras"), held=None)
        for name, changes in PARTS.items():
            yield Plan(solved, settings.with_changes(changes), name)
        yield Plan(replace(solved, masks=None), settings, MASKLESS)
        for name, spoil in QUALITIES.items():
            folder = out / f"{case.name} masks {name}"
            write_masks(case, spoil, folder)
            yield Plan(replace(solved, masks=folder), settings, masks_variant(name))


def masks_variant(quality: str) -> str:
    """What a row of Table III is called."""
    return f"masks {quality}"


Spoil = Callable[[int, np.ndarray], np.ndarray | None]


def write_masks(case: Case, spoil: Spoil, folder: Path) -> None:
    """The case's masks, spoilt: of frame n, `spoil(n, mask)` with mask (H, W) in [0, 1]; None: no file at all."""
    assert isinstance(case.masks, Path)
    folder.mkdir(parents=True, exist_ok=True)
    for n, (name, file) in enumerate(pictures(case.masks).items()):
        mask = spoil(n, cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) / np.float32(255))
        if mask is not None:
            write_grey(folder / f"{name}.png", mask)


def _every_tenth(n: int, mask: np.ndarray) -> np.ndarray | None:
    return mask if n % KEY_FRAMES == 0 else None


def _third_broken(n: int, mask: np.ndarray) -> np.ndarray:
    if n % BROKEN or not (mask > 0.5).any():
        return mask
    kind = n // BROKEN % 3
    return damage(mask, np.random.default_rng(n), ("top", "side", None)[kind], grabbed=kind == 2)


def _wobbly(n: int, mask: np.ndarray) -> np.ndarray:
    return damage(mask, np.random.default_rng(n), None, False) if (mask > 0.5).any() else mask


def _grown(n: int, mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask, _disc(mask))


def _shrunk(n: int, mask: np.ndarray) -> np.ndarray:
    return cv2.erode(mask, _disc(mask))


QUALITIES: dict[str, Spoil] = {  # beside "full", the masks as they are given
    "every tenth": _every_tenth,
    "wobbly": _wobbly,
    "a third broken": _third_broken,
    "grown": _grown,
    "shrunk": _shrunk,
}


def _disc(mask: np.ndarray) -> np.ndarray:
    radius = max(1, round(BIAS * max(mask.shape)))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
