"""Every frame checks itself: its matte beside what its own mask, the other frames' masks and its own colours say of it.

Where mask and hull say the same, the matte has no say against them: what fields lose to a reflection or to a lamp of another
colour is put back, and what they grew into goes. Where mask, hull and matte still differ, one of them is wrong, and the frame is
solved again by its own colours. What differs from the mask after that is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.corrections.correction import Correction
from surface_sos_core.manifest import FrameEntry
from surface_sos_core.masks.colours import colours_tell
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.settings import CheckSettings, ColourSettings, EdgeSettings
from surface_sos_core.shapes import disc
from surface_sos_core.stereo.known_depth import KnownDepth


@dataclass(frozen=True)
class Said:
    """What is said of a frame's pixels, (H, W) each: by its own mask, bool (None: it has none), and by the hull that all masks
    agree on, the largest m^P along the pixel's ray."""

    mask: np.ndarray | None
    hull: np.ndarray

    @property
    def outline(self) -> np.ndarray:
        """(H, W) bool, the mask, or where there is none the hull, which is fuller in hollows."""
        return self.hull > 0.5 if self.mask is None else self.mask

    def object(self, sure: float) -> np.ndarray:
        """(H, W) bool where mask and hull, of which `sure` is certain, hold the object; nowhere by a hull alone, which fills
        every hollow."""
        return np.zeros(self.hull.shape, bool) if self.mask is None else self.mask & (self.hull > sure)

    def background(self, sure: float) -> np.ndarray:
        """(H, W) bool where neither does."""
        outside = self.hull < 1.0 - sure
        return outside if self.mask is None else outside & ~self.mask


@dataclass(frozen=True)
class Witnesses:
    """The coarse masks of all frames as they were mended, and what they agree on in 3D."""

    masks: SolidMasks
    consensus: Consensus
    corrections: Mapping[int, Correction] = field(default_factory=dict)
    """What the artist said of single frames, by position."""

    def of(self, frame: int, camera: Camera, width: int, height: int) -> Said:
        """What is said of the pixels of a frame's picture, divided into width x height."""
        rows, columns = self.masks.size
        along = project_grid(self.consensus.grid, self.consensus.box, camera, columns, rows)
        mask, hull = (
            cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
            for values in (self.masks[frame], along)
        )
        return Said(mask > 0.5 if np.isfinite(self.consensus.agreement[frame]) else None, hull)


def upheld(alpha: np.ndarray, said: Said, settings: CheckSettings) -> np.ndarray:
    """Alpha (H, W) with what mask and hull both hold put back, and what neither holds taken out, but for what is as thin as
    outlines differ: there the plate's own edges know better. Holes well inside are filled however small they are."""
    edge = max(alpha.shape)
    inside, sure = alpha > 0.5, said.object(settings.sure)
    deep = cv2.erode(sure.astype(np.uint8), disc(max(1, round(settings.outline * edge)))) > 0
    back = deep | _wide(sure & ~inside, settings.blob * edge)
    gone = _wide(said.background(settings.sure) & inside, settings.blob * edge)
    return np.where(gone, np.float32(0.0), np.where(back, np.float32(1.0), alpha))


def solved_again(
    display: np.ndarray,
    alpha: np.ndarray,
    said: Said,
    settings: CheckSettings,
    colours: ColourSettings,
    edges: EdgeSettings,
) -> np.ndarray:
    """Alpha (H, W) as the frame's own colours want it where matte, mask and hull differ by more than pixels.

    display: (H, W, 3) plate in display values. Colours are learnt nearby, where all three say the same; a graph cut draws the
    line. Elsewhere the matte stays as it is, its soft outline too.
    """
    height, width = alpha.shape
    scale = min(1.0, settings.edge / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    inside, mask, hull = (
        cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
        for values in (alpha, said.outline, said.hull)
    )
    width_told = max(settings.differ * max(size), settings.differ_pixels)
    doubtful = _wide(mask ^ inside, width_told) | _wide(hull ^ inside, width_told)
    if not doubtful.any():
        return alpha
    rgb = np.rint(255 * cv2.resize(display.clip(0, 1), size, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    told = colours_tell(rgb, mask & hull & inside, ~(mask | hull | inside), colours)
    told = told + settings.opinion * (2.0 * mask + 2.0 * hull + 2.0 * inside - 3.0)
    told = np.where(doubtful, told, settings.agreed * (2.0 * inside - 1.0))
    wanted = cut(rgb, told, KnownDepth(np.zeros(inside.shape), 0.0), edges)
    changed = _wide(wanted ^ inside, width_told) & doubtful
    if not changed.any():
        return alpha
    change, solid = (
        cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        for values in (changed, wanted)
    )
    return np.where(change, solid.astype(np.float32), alpha)


def doubts(alpha: np.ndarray, said: Said, settings: CheckSettings) -> list[str]:
    """A sentence for each thing in which a finished matte (H, W) strongly differs from what is said of the frame.

    They begin with how much it is, by which `worst_first` sorts. Hulls are fuller than the object, so that a frame without a mask
    may differ by more.
    """
    wanted, inside, width = said.outline, alpha > 0.5, settings.blob * max(alpha.shape)
    most, holder = (
        (settings.doubt_by_hull, "the other frames' masks hold")
        if said.mask is None
        else (settings.doubt, "its mask holds")
    )
    area = max(1, int(wanted.sum()))
    without = _wide(wanted & ~inside, width).sum() / area
    besides = _wide(inside & ~wanted, width).sum() / area
    found = []
    if without > most:
        found.append(f"{without:.0%} of what {holder} is not in the matte; look which of them is right.")
    if besides > most:
        found.append(
            f"{besides:.0%} as much as {holder} is in the matte besides; look which of them is right."
        )
    return found


def worst_first(frames: Sequence[FrameEntry]) -> list[FrameEntry]:
    """Those of the frames with layers that have doubts, the one of the largest share first."""

    def share(entry: FrameEntry) -> int:
        told = [re.match(r"(\d+)%", doubt) for doubt in entry.doubts]
        return max((int(found[1]) for found in told if found), default=0)

    return sorted((entry for entry in frames if entry.layers and entry.doubts), key=share, reverse=True)


def _wide(where: np.ndarray, width: float) -> np.ndarray:
    """(H, W) bool: what a disc of this width fits into, and what else of it is nearer to such places than half of that."""
    element = disc(max(1, round(width / 2)))
    core = cv2.morphologyEx(where.astype(np.uint8), cv2.MORPH_OPEN, element)
    return where & (cv2.dilate(core, element) > 0)
