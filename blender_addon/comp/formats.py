"""How pictures are written, in the settings of a scene's render or of a File Output node."""

from __future__ import annotations

from typing import Any

from ..scene import images


def as_exr(settings: Any, space: str) -> None:
    """Half, scene-linear in `space`, by its interop id or name; where Blender has no such space, in the scene's own."""
    _choose(settings, "OPEN_EXR", "RGBA", "16")
    settings.exr_codec = "ZIP"
    settings.color_management = "OVERRIDE"
    images.set_linear(settings.linear_colorspace_settings, space)


def as_png(settings: Any) -> None:
    """8 bits, as displayed."""
    _choose(settings, "PNG", "RGB", "8")
    settings.color_management = "FOLLOW_SCENE"


def _choose(settings: Any, kind: str, channels: str, depth: str) -> None:
    if hasattr(settings, "media_type"):  # since 5.0
        settings.media_type = "IMAGE"
    settings.file_format = kind
    settings.color_mode = channels
    settings.color_depth = depth
