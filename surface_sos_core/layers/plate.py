"""Clean plates: the frame's own pixels, other frames' real pixels in the hole, and what key frames invent where none saw it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers.fill import Fill
from surface_sos_core.layers.gather import gather
from surface_sos_core.layers.hidden_depth import Background, hidden_depth
from surface_sos_core.layers.key_frames import Carried, KeyFrame, carried
from surface_sos_core.layers.seams import (
    Pairs,
    neighbours,
    solve_colours,
    spread,
    without_faint_steps,
)
from surface_sos_core.layers.sources import Sources
from surface_sos_core.render.rays import Rays
from surface_sos_core.settings import Settings
from surface_sos_core.shapes import dilated


@dataclass(frozen=True)
class OwnFrame:
    """The frame that is to be cleaned: its number, its scene-linear picture (H, W, 3), what that is multiplied by (3,) to be
    exposed as the sources are, and the object in it as alpha (H, W) and depth (H, W)."""

    index: int
    linear: np.ndarray
    gain: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class CleanPlate:
    """colour (H, W, 3) scene-linear; seen (H, W) 1 where a frame saw the background; disparity (H, W), one over its depth, in the hole and
    around, 0 elsewhere; all float32. unfilled: pixels that nothing was found for, so they go on smoothly from what is around them."""

    colour: np.ndarray
    seen: np.ndarray
    disparity: np.ndarray
    unfilled: int


def clean_plate(
    background: Background,
    camera: Camera,
    cast: Callable[[np.ndarray], Rays],
    sources: Sources,
    settings: Settings,
    own: OwnFrame | None,
    keys: Sequence[KeyFrame],
    fill: Fill | None,
    around: np.ndarray | None = None,
) -> CleanPlate:
    """The picture of `camera` without the object.

    cast: pixels (N, 2) to rays in box coordinates. own: the camera's own frame; None for a camera that filmed nothing,
    whose whole picture is then made of other frames. What no frame saw comes from the `keys`, what none of them has from
    `fill`; without it, it goes on smoothly. around (H, W): depth outside of the hole, where `fill` shall go by it.
    """
    height, width = camera.lens.height, camera.lens.width
    plate = settings.plate
    radius = _grown(height, width, settings)
    seen, disparity = np.ones((height, width), np.float32), np.zeros((height, width), np.float32)
    if own is None:
        hole = np.ones((height, width), bool)
        colour, front = np.zeros((height, width, 3), np.float32), disparity
        keep = disparity
    else:
        hole = dilated(own.alpha > 0, radius)
        colour, front = srgb_encode(own.linear * own.gain).astype(np.float32), own.depth
        keep = _margin(own.alpha, radius)
    if not hole.any():
        return CleanPlate(_exposed(colour, hole, own), seen, disparity, 0)
    index, display = (None, None) if own is None else (own.index, colour)
    depth = hidden_depth(
        background, camera, cast, hole, display, front, sources, index, plate, settings.shown, settings.sweep
    )
    reach = dilated(hole, plate.ring)
    rows, columns = np.nonzero(reach)
    origin, directions = camera.rays(np.stack([columns + 0.5, rows + 0.5], axis=1))
    away, open_, pairs = depth[rows, columns], hole[rows, columns], neighbours(reach)
    world = origin + away[:, None] * directions
    found = gather(sources, camera, world, open_, settings.layers.sources, index, pairs, plate)
    made = carried(keys, camera, directions, away, settings.fill)
    known = found.count > 0
    told = known | (made.key >= 0)
    covered = open_ & (keep[rows, columns] == 0)
    colour[rows[covered], columns[covered]] = np.where(known[:, None], found.colour, made.colour)[covered]
    sure = ~hole | (keep > 0)
    sure[rows[told], columns[told]] = True
    start = spread(colour, sure)[rows, columns]
    # What was invented lies in a light of its own; held to its colours a little, seams do not carry it far from them.
    anchor = np.maximum(keep[rows, columns], np.where(known if own is None else told & ~known, plate.anchor, 0.0))
    change = without_faint_steps(pairs, found.change, away, plate)
    change, shown = _with_made(pairs, change, found.shown > 0, made)
    colour[rows, columns] = solve_colours(pairs, change, shown, start, anchor, open_, plate.loose)
    left = np.zeros_like(hole)
    left[rows[open_ & ~told], columns[open_ & ~told]] = True
    unfilled = int(left.sum())
    if unfilled and fill is not None:
        deep = None
        if around is not None:
            focal = settings.fill.depth * max(camera.lens.focal_xy)
            deep = focal * np.log(np.where(reach, depth, around))
        filled, empty = fill(colour, left, ~left, deep)
        new, unfilled = (left & ~empty)[rows, columns], int(empty.sum())
        here = filled[rows, columns]
        shown = new[pairs.a] | new[pairs.b]
        change = np.where(shown[:, None], here[pairs.b] - here[pairs.a], np.float32(0.0))
        start = colour[rows, columns]
        start[new] = here[new]
        colour[rows, columns] = solve_colours(
            pairs, change, shown, start, np.zeros(len(new)), new, plate.loose
        )
    seen[rows[open_ & ~known], columns[open_ & ~known]] = 0.0
    disparity[rows, columns] = 1.0 / away
    return CleanPlate(_exposed(colour, hole, own), seen, disparity, unfilled)


def bared(plate: CleanPlate, linear: np.ndarray, hidden: np.ndarray, settings: Settings) -> CleanPlate:
    """The plate of a frame (H, W, 3), scene-linear, that is its very own away from what is `hidden` (H, W) bool after all."""
    hole = dilated(hidden, _grown(hidden.shape[0], hidden.shape[1], settings))
    colour = np.where(hole[..., None], plate.colour, linear)
    return replace(plate, colour=colour, seen=np.where(hole, plate.seen, np.float32(1.0)))


def _grown(height: int, width: int, settings: Settings) -> int:
    """How many pixels a hole reaches beyond the matte."""
    return max(2, round(settings.layers.grow * max(height, width)))


def _exposed(colour: np.ndarray, hole: np.ndarray, own: OwnFrame | None) -> np.ndarray:
    """Scene-linear colour (H, W, 3), as the frame itself is exposed; its very own outside of the hole (H, W)."""
    linear = srgb_decode(colour).astype(np.float32)
    return linear if own is None else np.where(hole[..., None], linear / own.gain, own.linear)


def _with_made(
    pairs: Pairs, change: np.ndarray, shown: np.ndarray, made: Carried
) -> tuple[np.ndarray, np.ndarray]:
    """Changes (P, 3) between neighbours and which are shown (P,), with those of a key frame where no frame shows both."""
    a, b = pairs.a, pairs.b
    new = ~shown & (made.key[a] >= 0) & (made.key[a] == made.key[b])
    return np.where(new[:, None], made.colour[b] - made.colour[a], change), shown | new


def _margin(alpha: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) how much the frame's own pixels beside the matte (H, W) count: not at all on it, wholly `radius` pixels away,
    since what is left of the object beside a matte that is a little too small would show as a ghost."""
    away = cv2.distanceTransform((alpha <= 0).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip((away - 1.0) / max(1.0, radius - 1.0), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
