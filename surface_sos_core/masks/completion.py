"""Masks of all frames from those of a few: who rotoscopes three frames has said enough.

A pixel of a frame without a mask is the object where frames with one, which see the same place of the same surface, say so
(`surface_votes`). What none of them sees is told by its colour, as far as colours tell, and is nowhere beyond the hull. The
outline is a graph cut of these log odds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from surface_sos_core.cameras import Camera, CameraModel
from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import let_go, temporary_frames
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.colours import (
    COLOURS,
    LearntColours,
    colours_of,
    difference,
    log_odds,
    trust_in_colours,
)
from surface_sos_core.masks.consensus import Consensus, build_consensus
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.places import place_by_hull
from surface_sos_core.masks.surface_votes import Voter, surface_votes
from surface_sos_core.settings import ConsensusSettings
from surface_sos_core.stereo.frame_disparity import frame_disparities
from surface_sos_core.stereo.known_depth import KnownDepth

_FEW = 0.5  # share of the frames: with masks for more, what all of them agree on says enough of the others
_EDGE = 256  # pixels along the longer edge of what is looked at
_VOTERS = 60  # frames with a mask that are asked, at most
_SURE = 0.9  # of a mask's pixels teach colours
_HULL, _COLOUR = 0.5, 0.5  # how much these count beside the votes
_LEAST_SEEN = 0.2  # share of the hull that frames with a mask have to see, or nothing is said
_CONSENSUS = ConsensusSettings(resolution=96, views=_VOTERS)


def complete_masks(
    footage: Footage,
    cameras: Sequence[Camera | None],
    model: CameraModel,
    masks: CoarseMasks,
    progress: Callable[[int, int], None],
) -> list[int]:
    """Put masks where `masks` has none, if it has them for a few frames only; returns the frames that got one.

    cameras: one for each frame of `footage`, or None; model: they and the sparse points. A frame stays unknown, with a
    reason, where too little of what it shows is seen in the frames with a mask. progress gets (done, total) frames.
    """
    seen = {i: camera for i, camera in enumerate(cameras) if camera is not None}
    given = [i for i in seen if masks.known[i] and not masks.empty[i]]
    missing = [i for i in seen if not masks.known[i]]
    if len(given) < 2 or len(given) >= _FEW * len(seen):
        return []
    size = reduced_size(footage, _EDGE)
    pictures = temporary_frames((len(cameras), size[1], size[0], 3))
    for i in seen:
        pictures[i] = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
        let_go(pictures)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, len(seen) + len(missing))

    def picture(frame: int) -> np.ndarray:
        rgb = np.array(pictures[frame])
        let_go(pictures)
        return rgb

    disparities, fineness = frame_disparities(picture, size, seen, len(cameras), model, step)
    consensus = build_consensus(masks, cameras, _CONSENSUS)
    asked = [given[n] for n in np.unique(np.linspace(0, len(given) - 1, _VOTERS).round().astype(int))]
    voters = [
        Voter(
            seen[i],
            KnownDepth(disparities[i], fineness),
            cv2.resize(np.array(masks.probability[i]), size, interpolation=cv2.INTER_AREA) / 255.0,
        )
        for i in asked
    ]
    colours = _learnt_odds([picture(i) for i in asked], [voter.mask for voter in voters])
    completed = []
    for i in missing:
        depth = KnownDepth(disparities[i], fineness)
        mask = _mask(picture(i), seen[i], depth, voters, consensus, colours)
        step()
        if mask is None:
            masks.reasons[i] = "too little of what it shows is seen in frames that have a mask"
        else:
            masks.put(i, cv2.resize(mask.astype(np.float32), masks.size))
            completed.append(i)
    return completed


def _learnt_odds(pictures: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> np.ndarray:
    """(COLOURS,) log odds that each tells for the object, the less the less colours tell at all; of (h, w, 3) and (h, w)."""
    learnt = LearntColours()
    for rgb, mask in zip(pictures, masks, strict=True):
        learnt.add(colours_of(rgb), mask > _SURE, mask < 1 - _SURE)
    both = learnt.frequencies()
    if both is None:
        return np.zeros(COLOURS)
    return _COLOUR * trust_in_colours(difference(*both)) * log_odds(*both)


def _mask(
    rgb: np.ndarray,
    camera: Camera,
    depth: KnownDepth,
    voters: Sequence[Voter],
    consensus: Consensus,
    colours: np.ndarray,
) -> np.ndarray | None:
    """(h, w) bool of a picture (h, w, 3); None where voters see too little of it, or all or nothing would be the object."""
    height, width = rgb.shape[:2]
    odds, heard = surface_votes(camera, depth, voters)
    hull = place_by_hull(project_grid(consensus.grid, consensus.box, camera, width, height, depth.span)).odds
    inside = hull > 0
    if (inside & (heard > 0)).sum() <= _LEAST_SEEN * inside.sum():
        return None
    unseen = np.minimum(_HULL * hull, 0)
    mask = cut(rgb, np.where(heard > 0, odds, unseen) + colours[colours_of(rgb)], depth)
    return mask if mask.any() and not mask.all() else None
