"""What a camera makes of the light it gets: exposure, white balance and tone curve."""

from __future__ import annotations

from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class Grade:
    """stops: exposure. balance: gains of scene-linear red, green and blue. gamma: power 1/gamma of what is shown."""

    stops: float = 0.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0


def apply_grade(grade: Grade) -> None:
    """Have all pictures saved from now on graded so, plates and clean plates alike."""
    view = bpy.context.scene.view_settings
    view.exposure, view.gamma = grade.stops, grade.gamma
    view.use_curve_mapping = grade.balance != Grade.balance
    # A curve's white is what becomes 1: Blender's own white balance is newer than 4.2, and knows temperatures alone.
    view.curve_mapping.white_level = [1 / gain for gain in grade.balance]
    view.curve_mapping.update()
