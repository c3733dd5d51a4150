"""Clean plates: the frame's own pixels, other frames' real pixels in the hole, a smooth fill where none saw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers.agreement import changes, differences
from surface_sos_core.layers.hidden_depth import Background, hidden_depth
from surface_sos_core.layers.seams import Pairs, neighbours, solve_colours, spread, without_faint_steps
from surface_sos_core.layers.sources import Sources, nearness
from surface_sos_core.render.rays import Rays
from surface_sos_core.settings import LayerSettings, PlateSettings, SweepSettings


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
    """colour (H, W, 3) scene-linear and seen (H, W) 1 where a frame saw the background, both float32."""

    colour: np.ndarray
    seen: np.ndarray


def clean_plate(
    background: Background,
    camera: Camera,
    cast: Callable[[np.ndarray], Rays],
    sources: Sources,
    layers: LayerSettings,
    settings: PlateSettings,
    sweep: SweepSettings,
    own: OwnFrame | None,
) -> CleanPlate:
    """The picture of `camera` without the object.

    cast: pixels (N, 2) to rays in box coordinates. own: the camera's own frame; None for a camera that filmed nothing,
    whose whole picture is then made of other frames.
    """
    height, width = camera.lens.height, camera.lens.width
    radius = max(2, round(layers.grow * max(height, width)))
    if own is None:
        hole = np.ones((height, width), bool)
        colour = np.zeros((height, width, 3), np.float32)
        front = np.zeros((height, width), np.float32)
    else:
        hole = _grown(own.alpha > 0, radius)
        colour = srgb_encode(own.linear * own.gain)
        front = own.depth
    seen = np.ones((height, width), np.float32)
    if hole.any():
        index = None if own is None else own.index
        display = None if own is None else colour
        depth = hidden_depth(background, camera, cast, hole, display, front, sources, index, settings, sweep)
        reach = _grown(hole, settings.ring)
        rows, columns = np.nonzero(reach)
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origin, directions = camera.rays(pixels)
        world = origin + depth[rows, columns, None] * directions
        open_ = hole[rows, columns]
        pairs = neighbours(reach)
        found = _gather(sources, camera, world, open_, layers.sources, index, pairs, settings)
        known = found.count > 0
        keep = np.zeros_like(front) if own is None else _margin(own.alpha, radius)
        covered = open_ & (keep[rows, columns] == 0)
        colour = colour.astype(np.float32)
        colour[rows[covered], columns[covered]] = found.colour[covered]
        sure = ~hole | (keep > 0)
        sure[rows[known], columns[known]] = True
        start = spread(colour, sure)[rows, columns]
        anchor = keep[rows, columns] if own is not None else np.where(known, settings.anchor, 0.0)
        change = without_faint_steps(pairs, found.change, depth[rows, columns], settings)
        shown = found.weight > 0
        colour[rows, columns] = solve_colours(pairs, change, shown, start, anchor, open_, settings.loose)
        seen[rows[open_ & ~known], columns[open_ & ~known]] = 0.0
    linear = srgb_decode(colour).astype(np.float32)
    if own is not None:
        linear = np.where(hole[..., None], linear / own.gain, own.linear)
    return CleanPlate(linear, seen)


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), disc) > 0


@dataclass(frozen=True)
class _Gathered:
    """What the sources say of N pixels and their P pairs: colour (N, 3) display values, count (N,) of the frames that show
    the place; change (P, 3) from one pixel to its neighbour, weight (P,) 0 where no frame shows both."""

    colour: np.ndarray
    count: np.ndarray
    change: np.ndarray
    weight: np.ndarray


def _margin(alpha: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) how much the frame's own pixels beside the matte (H, W) count: not at all on it, wholly `radius` pixels away,
    since what is left of the object beside a matte that is a little too small would show as a ghost."""
    away = cv2.distanceTransform((alpha <= 0).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip((away - 1.0) / max(1.0, radius - 1.0), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _gather(
    sources: Sources,
    camera: Camera,
    world: np.ndarray,
    in_hole: np.ndarray,
    most: int,
    own: int | None,
    pairs: Pairs,
    settings: PlateSettings,
) -> _Gathered:
    """World points (N, 3) as the frames that see them best show them; never frame `own`.

    A source counts by how alike its view is and by how far it agrees with the median of all. Where most disagree, or one
    alone shows the place among several, its depth is likely wrong: nothing is better there than a wrong piece.
    """
    chosen = sources.choose(camera, world[in_hole], most, own)
    colours = np.zeros((len(chosen), len(world), 3), np.float32)
    weights = np.zeros((len(chosen), len(world)), np.float32)
    for n, index in enumerate(chosen):
        pixels, free = sources.look(index, world)
        if free.any():
            colours[n, free] = _lookup(sources.picture(index), pixels[free])
            weights[n, free] = nearness(camera, sources.camera(index), world[free], settings.angle)
    seen = weights > 0
    count = seen.sum(axis=0)
    apart, typical = differences(colours, seen)
    doubtful = (typical > settings.doubt) | (count < min(2, len(chosen)))
    weights[:, doubtful], count[doubtful] = 0.0, 0
    weights = weights * np.exp(-((apart / settings.spread) ** 2)) + 1e-9 * weights
    total = np.maximum(weights.sum(axis=0), 1e-20)
    colour = np.einsum("sn,snk->nk", weights, colours) / total[:, None]
    return _Gathered(colour.astype(np.float32), count, *changes(colours, weights, pairs.a, pairs.b))


def _lookup(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Bicubic samples (N, 3) of a picture at pixels (N, 2)."""
    at = pixels.astype(np.float32) - 0.5
    low = (np.floor(at.min(axis=0)).astype(int) - 2).clip(0)
    high = np.ceil(at.max(axis=0)).astype(int) + 3
    part = picture[low[1] : high[1] + 1, low[0] : high[0] + 1].astype(np.float32)
    width = 8192  # remap's own limit on a row is 32767
    padded = np.zeros((-(-len(at) // width) * width, 2), np.float32)
    padded[: len(at)] = at - low.astype(np.float32)
    x, y = padded.reshape(-1, width, 2).transpose(2, 0, 1)
    found = cv2.remap(part, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(len(padded), -1)[: len(at)]
