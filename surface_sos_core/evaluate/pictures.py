"""The worst frames of an evaluation as pictures: what came out beside the truth, and where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surface_sos_core.evaluate.frames import frame_layers
from surface_sos_core.evaluate.plates import clean_pair
from surface_sos_core.evaluate.report import to_display
from surface_sos_core.evaluate.truth_files import Truth, load_truth, read_matte
from surface_sos_core.files import write_atomically
from surface_sos_core.manifest import FrameEntry, read_manifest

WORST = 3  # frames of each kind
_GAP = 4  # pixels between the pictures of a row
_CLEAN_GAIN = 4.0  # differences of clean plates are shown so many times as strong
_KEYS = {"matte": "iou", "clean": "psnr", "shadowed": "psnr"}


def write_worst_pictures(
    folder: Path, out: Path, truth_folder: Path, measured: dict[str, Any], region_folder: Path | None = None
) -> list[Path]:
    """PNGs in `folder` of the frames of the shot in `out` that `evaluate_shot` found worst, the worst first.

    KIND.NAME.png: for a matte the plate, the matte, the truth, and red where there is too much of it and blue where too
    little; for a clean plate the plate, it, the truth, and four times their difference within the region that counts.
    Pictures of an earlier evaluation are removed.
    """
    truth, entries = load_truth(truth_folder, region_folder), read_manifest(out).frames
    named = {entry.name: entry for entry in entries}
    if folder.is_dir():
        for kind in _KEYS:
            for file in folder.glob(f"{kind}.*.png"):
                file.unlink()
    written = []
    for kind, key in _KEYS.items():
        for name in worst_frames(measured[kind], key):
            draw = matte_row if kind == "matte" else clean_row
            plates = truth.shadowed if kind == "shadowed" else truth.cleans
            picture = draw(out, named[name], truth, plates)
            written.append(folder / f"{kind}.{name}.png")
            with write_atomically(written[-1]) as partial:
                partial.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    return written


def worst_frames(result: dict[str, Any] | None, key: str) -> list[str]:
    """Names of the frames where `key` is lowest, at most three, the lowest first; those without a value never."""
    rows = [row for row in result["per_frame"] if row[key] is not None] if result else []
    return [row["name"] for row in sorted(rows, key=lambda row: row[key])[:WORST]]


def matte_row(out: Path, entry: FrameEntry, truth: Truth, plates: dict[str, Path]) -> np.ndarray:
    """(H, W, 3) uint8: plate, matte, truth, difference."""
    plate, alpha = _plate_and_alpha(out, entry)
    expected = read_matte(truth.mattes[entry.name], alpha.shape)
    return _row(plate, _grey(alpha), _grey(expected), signed_difference(plate, alpha - expected))


def clean_row(out: Path, entry: FrameEntry, truth: Truth, plates: dict[str, Path]) -> np.ndarray:
    """(H, W, 3) uint8: plate, clean plate, truth, difference."""
    plate, _ = _plate_and_alpha(out, entry)
    pair = clean_pair(out, entry, truth, plates)
    apart = np.clip(_CLEAN_GAIN * np.abs(pair.plate - pair.expected), 0, 1) * pair.region[..., None]
    return _row(plate, _eight_bits(pair.plate), _eight_bits(pair.expected), _eight_bits(apart))


def signed_difference(plate: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """A dimmed grey plate (H, W, 3) uint8, red where the difference (H, W) is above 0 and blue where below."""
    grey = np.repeat(plate.mean(axis=2, keepdims=True) * 0.35, 3, axis=2)
    colour = np.where(difference[..., None] > 0, [255.0, 40.0, 30.0], [40.0, 90.0, 255.0])
    # A square root, so that a difference of a tenth can be seen at all.
    strength = np.sqrt(np.clip(np.abs(difference), 0, 1))[..., None]
    return np.round(grey * (1 - strength) + colour * strength).astype(np.uint8)


def _plate_and_alpha(out: Path, entry: FrameEntry) -> tuple[np.ndarray, np.ndarray]:
    """The plate (H, W, 3) uint8 as the layers hold it, foreground over clean plate, and the matte (H, W)."""
    layers = frame_layers(out, entry)
    alpha = np.clip(layers.foreground[..., 3], 0, 1)
    return to_display(layers.over(layers.clean)), alpha


def _grey(alpha: np.ndarray) -> np.ndarray:
    return _eight_bits(np.repeat(alpha[..., None], 3, axis=2))


def _eight_bits(values: np.ndarray) -> np.ndarray:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _row(*pictures: np.ndarray) -> np.ndarray:
    """Side by side with a gap between them."""
    gap = np.full((len(pictures[0]), _GAP, 3), 128, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)
