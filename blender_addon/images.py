"""Image sequences and movies in Blender: the right file for a scene's frame, in the right colour space."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import bpy

# Scene-linear Rec.709 as Blender calls it since 4.0 and before, then as the ACES configurations do.
_LINEAR = ("Linear Rec.709", "Linear", "Linear Rec.709 (sRGB)", "Utility - Linear - sRGB", "lin_rec709")
_OURS = "surface_sos"  # custom property of images that were loaded here
NO_LINEAR = "Blender's colour configuration has no linear Rec.709: choose the images' colour space yourself."


def load(file: Path, source: Literal["SEQUENCE", "MOVIE"]) -> tuple[bpy.types.Image, tuple[int, int]]:
    """A new image of a file, and its size; `source` is SEQUENCE or MOVIE.

    Multilayer files tell no size: (0, 0). Raises RuntimeError where Blender cannot read the file.
    """
    image = bpy.data.images.load(str(file))
    width, height = image.size  # of a sequence, it would be that of frame 0, which may not be there
    image.source = source
    image[_OURS] = True
    return image, (width, height)


def replace(old: bpy.types.Image | None, new: bpy.types.Image) -> None:
    """Show `new` wherever `old` is shown, and remove `old`, unless `old` is an image of the artist's."""
    if old is not None and old.get(_OURS):
        old.user_remap(new)
        bpy.data.images.remove(old)
        new.name = Path(new.filepath).name


def set_linear(image: bpy.types.Image) -> bool:
    """Read the image as scene-linear Rec.709; False where the colour configuration has no such space."""
    settings: Any = image.colorspace_settings
    known = settings.bl_rna.properties["name"].enum_items.keys()
    name = next((name for name in _LINEAR if name in known), None)
    if name is not None:
        settings.name = name
    return name is not None


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
