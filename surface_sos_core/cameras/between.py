"""Cameras of frames that could not be solved, from those before and after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel
from surface_sos_core.cameras.quaternion import quaternion_from_rotation, rotation_from_quaternion


def bridged(model: CameraModel, names: Sequence[str], most: int) -> tuple[CameraModel, list[str]]:
    """A model with cameras for at most so many images in a row that it lacks between two that it has; and their names.

    names: those of all images, in the order of time. A camera in between moves evenly from one neighbour to the other and turns
    evenly (Shoemake 1985), with the lens of the one before.
    """
    known = [i for i, name in enumerate(names) if name in model.cameras]
    found: list[Camera] = []
    for before, after in pairwise(known):
        if 1 < after - before <= most + 1:
            one, other = model.cameras[names[before]], model.cameras[names[after]]
            found += [
                _between(one, other, (i - before) / (after - before), names[i])
                for i in range(before + 1, after)
            ]
    # At the end: tracks name images by their position.
    cameras = {**model.cameras, **{camera.name: camera for camera in found}}
    return CameraModel(cameras, model.points), [camera.name for camera in found]


def _between(one: Camera, other: Camera, share: float, name: str) -> Camera:
    """The camera that has gone this share of the way from one to the other."""
    a, b = quaternion_from_rotation(one.rotation), quaternion_from_rotation(other.rotation)
    b = b if a @ b >= 0 else -b  # the shorter way around
    angle = float(np.arccos(np.clip(a @ b, -1.0, 1.0)))
    turned = (1 - share) * a + share * b
    if angle > 1e-6:
        turned = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    rotation = rotation_from_quaternion(turned / np.linalg.norm(turned))
    centre = (1 - share) * one.centre + share * other.centre
    return replace(one, name=name, rotation=rotation, translation=-rotation @ centre)
