"""Pictures over the plate in a camera's view: coarse masks that were found, or the matte of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..files import plates
from . import images, shot_objects

_TINT = "Surface-SOS Tint"
RED = (0.8, 0.02, 0.02, 1.0)
TINTED = 0.5  # of what is outside the matte
_MASKS = 0.5


@dataclass(frozen=True)
class Layer:
    """One picture over the plate: of sequence files from frame `first` to `last`, whose numbers are `shift` higher."""

    image: bpy.types.Image
    alpha: float
    first: int = 1
    last: int = 1
    shift: int = 0


def show_masks(scene: bpy.types.Scene, folder: Path) -> bool:
    """Lay the masks in `folder` over the plate of the shot's camera; False where no cameras were imported yet.

    Raises PlateError where the folder holds no masks.
    """
    camera = shot_objects.find(scene, None, shot_objects.CAMERA)
    masks = plates.open_plates(folder)
    if camera is None:
        return False
    image, _ = images.load(masks.file, "SEQUENCE")
    numbers = masks.numbers.values()
    show(camera, [Layer(image, _MASKS, min(numbers), max(numbers))])
    return True


def matte(image: bpy.types.Image, first: int, last: int, shift: int) -> list[Layer]:
    """All that is outside the matte in red: F + (1 - a) ((1 - tint) plate + tint red), with F and a of the layers."""
    return [Layer(_tint(), TINTED), Layer(image, 1.0, first, last, shift)]


def show(camera: bpy.types.Object, layers: Sequence[Layer]) -> None:
    """Lay them over the plate, from below to above, in place of what was laid there before."""
    clear(camera)
    data: Any = camera.data
    for layer in layers:
        over = data.background_images.new()
        over.image, over.alpha, over.display_depth = layer.image, layer.alpha, "FRONT"
        over.frame_method = "STRETCH"
        if layer.image.source != "GENERATED":
            images.play(over.image_user, layer.first, layer.last, layer.shift)
    data.show_background_images = True


def clear(camera: bpy.types.Object) -> None:
    """Remove what was laid over the plate here; pictures of the artist's stay."""
    data: Any = camera.data
    for over in _ours(camera):
        image, over.image = over.image, None  # removed with it, an image would count as used
        data.background_images.remove(over)
        if image.users == 0:
            bpy.data.images.remove(image)


def shows_matte(camera: bpy.types.Object) -> bool:
    return any(over.image.name == _TINT for over in _ours(camera))


def _ours(camera: bpy.types.Object) -> list[Any]:
    data: Any = camera.data
    pictures = list(data.background_images)[1:]  # the first is the plate
    return [over for over in pictures if over.image is not None and images.is_ours(over.image)]


def _tint() -> bpy.types.Image:
    image: Any = bpy.data.images.get(_TINT)
    if image is None:
        image = bpy.data.images.new(_TINT, 8, 8)
        image.generated_color = RED
        images.own(image)
    return image
