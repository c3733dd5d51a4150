"""What masks say of the surfaces that a frame shows: votes of the frames that see the very same place.

Where depth is known, nothing in between or behind counts, as it does in a hull, so a few masks say much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.settings import VoteSettings
from surface_sos_core.stereo.known_depth import KnownDepth, pixels_that_show, places_shown


@dataclass(frozen=True, eq=False)
class Voter:
    """A frame with a mask (h, w) in [0, 1], and what is known of its depth (h, w)."""

    camera: Camera
    depth: KnownDepth
    mask: np.ndarray


def surface_votes(
    camera: Camera, depth: KnownDepth, voters: Sequence[Voter], settings: VoteSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Log odds (h, w) that what the camera's pixels show is the object, 0 where unknown; and how many voters see it (h, w)."""
    odds, heard = np.zeros(depth.disparity.shape), np.zeros(depth.disparity.shape, int)
    known = depth.disparity > 0
    world = places_shown(camera, depth.disparity, known)
    for_object, count = np.zeros(len(world)), np.zeros(len(world), int)
    for voter in voters:
        pixel = pixels_that_show(world, voter.camera, voter.depth.disparity, settings.same * depth.step)
        sees = pixel >= 0
        for_object[sees] += voter.mask.ravel()[pixel[sees]]
        count[sees] += 1
    told = np.log((for_object + settings.prior) / (count - for_object + settings.prior))
    odds[known] = np.clip(told, -settings.most, settings.most)
    heard[known] = count
    return odds, heard
