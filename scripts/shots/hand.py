"""How a hand holds a camera."""

from __future__ import annotations

import math
import random

from mathutils import Matrix, Vector

_WAVES = 4  # a channel of the shake is the mean of so many


class Hand:
    """An unsteady hand: each channel is a smooth noise in [-1, 1] over the shot's time t in [0, 1]."""

    def __init__(self, seed: int, channels: int = 7) -> None:
        dice = random.Random(seed)
        self._waves = [
            [(dice.uniform(1, 7), dice.uniform(0, 2 * math.pi)) for _ in range(_WAVES)]
            for _ in range(channels)
        ]

    def shake(self, channel: int, t: float) -> float:
        return sum(math.sin(2 * math.pi * cycles * t + phase) for cycles, phase in self._waves[channel]) / 4


def aim(eye: Vector, target: Vector, roll: float = 0.0) -> Matrix:
    """Camera to world (Blender's axes) of a camera at `eye` that looks at `target`; roll in radians."""
    turn = (target - eye).to_track_quat("-Z", "Y").to_matrix() @ Matrix.Rotation(roll, 3, "Z")
    return Matrix.Translation(eye) @ turn.to_4x4()
