"""Image sequences and movies in Blender: the right file for a scene's frame, in the right colour space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

# Scene-linear Rec.709 as Blender calls it since 4.0 and before, then as the ACES configurations do.
_LINEAR = ("Linear Rec.709", "Linear", "Linear Rec.709 (sRGB)", "Utility - Linear - sRGB", "lin_rec709")


def load(file: Path, again: bpy.types.Image | None, source: str) -> bpy.types.Image:
    """The image of a file; `source` is FILE, SEQUENCE or MOVIE. `again`: an image to use for it, else a new one.

    Raises RuntimeError where Blender cannot read the file.
    """
    image = again
    if image is None:
        image = bpy.data.images.load(str(file))
    else:
        image.filepath = str(file)
    image.source = source
    if again is not None:
        image.reload()
    return image


def set_linear(image: bpy.types.Image) -> None:
    """Read the image as scene-linear Rec.709; raises LookupError where the colour configuration has no such space."""
    settings = image.colorspace_settings
    known = settings.bl_rna.properties["name"].enum_items.keys()
    for name in _LINEAR:
        if name in known:
            settings.name = name
            return
    raise LookupError("Blender's colour configuration has no linear Rec.709, so the images keep their default.")


def play(user: Any, first: int, last: int, shift: int = 0) -> None:
    """Show, at each frame f of the scene from `first` to `last`, the file of number f + shift.

    `user`: an ImageUser or a compositor's image node. Blender shows the file whose number is
    f - frame_start + 1 + frame_offset.
    """
    user.frame_start = first
    user.frame_offset = first - 1 + shift
    user.frame_duration = last - first + 1
    user.use_cyclic = False
    user.use_auto_refresh = True
