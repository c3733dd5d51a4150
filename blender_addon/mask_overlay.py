"""Coarse masks over the plate in the camera's view, to be judged before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from . import images, shot_objects
from .plates import open_plates

_ALPHA = 0.5


def show(scene: bpy.types.Scene, folder: Path) -> bool:
    """Lay the masks in `folder` over the plate of the shot's camera; False where no cameras were imported yet.

    Raises PlateError where the folder holds no masks.
    """
    camera = shot_objects.find(scene, None, shot_objects.CAMERA)
    masks = open_plates(folder)
    if camera is None:
        return False
    data: Any = camera.data
    backgrounds = data.background_images
    while len(backgrounds) < 2:  # the first is the plate
        backgrounds.new()
    overlay = backgrounds[1]
    image, _ = images.load(masks.file, "SEQUENCE")
    images.replace(overlay.image, image)
    overlay.image, overlay.alpha, overlay.display_depth = image, _ALPHA, "FRONT"
    overlay.frame_method = "STRETCH"
    images.play(overlay.image_user, min(masks.numbers.values()), max(masks.numbers.values()))
    data.show_background_images = True
    return True
