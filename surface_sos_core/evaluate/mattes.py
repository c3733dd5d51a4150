"""Mattes of a shot against truth, and against the masks that were given for the shot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.evaluate import metrics
from surface_sos_core.evaluate.frames import finite_or_none, frame_layers, summary
from surface_sos_core.evaluate.truth_files import read_mask, read_matte
from surface_sos_core.manifest import FrameEntry

WORSE_BY = 0.01
"""Of IoU: a matte that is this much below the mask given for its frame is worse than it."""


def measure_mattes(
    out: Path,
    frames: Sequence[FrameEntry],
    truth: Mapping[str, Path],
    given: Mapping[str, Path],
    radius: float,
    done: Callable[[], None],
) -> dict[str, Any]:
    """The mattes in `out` of those of its `frames`, in the shot's order, that have layers and a file of `truth`.

    given: files of the masks that the shot was made from, by the frames' names; frames may lack one. radius: of the trimap's band,
    pixels. `done` is called after each frame. Returns the "matte" of `evaluate_shot`.
    """
    rows: list[dict[str, Any]] = []
    changes: list[float] = []
    before: tuple[int, np.ndarray, np.ndarray] | None = None
    for index, entry in enumerate(frames):
        if not entry.layers or entry.name not in truth:
            continue
        alpha = np.clip(frame_layers(out, entry).foreground[..., 3], 0, 1)
        expected = read_matte(truth[entry.name], alpha.shape)
        mask = read_mask(given[entry.name], alpha.shape) if entry.name in given else None
        rows.append(_row(entry, alpha, expected, mask, radius))
        if before is not None and before[0] == index - 1:
            changes.append(metrics.dtssd(before[1], alpha, before[2], expected))
        before = index, alpha, expected
        done()
    result = summary(rows, "iou")
    mean = result["mean"]
    result["mean"] = {
        "miou": mean.pop("iou"),
        **mean,
        "dtssd": finite_or_none(float(np.mean(changes))) if changes else None,
    }
    result["worse"] = worse_than_given(result["per_frame"]) if given else None
    return result


def worse_than_given(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the frames whose matte is worse than the mask that was given for them."""
    return [
        row["name"]
        for row in rows
        if row["given_iou"] is not None and row["iou"] < row["given_iou"] - WORSE_BY
    ]


def _row(
    entry: FrameEntry, alpha: np.ndarray, expected: np.ndarray, mask: np.ndarray | None, radius: float
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": entry.name,
        "frame": entry.frame,
        "iou": metrics.iou(alpha, expected),
        "boundary_iou": metrics.boundary_iou(alpha, expected),
        "given_iou": float("nan") if mask is None else metrics.iou(mask, expected),
        "accuracy": metrics.accuracy(alpha, expected),
        "sad": metrics.sad(alpha, expected),
        "sad_thresholded": metrics.sad((alpha > 0.5).astype(np.float32), expected),
    }
    for suffix, region in (("", None), ("_band", metrics.trimap_band(expected, radius))):
        row["sad" + suffix] = metrics.sad(alpha, expected, region)
        row["mse" + suffix] = metrics.mse(alpha, expected, region)
        row["gradient" + suffix] = metrics.gradient_error(alpha, expected, region)
        row["connectivity" + suffix] = metrics.connectivity_error(alpha, expected, region)
    return row
