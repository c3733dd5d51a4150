"""The probability map m^P: how much the coarse masks of all views agree, in 3D, that a place is the object.

A vote of a view for a point is its mask's value where the point projects. A single share of votes says nothing alone: a
point just outside the object is inside most silhouettes. So the share that counts as the border is the one whose hull
looks most like the masks themselves, and views and pixels that contradict that hull lose their say, round by round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.errors import InputError
from surface_sos_core.footage.frame_stack import let_go
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.fit_box import box_around, fit_box
from surface_sos_core.masks.gaps import Look, open_gaps
from surface_sos_core.masks.hull_votes import best_share, count_votes, judge, look_size
from surface_sos_core.masks.pieces import object_pieces
from surface_sos_core.masks.thin_parts import find_thin_parts
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ConsensusSettings, ThinPartSettings

_AROUND = 3  # cells around the object in which m^P falls to 0


@dataclass(frozen=True)
class Consensus:
    """What the views agree on."""

    box: Box
    grid: np.ndarray
    """(R, R, R) float32, m^P over the whole box, its cells as long-sided as the box is; 0.5 at the object's border;
    indexed x, y, z."""
    trust: np.ndarray
    """(frames, h, w) uint8, how far each place of a mask is believed (255: fully), of the size that masks are looked at;
    0 in frames whose mask is unknown."""
    agreement: np.ndarray
    """(frames,) IoU of each mask with the hull; nan where there is no mask or no camera."""


def build_consensus(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    settings: ConsensusSettings,
    thin_parts: ThinPartSettings,
    box: Box | None = None,
    progress: Callable[[int, int], None] | None = None,
    look: Look | None = None,
) -> Consensus:
    """Count the votes, fit the box (unless one is given), and settle whom to trust.

    A box is fitted twice: around all that may be the object, which is far too large where views look from one side, and then
    around what votes in that one agree on, so that cells, fields and mesh are as fine as the object allows.

    masks.probability: (n, h, w) uint8 beside n cameras; look: what frames show, for gaps, which
    else are not looked for. Raises InputError where no object can be agreed on.
    """
    usable = np.array(
        [masks.known[i] and not masks.empty[i] and cameras[i] is not None for i in range(len(cameras))]
    )
    if usable.sum() < 2:
        raise InputError(
            "Fewer than two frames have both a camera and a mask that is not empty; add masks for more frames."
        )
    if box is not None:
        found = _agreed(masks, cameras, usable, settings, thin_parts, box, progress)
    else:
        wide = fit_box(masks, cameras, usable, settings, thin_parts)
        found = _agreed(masks, cameras, usable, settings, thin_parts, wide, _part(progress, 0))
        box = box_around(found.grid > 0.5, wide, settings)
        if box.half.prod() < settings.box_roomy * wide.half.prod():
            found = _agreed(masks, cameras, usable, settings, thin_parts, box, _part(progress, 1))
    if look is None:
        return found
    voters = evenly(np.flatnonzero(usable), settings.views)
    whole = found.grid > 0.5
    hull, trust = open_gaps(whole, masks.probability, found.trust, cameras, voters, found.box, look)
    return replace(found, grid=np.where(whole & ~hull, np.float32(0.0), found.grid), trust=trust)


def _part(progress: Callable[[int, int], None] | None, begun: int) -> Callable[[int, int], None] | None:
    """Progress of the first or the second half of what is told."""
    return None if progress is None else lambda done, total: progress(begun * total + done, 2 * total)


def _agreed(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    usable: np.ndarray,
    settings: ConsensusSettings,
    thin_parts: ThinPartSettings,
    box: Box,
    progress: Callable[[int, int], None] | None,
) -> Consensus:
    """What the masks of the frames `usable` (frames,) bool agree on in a box."""
    voters = evenly(np.flatnonzero(usable), settings.views)
    look_width, look_height = look_size(masks.probability[0], settings.look_edge)
    trust = np.zeros((len(cameras), look_height, look_width), dtype=np.uint8)
    trust[usable] = 255
    weights = np.ones(len(cameras))
    region = np.ones((settings.resolution // 2,) * 3, dtype=bool)
    for round_ in range(settings.rounds):
        last = round_ == settings.rounds - 1
        if last:  # in full detail, but only where the coarse rounds found the object
            region = region.repeat(2, 0).repeat(2, 1).repeat(2, 2)
        share = count_votes(masks, cameras, voters, weights, trust, box, region, settings)
        border = best_share(share, masks, cameras, voters, box, settings)
        region = ndimage.binary_dilation(share > settings.region_share * border, iterations=2)
        judged = np.flatnonzero(usable) if last else voters
        for n, i in enumerate(judged):
            weights[i], trust[i] = judge(share, border, masks.probability[i], cameras[i], box, settings)
            let_go(masks.probability)
            if progress is not None and n % 8 == 0:
                progress(round_ * len(voters) + n, (settings.rounds - 1) * len(voters) + int(usable.sum()))
    agreement = np.where(usable, weights, np.nan)
    grid = 1.0 / (1.0 + np.exp(-(share - border) / settings.softness))
    grid[share <= 0] = 0.0
    thin = find_thin_parts(share, border, masks.probability, trust, cameras, voters, box, thin_parts)
    grid[thin] = np.maximum(grid[thin], thin_parts.probability)
    kept = object_pieces(
        grid > 0.5, masks.probability, trust, cameras, voters, box, thin_parts, settings.least_piece
    )
    near = ndimage.binary_dilation(kept, iterations=_AROUND)
    return Consensus(box, np.where(near, grid, 0.0).astype(np.float32), trust, agreement)


def contradiction(agreement: np.ndarray, settings: ConsensusSettings) -> str | None:
    """One sentence where most masks do not look like the hull, by the views' agreement (frames,) with it; else None."""
    found = agreement[np.isfinite(agreement)]
    if len(found) == 0 or float(np.median(found)) >= settings.contradicted:
        return None
    return (
        f"Masks and cameras contradict each other: half of the masks overlap the object that all of them agree on by less "
        f"than {np.median(found):.0%}; look whether the cameras are right and the masks show one object."
    )
