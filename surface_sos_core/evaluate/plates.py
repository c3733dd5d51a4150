"""Clean plates of a shot against photographs or renders without the object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from surface_sos_core.evaluate import metrics, texture
from surface_sos_core.evaluate.frames import finite_or_none, frame_layers, summary
from surface_sos_core.evaluate.truth_files import Truth, display, read_display, read_matte
from surface_sos_core.manifest import FrameEntry

REGION_GROWTH = 5.0
HIGHEST_PSNR = 100.0
"""Stands for equal images, so that means and JSON stay finite."""


@dataclass(frozen=True)
class PlatePair:
    """A frame's clean plate beside that of truth."""

    plate: np.ndarray
    """(H, W, 3) display values."""
    expected: np.ndarray
    """(H, W, 3) the same of truth."""
    region: np.ndarray
    """(H, W) bool, the pixels that count: the hole."""
    seen: np.ndarray
    """(H, W) bool, where some frame saw the background."""


def measure_plates(
    out: Path,
    frames: Sequence[FrameEntry],
    truth: Truth,
    plates: Mapping[str, Path],
    done: Callable[[], None],
) -> dict[str, Any]:
    """The clean plates in `out` of those of its `frames`, in the shot's order, that `measurable` names, against `plates`.

    `done` is called twice for each frame. Returns the "clean" of `evaluate_shot`.
    """
    cross = power = 0.0
    for _, _, pair in _pairs(out, frames, truth, plates):
        terms = metrics.gain_terms(pair.plate, pair.expected, pair.region)
        cross, power = cross + terms[0], power + terms[1]
        done()
    gain = cross / power if power > 0 else 1.0
    rows: list[dict[str, Any]] = []
    changes: list[float] = []
    before: tuple[int, PlatePair] | None = None
    for index, entry, pair in _pairs(
        out, frames, truth, plates
    ):  # again: not all plates would fit into memory
        rows.append({"name": entry.name, "frame": entry.frame, **_row(pair, gain)})
        if before is not None and before[0] == index - 1:
            last, shared = before[1], before[1].region & pair.region
            changes.append(texture.flicker(last.plate, pair.plate, last.expected, pair.expected, shared))
        before = index, pair
        done()
    result = summary(rows, "psnr")
    known = [change for change in changes if finite_or_none(change) is not None]
    result["mean"]["flicker"] = float(np.mean(known)) if known else None
    return {"gain": gain, **result}


def measurable(entry: FrameEntry, truth: Truth, plates: Mapping[str, Path]) -> bool:
    """Whether a frame has layers, a plate of truth, and a region in which to compare them."""
    has_region = entry.name in truth.regions or entry.name in truth.mattes
    return entry.layers is not None and entry.name in plates and has_region


def clean_pair(out: Path, entry: FrameEntry, truth: Truth, plates: Mapping[str, Path]) -> PlatePair:
    """A measurable frame's clean plate and that of truth; without the shadow that the shot tells apart, where the truth has none."""
    layers = frame_layers(out, entry)
    shape = layers.depth.shape
    if entry.name in truth.regions:
        region = read_matte(truth.regions[entry.name], shape) > 0.5
    else:
        inside = read_matte(truth.mattes[entry.name], shape) > 0.5
        region = distance_transform_edt(~inside) <= REGION_GROWTH if inside.any() else inside
    plate = layers.without_shadow if plates is truth.cleans else layers.clean
    return PlatePair(display(plate), read_display(plates[entry.name], shape), region, layers.seen > 0.5)


def _pairs(
    out: Path, frames: Sequence[FrameEntry], truth: Truth, plates: Mapping[str, Path]
) -> Iterator[tuple[int, FrameEntry, PlatePair]]:
    for index, entry in enumerate(frames):
        if measurable(entry, truth, plates):
            yield index, entry, clean_pair(out, entry, truth, plates)


def _row(pair: PlatePair, gain: float) -> dict[str, float]:
    row = {}
    for suffix, factor in (("", 1.0), ("_gain", gain)):
        scaled = pair.plate * np.float32(factor)
        for split, part in (
            ("", pair.region),
            ("_seen", pair.region & pair.seen),
            ("_unseen", pair.region & ~pair.seen),
        ):
            row[f"psnr{split}{suffix}"] = min(metrics.psnr(scaled, pair.expected, part), HIGHEST_PSNR)
            row[f"ssim{split}{suffix}"] = metrics.ssim(scaled, pair.expected, part)
    row["sharpness"] = texture.sharpness(pair.plate, pair.expected, pair.region)
    row["patch_distance"] = texture.patch_distance(pair.plate, pair.expected, pair.region)
    return row
