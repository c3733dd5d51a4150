"""Renders what a scene's compositor makes of a shot to files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bpy


def render_composites(scene: bpy.types.Scene, stems: Mapping[int, str], folder: Path) -> Iterator[int]:
    """Render frames to FOLDER/STEM.exr (half, scene-linear) and STEM.png (8 bits, as displayed).

    `stems` are by frame. Yields each frame when its files are there, whole. Raises RuntimeError or OSError
    where they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for frame, stem in stems.items():
        scene.frame_set(frame)
        bpy.ops.render.render(scene=scene.name)
        result = bpy.data.images["Render Result"]
        for suffix, choose in ((".exr", _as_exr), (".png", _as_png)):
            partial, final = folder / f".{stem}{suffix}", folder / f"{stem}{suffix}"
            choose(scene.render.image_settings)
            result.save_render(str(partial), scene=scene)
            os.replace(partial, final)
        yield frame


def _as_exr(settings: Any) -> None:
    _choose(settings, "OPEN_EXR", "RGBA", "16")
    settings.exr_codec = "ZIP"


def _as_png(settings: Any) -> None:
    _choose(settings, "PNG", "RGB", "8")


def _choose(settings: Any, kind: str, channels: str, depth: str) -> None:
    if hasattr(settings, "media_type"):  # since 5.0
        settings.media_type = "IMAGE"
    settings.file_format = kind
    settings.color_mode = channels
    settings.color_depth = depth
