"""The picture of a frame with its mask as an image in the file, for a closer look in an image editor."""

from __future__ import annotations

from pathlib import Path

import bpy

FILE_NAME = "Surface-SOS Check.png"


def show(file: Path) -> None:
    """Show the picture wherever the one of an earlier check is shown; packed, since its file goes when Blender ends."""
    old: bpy.types.Image | None = bpy.data.images.get(FILE_NAME)
    new = bpy.data.images.load(str(file))
    new.pack()
    if old is not None:
        old.user_remap(new)
        bpy.data.images.remove(old)
        new.name = FILE_NAME
