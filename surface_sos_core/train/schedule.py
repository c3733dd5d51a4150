"""What changes with the step."""

from __future__ import annotations

from surface_sos_core.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Factor on the learning rate: a short ramp, full speed for the first part, then an exponential decay."""
    ramp = min(1.0, (step + 1) / settings.ramp)
    part = step / max(1, settings.iterations)
    late = max(0.0, (part - settings.mask_part) / (1.0 - settings.mask_part))
    return ramp * settings.end_rate**late


def mask_weight(step: int, settings: TrainSettings) -> float:
    """Weight of the mask loss: strong in the first part, weak afterwards."""
    first = step < settings.mask_part * settings.iterations
    return settings.mask_weight if first else settings.late_mask_weight


def least_sharpness(step: int, pixel: float, settings: TrainSettings) -> float:
    """Floor of both fields' b: a surface at the box is `soft_pixels` wide at first and `sharp_pixels` towards the end.

    pixel: size of a training pixel on the object, in box units.
    """
    part = min(1.0, step / (settings.sharp_part * max(1, settings.iterations)))
    width = settings.soft_pixels ** (1.0 - part) * settings.sharp_pixels**part
    return 1.0 / (width * pixel)
