"""Renders what a scene's compositor makes of a shot to files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import bpy

from ..scene import images
from . import formats


def render_composites(
    scene: bpy.types.Scene, stems: Mapping[int, str], folder: Path, space: str = images.REC709
) -> Iterator[int]:
    """Render frames to FOLDER/STEM.exr (half, scene-linear) and STEM.png (8 bits, as displayed).

    `stems` are by frame. `space`: of the EXR files, see formats.as_exr. Yields each frame when its files are there, whole.
    Raises RuntimeError or OSError where they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for frame, stem in stems.items():
        scene.frame_set(frame)
        bpy.ops.render.render(scene=scene.name)
        result = bpy.data.images["Render Result"]
        for suffix, choose in ((".exr", partial(formats.as_exr, space=space)), (".png", formats.as_png)):
            begun, final = folder / f".{stem}{suffix}", folder / f"{stem}{suffix}"
            choose(scene.render.image_settings)
            result.save_render(str(begun), scene=scene)
            os.replace(begun, final)
        yield frame
