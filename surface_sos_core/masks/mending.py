"""Masks, given ones or found ones, mended by each other: frames that see the same place of the same surface vote on it.

Blobs of a mask that these votes contradict are put in or taken out (`surface_votes`), but nothing that nearly all given masks hold: through
a pane, or beside a wire, frames see what is behind, and vote on that. A mask's outline stays, since what
outlines of single frames get wrong averages out over frames, and what votes get wrong does not. Where a few frames have a
mask, the others get one: what no frame with a mask sees is told by its colour, as far as colours tell, and is nowhere
beyond the hull; the outline is a graph cut of these log odds. Who rotoscopes three frames has said enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Camera, CameraModel
from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import FrameStack, let_go
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.colours import (
    LearntColours,
    colours_of,
    colours_told_apart,
    difference,
    log_odds,
    trust_in_colours,
)
from surface_sos_core.masks.consensus import Consensus, build_consensus
from surface_sos_core.masks.gaps import look_of
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.places import place_by_hull
from surface_sos_core.masks.surface_votes import Voter, surface_votes
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ColourSettings, MendingSettings, Settings, VoteSettings
from surface_sos_core.stereo.frame_disparity import frame_depths
from surface_sos_core.stereo.known_depth import KnownDepth

_HELD = 0.5  # m^P from which on the hull holds a place


@dataclass(frozen=True)
class Mended:
    """The frames, by position, whose mask was changed, and those that had none and got one."""

    changed: list[int]
    completed: list[int]


def mend_masks(
    footage: Footage,
    cameras: Sequence[Camera | None],
    model: CameraModel,
    masks: CoarseMasks,
    settings: Settings,
    progress: Callable[[int, int], None],
    given: bool = True,
) -> Mended:
    """Mend blobs of `masks`, and where fewer than half of the frames have one, put masks where there are none.

    cameras: one for each frame of `footage`, or None; model: they and the sparse points. A frame stays unknown, with a
    reason, where too little of what it shows is seen in the frames with a mask. progress gets (done, total) frames. given: the masks
    are somebody's word, so what the hull of them holds is not taken out.
    Nothing is done with fewer than two masks.
    """
    seen = {i: camera for i, camera in enumerate(cameras) if camera is not None}
    drawn = [i for i in seen if masks.known[i] and not masks.empty[i]]
    if len(drawn) < 2:
        return Mended([], [])
    missing = [i for i in seen if not masks.known[i]] if len(drawn) < settings.mending.few * len(seen) else []
    size = reduced_size(footage, settings.mending.edge)
    pictures = FrameStack((len(cameras), size[1], size[0], 3))
    for i in seen:
        pictures[i] = footage.read_small(i, size)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, len(seen) + len(drawn) + len(missing))

    depth = frame_depths(pictures.__getitem__, size, seen, len(cameras), model, step, settings)

    mending, completed, consensus = settings.mending, [], None
    if missing or given:
        voting = replace(settings.consensus, resolution=mending.consensus_resolution, views=mending.voters)
        consensus = build_consensus(masks, cameras, voting, settings.thin_parts, look=look_of(footage, settings))
    if missing:
        assert consensus is not None
        voters = _voters(masks, seen, depth, drawn, mending)
        colours = _learnt_odds(
            [pictures[i] for i in voters], [one.mask for one in voters.values()], mending, settings.colours
        )
        for i in missing:
            mask = _mask(pictures[i], seen[i], depth(i), list(voters.values()), consensus, colours, settings)
            if mask is None:
                masks.reasons[i] = "too little of what it shows is seen in frames that have a mask"
            else:
                masks.put(i, cv2.resize(mask.astype(np.float32), masks.size))
                completed.append(i)
            step()

    def held(i: int) -> np.ndarray:
        assert consensus is not None
        return project_grid(consensus.grid, consensus.box, seen[i], *size) > _HELD

    changed = mend_blobs(masks, {i: seen[i] for i in drawn}, depth, mending, settings.votes, step, held=held if given else None)
    return Mended(changed, completed)


def mend_blobs(
    masks: CoarseMasks,
    cameras: Mapping[int, Camera],
    depth: Callable[[int], KnownDepth],
    settings: MendingSettings,
    votes: VoteSettings,
    step: Callable[[], None],
    colour: Callable[[int], np.ndarray] | None = None,
    held: Callable[[int], np.ndarray] | None = None,
) -> list[int]:
    """Put into the masks of some frames, by position, the blobs that the others' votes miss there, and take out those that
    they contradict; which masks were changed.

    cameras, depth: of each frame; colour: log odds (h, w) of its pixels, of the depth's size, that must tell the same, or
    the sweep's depths, which reach a little beyond the object, would take its surroundings along; held: (h, w) bool, where nothing is
    taken out. step is called after each frame; those without a mask are left alone.
    """
    given = {i for i in cameras if masks.known[i] and not masks.empty[i]}
    voters = list(_voters(masks, cameras, depth, sorted(given), settings).values())
    changed = []
    for i in cameras:
        if i in given:
            own = _voter(masks, cameras, depth, i)
            stays = held(i) if held is not None else np.zeros(own.mask.shape, bool)
            lost, grabbed = _contradicted(own, voters, colour and colour(i), stays, settings, votes)
            if lost.any() or grabbed.any():
                _put_in(masks, i, lost, 255)
                _put_in(masks, i, grabbed, 0)
                changed.append(i)
        step()
    return changed


def _voters(
    masks: CoarseMasks,
    cameras: Mapping[int, Camera],
    depth: Callable[[int], KnownDepth],
    given: Sequence[int],
    settings: MendingSettings,
) -> dict[int, Voter]:
    """Those frames of `given`, spread evenly, that are asked."""
    asked = evenly(np.array(given, int), settings.voters).tolist()
    return {i: _voter(masks, cameras, depth, i) for i in asked}


def _voter(
    masks: CoarseMasks, cameras: Mapping[int, Camera], depth: Callable[[int], KnownDepth], frame: int
) -> Voter:
    known = depth(frame)
    size = known.disparity.shape[::-1]
    mask = cv2.resize(np.array(masks.probability[frame]), size, interpolation=cv2.INTER_AREA) / 255.0
    return Voter(cameras[frame], known, mask)


def _contradicted(
    one: Voter,
    voters: Sequence[Voter],
    colour: np.ndarray | None,
    held: np.ndarray,
    settings: MendingSettings,
    votes: VoteSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) bool each: blobs that the mask lacks, and that it has, against what the voters, and colour (h, w), say; the latter not
    where they are held (h, w)."""
    odds, heard = surface_votes(one.camera, one.depth, voters, votes)
    inside, told = one.mask > 0.5, heard >= settings.heard
    lost = ~inside & told & (odds > settings.contradicted)
    grabbed = inside & told & ~held & (odds < -settings.contradicted)
    lost, grabbed = _blobs(lost, settings.lost), _blobs(grabbed, settings.grabbed)
    return (lost, grabbed) if colour is None else (_told(lost, colour), _told(grabbed, -colour))


