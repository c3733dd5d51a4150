"""Image sequences and movies in Blender: the right file for a scene's frame, in the right colour space."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import bpy

REC709 = "lin_rec709_scene"
# Scene-linear spaces by interop id, as Blender calls them since 4.0 and before, then as the ACES configurations do.
_NAMES = {
    REC709: ("Linear Rec.709", "Linear", "Linear Rec.709 (sRGB)", "Utility - Linear - sRGB", "lin_rec709"),
    "lin_ap1_scene": ("ACEScg", "Linear ACEScg", "ACES - ACEScg", "lin_ap1"),
    "lin_ap0_scene": ("ACES2065-1", "Linear ACES", "ACES - ACES2065-1", "lin_ap0"),
    "lin_rec2020_scene": ("Linear Rec.2020", "Utility - Linear - Rec.2020", "lin_rec2020"),
    "lin_p3d65_scene": ("Linear DCI-P3 D65", "Linear P3-D65", "Utility - Linear - P3-D65", "lin_p3d65"),
}
_OURS = "surface_sos"  # custom property of images that were loaded or made here


def load(file: Path, source: Literal["SEQUENCE", "MOVIE"]) -> tuple[bpy.types.Image, tuple[int, int]]:
    """A new image of a file, and its size; `source` is SEQUENCE or MOVIE.

    Multilayer files tell no size: (0, 0). Raises RuntimeError where Blender cannot read the file.
    """
    image = bpy.data.images.load(str(file))
    width, height = image.size  # of a sequence, it would be that of frame 0, which may not be there
    image.source = source
    own(image)
    return image, (width, height)


def own(image: bpy.types.Image) -> None:
    """Note that an image is none of the artist's."""
    image[_OURS] = True


def is_ours(image: bpy.types.Image) -> bool:
    return bool(image.get(_OURS))


def replace(old: bpy.types.Image | None, new: bpy.types.Image) -> None:
    """Show `new` wherever `old` is shown, and remove `old`, unless `old` is an image of the artist's."""
    if old is not None and is_ours(old):
        old.user_remap(new)
        bpy.data.images.remove(old)
        new.name = Path(new.filepath).name


def set_linear(settings: Any, space: str) -> str | None:
    """Choose a scene-linear space, by its interop id or name, in an image's colour space settings or a render's.

    Returns a sentence where the colour configuration has no such space.
    """
    known = settings.bl_rna.properties["name"].enum_items.keys()
    name = next((name for name in (*_NAMES.get(space, ()), space) if name in known), None)
    if name is None:
        called = _NAMES.get(space, (space,))[0]
        return f"Blender's colour configuration has no {called}: choose the images' colour space yourself."
    settings.name = name
    return None


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


def play_as(user: Any, other: Any) -> None:
    """Show at each frame what another ImageUser shows."""
    for name in ("frame_start", "frame_offset", "frame_duration", "use_cyclic", "use_auto_refresh"):
        setattr(user, name, getattr(other, name))
