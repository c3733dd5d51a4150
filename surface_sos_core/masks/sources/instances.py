"""Which of the things that a network found in each frame is the object: the one that is the same thing in all frames.

With cameras: the rays through the middles of two instances meet near a point; the point that most frames show inside an
instance (each frame's best counts, by its score) is in the object. From the instances that hold it a consensus is built,
and in each frame the instance that fits the consensus' hull best is taken, so that one wrong frame stays one wrong frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np

from surface_sos_core.cameras import Camera, look_at
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.errors import InputError
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import build_consensus
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import NetworkSettings, Settings

_PARALLEL = 0.9999  # squared cosine of rays that meet nowhere in particular


@dataclass(frozen=True)
class Instance:
    """mask: (h, w) uint8, 255 is the thing; score: how sure the network is, 0 to 1."""

    mask: np.ndarray
    score: float


Found = Sequence[Sequence[Instance]]


def choose_by_cameras(
    found: Found,
    cameras: Sequence[Camera | None],
    size: tuple[int, int],
    settings: Settings,
    target: np.ndarray | None = None,
    join: bool = False,
) -> CoarseMasks:
    """found: instances of each frame, of `size` (width, height); target: (3,) a point in the object, where one is known.

    join: the object may be several instances of a frame, as pieces of a matte are; what the whole mattes agree on is it,
    where no target is known. Raises InputError where no instances
    of two frames are the same thing.
    """
    masks = CoarseMasks.unknown(len(found), size)
    if join and target is None:
        for i, pieces in enumerate(found):
            if pieces:
                masks.put(i, np.max([one.mask for one in pieces], axis=0) / 255)
    else:
        target = _place_most_agree_on(found, cameras, settings.network.paired) if target is None else target
        for i, (instances, camera) in enumerate(zip(found, cameras, strict=True)):
            holding = [
                one for one in instances if camera is not None and _holds(one, camera, target[None])[0]
            ]
            if holding:
                masks.put(i, max(holding, key=lambda one: one.score).mask / 255)
    if masks.known.sum() < 2:
        raise InputError(
            "What the network finds in different frames is not one object in the world; draw a box on one frame, NAME:FILE."
        )
    own = settings.network
    voting = replace(settings.consensus, resolution=own.consensus_resolution, views=own.consensus_views)
    consensus = build_consensus(masks, cameras, voting, settings.thin_parts)
    chosen = CoarseMasks.unknown(len(found), size)
    for i, camera in enumerate(cameras):
        if camera is None:
            chosen.reasons[i] = "it has no camera"
            continue
        hull = project_grid(consensus.grid, consensus.box, camera, *size) > 0.5
        choose = _joined if join else _best
        mask = choose(found[i], hull, own.least_overlap)
        if mask is None:
            chosen.reasons[i] = "the network finds nothing where the other frames have the object"
        else:
            chosen.put(i, mask / 255)
    return chosen


def choose_by_overlap(
    found: Found, drawn: Drawn | None, size: tuple[int, int], settings: NetworkSettings
) -> CoarseMasks:
    """Without cameras: followed from frame to frame, from what was drawn or from the surest instance of all.

    Raises InputError where no instance is in what was drawn.
    """
    masks = CoarseMasks.unknown(len(found), size)
    if drawn is not None:
        shown = {i: _best(found[i], region, settings.least_overlap) for i, region in drawn.at(size).items()}
        start = next((i for i, mask in shown.items() if mask is not None), None)
        if start is None:
            raise InputError("The network finds nothing in what is drawn; draw it on another frame.")
        first = shown[start]
    else:
        start = max(range(len(found)), key=lambda i: max((one.score for one in found[i]), default=0.0))
        first = max(found[start], key=lambda one: one.score).mask
    assert first is not None
    for step in (1, -1):
        last, i = first, start
        while 0 <= i < len(found):
            mask = first if i == start else _best(found[i], last > 127, settings.least_overlap)
            if mask is None:
                masks.reasons[i] = "the network finds nothing where the object was in the frame before"
            else:
                masks.put(i, mask / 255)
                last = mask
            i += step
    return masks


def _best(instances: Sequence[Instance], there: np.ndarray, least: float) -> np.ndarray | None:
    """The mask that overlaps most with `there` (h, w) bool; None where none does by `least`."""
    scores = [_overlap(one.mask > 127, there) for one in instances]
    best = int(np.argmax(scores)) if scores else -1
    return instances[best].mask if scores and scores[best] >= least else None


def _joined(instances: Sequence[Instance], hull: np.ndarray, least: float) -> np.ndarray | None:
    """All pieces that lie mostly in the hull, together; None where they overlap less than by `least` with it."""
    inside = [one.mask for one in instances if hull[one.mask > 127].mean() >= 0.5]
    mask = np.max(inside, axis=0) if inside else None
    return mask if mask is not None and _overlap(mask > 127, hull) >= least else None


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def _place_most_agree_on(found: Found, cameras: Sequence[Camera | None], paired: int) -> np.ndarray:
    """(3,) of all places where rays of two frames meet, the one that the most frames show inside an instance."""
    usable = [i for i, camera in enumerate(cameras) if camera is not None and found[i]]
    few = evenly(np.array(usable, int), paired).tolist()
    rays = {i: [_ray(one, cameras[i]) for one in found[i]] for i in few}
    places = np.array(
        [
            p
            for i, j in combinations(few, 2)
            for a in rays[i]
            for b in rays[j]
            if (p := _meeting(*a, *b)) is not None
        ]
    ).reshape(-1, 3)
    if not len(places):
        raise InputError(
            "The network finds the object in fewer than two frames that have cameras; choose another --pick or source."
        )
    votes = np.zeros(len(places))
    for i in usable:
        camera = cameras[i]
        assert camera is not None
        votes += np.max([one.score * _holds(one, camera, places) for one in found[i]], axis=0)
    # of places that are as good, the one that the cameras look at
    away = np.linalg.norm(places - look_at([c for c in cameras if c is not None]), axis=1)
    return places[np.lexsort((away, -np.round(votes, 1)))[0]]


def _ray(one: Instance, camera: Camera | None) -> tuple[np.ndarray, np.ndarray]:
    """Origin and unit direction (3,) through the innermost pixel of an instance, which is in it whatever its shape."""
    assert camera is not None
    inside = cv2.distanceTransform((one.mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(np.argmax(inside)), inside.shape)
    scale = camera.lens.width / one.mask.shape[1]
    origin, directions = camera.rays(np.array([[(column + 0.5) * scale, (row + 0.5) * scale]]))
    return origin, directions[0] / np.linalg.norm(directions[0])


def _meeting(o: np.ndarray, d: np.ndarray, p: np.ndarray, e: np.ndarray) -> np.ndarray | None:
    """The middle of the shortest line between two rays; None where they are nearly parallel or meet behind."""
    across = d @ e
    if not across**2 < _PARALLEL:
        return None
    between = p - o
    along = (between @ d - across * (between @ e)) / (1 - across**2)
    beside = (across * (between @ d) - between @ e) / (1 - across**2)
    return (o + along * d + p + beside * e) / 2 if along > 0 and beside > 0 else None


def _holds(one: Instance, camera: Camera, places: np.ndarray) -> np.ndarray:
    """(K,) bool: world places (K, 3) that project into the instance."""
    inside, at = picture_pixels(camera, camera.project(places)[0], one.mask.shape)
    inside[inside] = one.mask[at] > 127
    return inside
