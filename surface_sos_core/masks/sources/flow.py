"""Masks carried from frame to frame by optical flow, for footage whose cameras are not solved yet.

From each frame that was drawn on, outwards in both directions: the mask is warped along DIS optical flow (Kroeger,
Timofte, Dai and Van Gool 2016) and redrawn by GrabCut within a narrow band of where it came to lie. A frame between two
drawings gets the mask of the nearer one. Where flow there and back does not agree over much of the mask, or what it
shows has changed, it is lost.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.settings import FlowSettings
from surface_sos_core.shapes import disc

Before = tuple[int, np.ndarray]
"""A frame and where the object is in it, (h, w) bool."""

Known = Callable[[int, np.ndarray | None, Before | None], np.ndarray | None]
"""(frame, where the object was carried to, or drawn, in it (h, w) bool, the frame it was carried from) -> where it is, (h, w) bool.

None is carried to where it was lost on the way, carried from where it was drawn, and told where nothing is known."""


def nothing_known(frame: int, mask: np.ndarray | None, before: Before | None) -> None:
    """Nothing else tells where the object is."""


def carry_by_flow(
    footage: Footage,
    drawn: Drawn,
    settings: FlowSettings,
    progress: Callable[[int, int], None],
    known: Known = nothing_known,
    reach: int | None = None,
) -> CoarseMasks:
    """Masks of all frames that can be reached from those drawn on; progress gets (done, total) frames.

    known: what else tells where the object is, which is carried on from there. reach: no frame farther from a drawing is asked for.
    """
    size = reduced_size(footage, settings.edge)
    count = len(footage.frames)
    masks = CoarseMasks.unknown(count, size)
    starts = sorted(drawn.regions)
    nearest = [min(starts, key=lambda start: abs(start - i)) for i in range(count)]
    owner = [start if reach is None or abs(start - i) <= reach else -1 for i, start in enumerate(nearest)]
    regions = drawn.at(size)
    done = 0
    for start in starts:
        first = _Picture.read(footage, start, size)
        told = known(start, regions[start], None)
        mask = grow(first.rgb, regions[start], settings) if told is None else told
        masks.put(start, mask)
        for step in (1, -1):
            here, carried, i = first, mask, start
            while 0 <= i + step < count and owner[i + step] == start:
                i += step
                there = _Picture.read(footage, i, size)
                moved = _carry(here, there, carried, settings)
                told = known(i, moved, (i - step, carried))
                now = moved if told is None else told
                if now is None:
                    masks.reasons |= {
                        k: f"the object was lost on the way, at {footage.frames[i].name}"
                        for k in _rest(i, step, owner, start)
                    }
                    break
                carried = now
                masks.put(i, carried)
                here = there
                done += 1
                progress(done + 1, count)
    return masks


def grow(rgb: np.ndarray, region: np.ndarray, settings: FlowSettings) -> np.ndarray:
    """(h, w) bool: the object inside a region drawn around it, by GrabCut; the region itself where that finds nothing."""
    clues = np.where(region, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    mask = _grab_cut(rgb, clues, settings.first_rounds)
    return mask if mask.sum() > settings.least_grown * region.sum() else region


class _Picture:
    """A frame at the masks' size, in colour and grey."""

    def __init__(self, rgb: np.ndarray) -> None:
        self.rgb = rgb
        self.grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)

    @staticmethod
    def read(footage: Footage, index: int, size: tuple[int, int]) -> _Picture:
        return _Picture(footage.read_small(index, size))


def _carry(here: _Picture, there: _Picture, mask: np.ndarray, settings: FlowSettings) -> np.ndarray | None:
    """The mask (h, w) bool of the next frame, or None where it is lost."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    start = np.zeros((*mask.shape, 2), np.float32)
    back = flow.calc(there.grey, here.grey, start.copy())
    forth = flow.calc(here.grey, there.grey, start)
    height, width = mask.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    source_x, source_y = x + back[..., 0], y + back[..., 1]
    warped = cv2.remap(mask.astype(np.float32), source_x, source_y, cv2.INTER_LINEAR) > 0.5
    if warped.sum() < settings.least_pixels:
        return None
    round_trip = back + cv2.remap(forth, source_x, source_y, cv2.INTER_LINEAR)
    agrees = np.linalg.norm(round_trip, axis=2) < settings.round_trip
    if agrees[warped].mean() < settings.least_agreement:
        return None
    looked_like = cv2.remap(here.grey, source_x, source_y, cv2.INTER_LINEAR)
    if np.median(cv2.absdiff(looked_like, there.grey)[warped]) > settings.most_difference:
        return None
    radius = max(2, round(settings.band * max(width, height)))
    element = disc(radius)
    sure, near = cv2.erode(warped.astype(np.uint8), element), cv2.dilate(warped.astype(np.uint8), element)
    clues = np.select(
        [sure > 0, warped, near > 0], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_PR_BGD], cv2.GC_BGD
    ).astype(np.uint8)
    redrawn = _grab_cut(there.rgb, clues, settings.rounds)
    change = redrawn.sum() / mask.sum()
    kept = 1 / settings.most_change < change < settings.most_change
    return redrawn if kept and redrawn.sum() >= settings.least_pixels else None


def _grab_cut(rgb: np.ndarray, clues: np.ndarray, rounds: int) -> np.ndarray:
    if not ((clues == cv2.GC_FGD) | (clues == cv2.GC_PR_FGD)).any() or (clues == cv2.GC_PR_FGD).all():
        return (clues == cv2.GC_FGD) | (clues == cv2.GC_PR_FGD)
    cv2.setRNGSeed(0)  # its mixtures start from random colours
    cv2.grabCut(rgb, clues, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK)
    return (clues == cv2.GC_FGD) | (clues == cv2.GC_PR_FGD)


def _rest(i: int, step: int, owner: list[int], start: int) -> list[int]:
    return [k for k in range(i, len(owner) if step > 0 else -1, step) if owner[k] == start]
