"""Clean plates: the frame's own pixels, other frames' real pixels in the hole, a smooth fill where none saw it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers.fill import carry_on
from surface_sos_core.layers.hidden_depth import Background, hidden_depth
from surface_sos_core.layers.sources import Sources, nearness
from surface_sos_core.render.renderer import Rays
from surface_sos_core.settings import LayerSettings

_SPREAD = 0.06  # display values by which a source may differ from the others' median before it counts a third
_GAIN = 1.5  # exposures are matched by no more than this factor
_RING = 8  # pixels around the hole that tell the sources' exposures


@dataclass(frozen=True)
class OwnFrame:
    """The frame that is to be cleaned: its number, its scene-linear picture (H, W, 3), and the object in it as alpha (H, W)
    and depth (H, W)."""

    index: int
    linear: np.ndarray
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
    settings: LayerSettings,
    own: OwnFrame | None,
) -> CleanPlate:
    """The picture of `camera` without the object.

    cast: pixels (N, 2) to rays in box coordinates. own: the camera's own frame; None for a camera that filmed nothing,
    whose whole picture is then made of other frames.
    """
    height, width = camera.lens.height, camera.lens.width
    radius = max(2, round(settings.grow * max(height, width)))
    if own is None:
        hole = np.ones((height, width), bool)
        colour = np.zeros((height, width, 3), np.float32)
        front = np.zeros((height, width), np.float32)
    else:
        hole = _grown(own.alpha > 0, radius)
        colour = srgb_encode(own.linear)
        front = own.depth
    seen = np.ones((height, width), np.float32)
    if hole.any():
        index = None if own is None else own.index
        depth = hidden_depth(
            background, camera, cast, hole, None if own is None else colour, front, sources, index
        )
        rows, columns = np.nonzero(_grown(hole, _RING))
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origin, directions = camera.rays(pixels)
        world = origin + depth[rows, columns, None] * directions
        filled, count = _gather(
            sources, camera, world, hole[rows, columns], settings.sources,
            None if index is None else (index, colour[rows, columns]),
        )  # fmt: skip
        known = np.zeros((height, width), bool)
        picture = np.zeros((height, width, 3), np.float32)
        known[rows, columns] = count > 0
        picture[rows, columns] = filled
        picture = _complete(picture, known & hole, hole, colour, own is not None)
        seen[hole & ~known] = 0.0
        colour = picture if own is None else _blend(colour, picture, own.alpha, hole, radius)
    linear = srgb_decode(colour).astype(np.float32)
    if own is not None:
        linear[~hole] = own.linear[~hole]
    return CleanPlate(linear, seen)


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), disc) > 0


def _gather(
    sources: Sources,
    camera: Camera,
    world: np.ndarray,
    in_hole: np.ndarray,
    most: int,
    own: tuple[int, np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Display colour (N, 3) of world points from the frames that see them best, and how many (N,) do.

    own: the frame that is being completed and its colours (N, 3), true outside the hole; they tell each source's exposure.
    A source counts by how alike its view is and by how far it agrees with the median of all.
    """
    chosen = sources.choose(camera, world[in_hole], most, None if own is None else own[0])
    colours = np.full((len(chosen), len(world), 3), np.nan, np.float32)
    weights = np.zeros((len(chosen), len(world)), np.float32)
    for n, index in enumerate(chosen):
        pixels, free = sources.look(index, world)
        if not free.any():
            continue
        found = _lookup(sources.picture(index), pixels[free])
        if own is not None:
            found = _match_exposure(found, own[1][free], ~in_hole[free])
        colours[n, free] = found
        weights[n, free] = nearness(camera, sources.camera(index), world[free])
    count = (weights > 0).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a point that no source sees has no median
        median = np.nan_to_num(np.nanmedian(colours, axis=0)) if len(chosen) else np.zeros((len(world), 3))
    colours = np.nan_to_num(colours)
    apart = np.abs(colours - median).max(axis=-1)
    weights = weights * np.exp(-((apart / _SPREAD) ** 2)) + 1e-9 * weights
    total = weights.sum(axis=0)
    filled = (weights[..., None] * colours).sum(axis=0) / np.maximum(total, 1e-20)[:, None]
    return filled.astype(np.float32), count


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


def _match_exposure(found: np.ndarray, own: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Colours (N, 3) scaled so that, on the ring around the hole (N,), they are as bright as the frame's own."""
    if ring.sum() < 30:
        return found
    ratio = (srgb_decode(own[ring]) + 0.02) / (srgb_decode(np.maximum(found[ring], 0.0)) + 0.02)
    gain = np.median(ratio, axis=0).clip(1.0 / _GAIN, _GAIN)
    return srgb_encode(srgb_decode(np.maximum(found, 0.0)) * gain).astype(np.float32)


def _complete(
    picture: np.ndarray,
    known: np.ndarray,
    hole: np.ndarray,
    own: np.ndarray,
    has_own: bool,
) -> np.ndarray:
    """The hole's unseen part: the colours around it, carried on. BaCo's own invention, and a fill that stops where depth
    jumps, measured worse."""
    if (known == hole).all():
        return picture
    around = np.where(known[..., None], picture, own)
    reach = _grown(hole, _RING)
    rows, columns = np.nonzero(reach)
    cut = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    # The ring closes the hole off.
    usable = ((known | ~hole) if has_own else known)[cut] | ~reach[cut]
    carried = carry_on(around[cut], usable)
    out = picture.copy()
    missing = hole[cut] & ~known[cut]
    out[cut][missing] = carried[missing]
    return out


def _blend(
    own: np.ndarray, picture: np.ndarray, alpha: np.ndarray, hole: np.ndarray, radius: int
) -> np.ndarray:
    """The frame's own picture outside the hole, the filled one under the matte, a soft change in the margin between."""
    away = cv2.distanceTransform((alpha <= 0).astype(np.uint8), cv2.DIST_L2, 5)
    keep = np.clip((away - 1.0) / max(1.0, radius - 1.0), 0.0, 1.0)[..., None]
    keep = keep * keep * (3.0 - 2.0 * keep)
    return np.where(hole[..., None], keep * own + (1.0 - keep) * picture, own)
