"""Renders what a scene's compositor makes of a shot to files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from . import images


def render_composites(
    scene: bpy.types.Scene, stems: Mapping[int, str], folder: Path, space: str = images.REC709
) -> Iterator[int]:
    """Render frames to FOLDER/STEM.exr (half, scene-linear) and STEM.png (8 bits, as displayed).

    `stems` are by frame. `space`: the scene-linear space of the EXR files, by its interop id or name, that of the layers; where
    Blender has no such space they are in the scene's own. Yields each frame when its files are there, whole. Raises RuntimeError or OSError
    where they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for frame, stem in stems.items():
        scene.frame_set(frame)
        bpy.ops.render.render(scene=scene.name)
        result = bpy.data.images["Render Result"]
        for suffix, choose in ((".exr", partial(_as_exr, space=space)), (".png", _as_png)):
            begun, final = folder / f".{stem}{suffix}", folder / f"{stem}{suffix}"
            choose(scene.render.image_settings)
            result.save_render(str(begun), scene=scene)
            os.replace(begun, final)
        yield frame


def _as_exr(settings: Any, space: str) -> None:
    _choose(settings, "OPEN_EXR", "RGBA", "16")
    settings.exr_codec = "ZIP"
    settings.color_management = "OVERRIDE"
    images.set_linear(settings.linear_colorspace_settings, space)


def _as_png(settings: Any) -> None:
    _choose(settings, "PNG", "RGB", "8")
    settings.color_management = "FOLLOW_SCENE"


def _choose(settings: Any, kind: str, channels: str, depth: str) -> None:
    if hasattr(settings, "media_type"):  # since 5.0
        settings.media_type = "IMAGE"
    settings.file_format = kind
    settings.color_mode = channels
    settings.color_depth = depth
