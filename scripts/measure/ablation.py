"""What each part of the method is worth (the paper's Table II), and masks refined from several qualities (Table III)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from shots.detector import damage
from shots.files import write_grey

from measure.cases import Case, pictures
from measure.run import run, with_solved_cameras
from measure.tables import number, table

# What a row of Table II changes: {stage: {setting: value}}.
PARTS: dict[str, dict[str, dict[str, Any]]] = {
    "full": {},
    "without FoCoR": {"train": {"learn_surface": False}},
    "without BaCo": {"fields": {"complete_background": False}},
    "without sparsity": {"train": {"sparsity_weight": 0.0}},
}
NOTE = (
    "Without FoCoR the object is what the masks agree on, nothing of its surface is learnt; without BaCo the background is "
    "not completed at the object's place, both fields may explain it; without masks the start is the automatic one."
)
KEY_FRAMES = 10  # "every tenth"
BROKEN = 3  # "a third broken"
BIAS = 0.015  # how far masks are grown or shrunk, as a share of the picture's longer edge


def ablation(cases: Sequence[Case], settings: dict[str, Any], out: Path) -> str:
    """Both tables; cameras are solved once for all rows."""
    solved = [with_solved_cameras(case, out / f"{case.name} cameras") for case in cases]
    return "\n\n".join((parts_table(solved, settings, out), NOTE, masks_table(solved, settings, out)))


def parts_table(cases: Sequence[Case], settings: dict[str, Any], out: Path) -> str:
    """Table II: the rows of PARTS, and the start without masks."""
    head = [f"{case.name} {what}" for case in cases for what in ("mIoU", "accuracy")]
    rows = []
    for name, changes in PARTS.items():
        changed = settings | {stage: settings[stage] | values for stage, values in changes.items()}
        rows.append([name, *_scores(cases, changed, out, name)])
        _say(rows[-1])
    maskless = [replace(case, masks=None) for case in cases]
    rows.append(["without masks", *_scores(maskless, settings, out, "without masks")])
    _say(rows[-1])
    return table(["", *head], rows)


def masks_table(cases: Sequence[Case], settings: dict[str, Any], out: Path) -> str:
    """Table III: mIoU of what came in and of what came out."""
    rows = []
    for quality, spoil in QUALITIES.items():
        cells = []
        for case in cases:
            folder = out / f"{case.name} masks {quality}"
            write_masks(case, spoil, folder)
            result = run(replace(case, masks=folder), settings, out / f"{case.name} from {quality}")
            before, after = result["coarse"], result["measured"]["matte"]["mean"]["miou"]
            cells += [number(before), number(after), number(None if before is None else after - before)]
        rows.append([quality, *cells])
        _say(rows[-1])
    head = [f"{case.name} {what}" for case in cases for what in ("in", "out", "gain")]
    return table(["masks", *head], rows)


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


QUALITIES: dict[str, Spoil] = {
    "as given": lambda n, mask: mask,
    "every tenth": _every_tenth,
    "wobbly": _wobbly,
    "a third broken": _third_broken,
    "grown": _grown,
    "shrunk": _shrunk,
}


def _disc(mask: np.ndarray) -> np.ndarray:
    radius = max(1, round(BIAS * max(mask.shape)))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _scores(cases: Sequence[Case], settings: dict[str, Any], out: Path, name: str) -> list[str]:
    """mIoU and accuracy of each case."""
    results = [run(case, settings, out / f"{case.name} {name}") for case in cases]
    means = [result["measured"]["matte"]["mean"] for result in results]
    return [number(mean[key]) for mean in means for key in ("miou", "accuracy")]


def _say(row: Sequence[str]) -> None:
    print("| " + " | ".join(row) + " |", flush=True)
