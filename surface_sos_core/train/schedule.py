"""What changes with the step."""

from __future__ import annotations

from surface_sos_core.settings import TrainSettings

_RAMP = 50  # steps until the full learning rate
_END = 0.05  # share of the learning rate left at the end


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Factor on the learning rate: a short ramp, full speed for the first part, then an exponential decay."""
    ramp = min(1.0, (step + 1) / _RAMP)
    part = step / max(1, settings.iterations)
    late = max(0.0, (part - settings.mask_part) / (1.0 - settings.mask_part))
    return ramp * _END**late


def mask_weight(step: int, settings: TrainSettings) -> float:
    """Weight of the mask loss: strong in the first part, weak afterwards."""
    first = step < settings.mask_part * settings.iterations
    return settings.mask_weight if first else settings.late_mask_weight


def least_sharpness(step: int, pixel: float, settings: TrainSettings) -> float:
    """Floor of both fields' b: a surface at the box is `soft_pixels` wide at first and `sharp_pixels` towards the end.

    pixel: size of a training pixel on the object, in box units.
    """
    part = min(1.0, step / (0.8 * max(1, settings.iterations)))
    width = settings.soft_pixels ** (1.0 - part) * settings.sharp_pixels**part
    return 1.0 / (width * pixel)