def _blobs(where: np.ndarray, share: float) -> np.ndarray:
    """(h, w) bool: what a disc fits into whose width is this share of the longer edge."""
    width = max(1, round(share * max(where.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return cv2.morphologyEx(where.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0


def _told(blobs: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """(h, w) bool: those blobs (h, w) whose mean log odds (h, w) are for them."""
    label, count = ndimage.label(blobs)
    means = ndimage.mean(odds, label, np.arange(count + 1))
    return blobs & (np.asarray(means) > 0)[label]


def _put_in(masks: CoarseMasks, frame: int, blobs: np.ndarray, value: int) -> None:
    larger = cv2.resize(blobs.astype(np.float32), masks.size) > 0.5
    masks.probability[frame] = np.where(larger, value, masks.probability[frame])
    let_go(masks.probability)


def _learnt_odds(
    pictures: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    settings: MendingSettings,
    colours: ColourSettings,
) -> np.ndarray:
    """(colours,) log odds that each tells for the object, the less the less colours tell at all; of (h, w, 3) and (h, w)."""
    learnt = LearntColours(colours)
    for rgb, mask in zip(pictures, masks, strict=True):
        learnt.add(colours_of(rgb, colours), mask > settings.sure, mask < 1 - settings.sure)
    both = learnt.frequencies()
    if both is None:
        return np.zeros(colours_told_apart(colours))
    trust = trust_in_colours(difference(*both), colours)
    return settings.colour_weight * trust * log_odds(*both, colours)


def _mask(
    rgb: np.ndarray,
    camera: Camera,
    depth: KnownDepth,
    voters: Sequence[Voter],
    consensus: Consensus,
    colours: np.ndarray,
    settings: Settings,
) -> np.ndarray | None:
    """(h, w) bool of a picture (h, w, 3); None where voters see too little of it, or all or nothing would be the object."""
    height, width = rgb.shape[:2]
    odds, heard = surface_votes(camera, depth, voters, settings.votes)
    span = depth.span(settings.stereo.error)
    along = project_grid(consensus.grid, consensus.box, camera, width, height, span)
    hull = place_by_hull(along, settings.hull).odds
    inside = hull > 0
    if (inside & (heard > 0)).sum() <= settings.mending.least_seen * inside.sum():
        return None
    unseen = np.minimum(settings.mending.hull_weight * hull, 0)
    told = np.where(heard > 0, odds, unseen) + colours[colours_of(rgb, settings.colours)]
    mask = cut(rgb, told, depth, settings.edges)
    return mask if mask.any() and not mask.all() else None
