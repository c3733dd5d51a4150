"""What measures of mattes and of plates share: a frame's layers, and means over frames."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.layers.exr import FrameLayers, read_layers
from surface_sos_core.manifest import FrameEntry


def frame_layers(out: Path, entry: FrameEntry) -> FrameLayers:
    """The layers of a frame that has some."""
    if entry.layers is None:
        raise ValueError(f"frame {entry.name} has no layers")
    return read_layers(out / entry.layers).in_rec709()


def summary(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Means over the frames that have a value, the frame where `key` is lowest, the rows with null for nan."""
    names = [name for name in rows[0] if name not in ("name", "frame")]
    shown = [row | {name: finite_or_none(row[name]) for name in names} for row in rows]
    mean: dict[str, float | None] = {}
    for name in names:
        values = [row[name] for row in shown if row[name] is not None]
        mean[name] = float(np.mean(values)) if values else None
    worst = min(shown, key=lambda row: math.inf if row[key] is None else row[key])
    return {
        "frames": len(rows),
        "mean": mean,
        "worst": {"name": worst["name"], key: worst[key]},
        "per_frame": shown,
    }


def finite_or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
