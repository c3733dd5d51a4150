"""A scene whose renders look as the plate does: no tone curve, no grade, no noise of Blender's own."""

from __future__ import annotations

from typing import Any

_PLAIN = ("Standard", "Un-tone-mapped", "sRGB", "Raw")  # Blender's own name first, then those of ACES configurations


def apply(scene: Any) -> str | None:
    """Display scene-linear colour by the display's curve alone. Returns a sentence where the configuration has no such view."""
    view = scene.view_settings
    view.look, view.exposure, view.gamma, view.use_curve_mapping = "None", 0.0, 1.0, False
    scene.render.dither_intensity = 0.0
    if not any(_choose(view, name) for name in _PLAIN):
        return (
            f"The view transform is {view.view_transform}, which changes the plate's look: choose a plain one."
        )
    return None


def notice(scene: Any) -> str | None:
    """A sentence where what is displayed does not look as the plate does."""
    view = scene.view_settings
    if view.view_transform in _PLAIN:
        return None
    return (
        f"The view transform is {view.view_transform}, which changes the plate's look: "
        "choose Standard in Render Properties, Color Management, to render the plate as it came."
    )


def _choose(view: Any, name: str) -> bool:
    try:
        view.view_transform = name
    except TypeError:  # how Blender says that there is none of that name
        return False
    return True
