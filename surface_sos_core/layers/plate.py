"""Clean plates: the frame's own pixels, other frames' real pixels in the hole, a smooth fill where none saw it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.fields.scene import Scene
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers.fill import diffuse
from surface_sos_core.render.renderer import Proposals, Rays, render_backdrop
from surface_sos_core.settings import LayerSettings

_STRIDE = 2  # pixels between BaCo's rays; between them depth is interpolated
_PROBES = 600  # points of the hole that decide which frames are asked
_ANGLE = 0.25  # radians between two views of a place at which the other one counts a third
_SPREAD = 0.06  # display values by which a source may differ from the others' median before it counts a third
_OFF = 0.25  # log of the factor by which BaCo's depth may be off at a sparse point
_AROUND = 0.03  # reach of a sparse point's word on depth, as a share of the longer edge
_GAIN = 1.5  # exposures are matched by no more than this factor


@dataclass(frozen=True)
class CleanPlate:
    """colour (H, W, 3) scene-linear and seen (H, W) 1 where a frame saw the background, both float32."""

    colour: np.ndarray
    seen: np.ndarray


class Sources:
    """Pictures of all frames, as the places that real background pixels come from.

    read(i): scene-linear (H, W, 3) of frame i. holdouts: (frames, h, w) uint8 at any size, above 0 where the object
    covers the frame and its pixels must not be used. The latest pictures are kept as half floats, `budget` bytes of them.
    """

    def __init__(
        self,
        read: Callable[[int], np.ndarray],
        cameras: Sequence[Camera | None],
        holdouts: np.ndarray,
        budget: int = 400_000_000,
    ) -> None:
        self._read, self.cameras, self.holdouts, self._budget = read, cameras, holdouts, budget
        self._kept: dict[int, np.ndarray] = {}
        self.usable = [i for i, camera in enumerate(cameras) if camera is not None]

    def picture(self, index: int) -> np.ndarray:
        """Display-encoded (H, W, 3) float16 of frame `index`, values above 1 kept."""
        picture = self._kept.pop(index, None)
        if picture is None:
            picture = srgb_encode(self._read(index)).astype(np.float16)
        self._kept[index] = picture
        while len(self._kept) > 1 and sum(p.nbytes for p in self._kept.values()) > self._budget:
            self._kept.pop(next(iter(self._kept)))
        return picture

    def look(self, index: int, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (N, 2) of world points (N, 3) in frame `index`, and which of them (N,) show background there."""
        camera = self.cameras[index]
        assert camera is not None
        pixels, depth = camera.project(world)
        height, width = self.holdouts.shape[1:]
        with np.errstate(invalid="ignore"):
            x = pixels[:, 0] * (width / camera.lens.width)
            y = pixels[:, 1] * (height / camera.lens.height)
            inside = (depth > 0) & (x >= 1) & (y >= 1) & (x < width - 1) & (y < height - 1)
        free = np.zeros(len(world), bool)
        free[inside] = self.holdouts[index][y[inside].astype(int), x[inside].astype(int)] == 0
        return pixels, free


def clean_plate(
    scene: Scene,
    proposals: Proposals,
    camera: Camera,
    cast: Callable[[np.ndarray], Rays],
    sources: Sources,
    settings: LayerSettings,
    samples: int,
    own: tuple[int, np.ndarray, np.ndarray] | None,
    points: np.ndarray,
) -> CleanPlate:
    """The picture of `camera` without the object.

    cast: pixels (N, 2) to rays in box coordinates. own: the camera's own frame as (index, scene-linear picture (H, W, 3),
    alpha (H, W)); None for a camera that filmed nothing, whose whole picture is then made of other frames.
    points: sparse background points (N, 3) in the world that correct BaCo's depth; possibly none.
    """
    height, width = camera.lens.height, camera.lens.width
    if own is None:
        hole = np.ones((height, width), bool)
    else:
        hole = _grown(own[2] > 0, _hole_radius(settings, height, width))
    colour = np.zeros((height, width, 3), np.float32) if own is None else srgb_encode(own[1])
    seen = np.ones((height, width), np.float32)
    if hole.any():
        depth = _anchored(_depth_behind(scene, proposals, cast, hole, samples), camera, points)
        ring = _grown(hole, 8) & ~hole
        rows, columns = np.nonzero(hole | ring)
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        origin, directions = camera.rays(pixels)
        world = origin + depth[rows, columns, None] * directions
        in_hole = hole[rows, columns]
        filled, count = _gather(
            sources, camera, world, in_hole, settings.sources,
            None if own is None else (own[0], colour[rows, columns]),
        )  # fmt: skip
        known = np.zeros((height, width), bool)
        picture = np.zeros((height, width, 3), np.float32)
        known[rows, columns] = count > 0
        picture[rows, columns] = filled
        picture = _complete(picture, known & hole, hole, colour, own is not None)
        seen[hole & ~known] = 0.0
        if own is None:
            colour = picture
        else:
            colour = _blend(colour, picture, own[2], hole, _hole_radius(settings, height, width))
    linear = srgb_decode(colour).astype(np.float32)
    if own is not None:
        linear[~hole] = own[1][~hole]
    return CleanPlate(linear, seen)


def _hole_radius(settings: LayerSettings, height: int, width: int) -> int:
    return max(2, round(settings.grow * max(height, width)))


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), disc) > 0


def _depth_behind(
    scene: Scene, proposals: Proposals, cast: Callable[[np.ndarray], Rays], hole: np.ndarray, samples: int
) -> np.ndarray:
    """BaCo's depth (H, W) in and around the hole; 1 far from it."""
    height, width = hole.shape
    low = (np.argwhere(hole).min(axis=0) - 16).clip(0) // _STRIDE
    high = -(-(np.argwhere(hole).max(axis=0) + 17).clip(None, (height, width)) // _STRIDE)
    rows, columns = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    lattice = np.stack(np.meshgrid((columns + 0.5) * _STRIDE, (rows + 0.5) * _STRIDE), axis=-1)
    behind = render_backdrop(scene, proposals, cast(lattice.reshape(-1, 2)), samples).depth.cpu().numpy()
    size = (len(columns) * _STRIDE, len(rows) * _STRIDE)
    # Disparity is what changes linearly over a flat surface.
    small = (1.0 / behind).reshape(len(rows), len(columns))
    disparity = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    depth = np.ones((height, width), np.float32)
    top, left = rows[0] * _STRIDE, columns[0] * _STRIDE
    bottom, right = min(height, top + size[1]), min(width, left + size[0])
    depth[top:bottom, left:right] = 1.0 / disparity[: bottom - top, : right - left]
    return depth


def _anchored(depth: np.ndarray, camera: Camera, points: np.ndarray) -> np.ndarray:
    """BaCo's depth (H, W), scaled where sparse points (N, 3) around a place say that it is a little off.

    Points whose depth differs by more than a quarter lie on something else, behind or in front.
    """
    height, width = depth.shape
    pixels, away = camera.project(points)
    with np.errstate(invalid="ignore"):
        inside = (away > 0) & ((pixels >= 0) & (pixels < (width, height))).all(axis=1)
    column, row = pixels[inside].astype(int).T
    ratio = away[inside] / depth[row, column]
    near = np.abs(np.log(ratio)) < _OFF
    weight = np.zeros((height, width), np.float32)
    total = np.zeros((height, width), np.float32)
    np.add.at(weight, (row[near], column[near]), 1.0)
    np.add.at(total, (row[near], column[near]), np.log(ratio[near]))
    sigma = _AROUND * max(height, width)
    weight = cv2.GaussianBlur(weight, (0, 0), sigma) * (2 * np.pi * sigma**2)
    total = cv2.GaussianBlur(total, (0, 0), sigma) * (2 * np.pi * sigma**2)
    return depth * np.exp(total / (weight + 0.3))


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
    chosen = _choose(sources, camera, world[in_hole], most, None if own is None else own[0])
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
        other = sources.cameras[index]
        assert other is not None
        weights[n, free] = np.exp(-_parallax(camera.centre, other.centre, world[free]) / _ANGLE)
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


def _choose(sources: Sources, camera: Camera, world: np.ndarray, most: int, own: int | None) -> list[int]:
    """Up to `most` frames that between them see as many of the points (N, 3) as can be, from as close by as can be."""
    probes = world[:: max(1, len(world) // _PROBES)]
    candidates = [i for i in sources.usable if i != own]
    worth = np.zeros((len(candidates), len(probes)))
    for n, index in enumerate(candidates):
        _, free = sources.look(index, probes)
        other = sources.cameras[index]
        assert other is not None
        worth[n, free] = np.exp(-_parallax(camera.centre, other.centre, probes[free]) / _ANGLE)
    chosen: list[int] = []
    have = np.zeros(len(probes))
    while len(chosen) < min(most, len(candidates)):
        # A second view of a place is worth less than the first one of another.
        gain = (worth / (0.25 + have) ** 2).sum(axis=1)
        gain[chosen] = -1.0
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        have += worth[best]
    return [candidates[n] for n in chosen]


def _parallax(here: np.ndarray, there: np.ndarray, world: np.ndarray) -> np.ndarray:
    """Angle (N,) in radians under which points (N, 3) see the two places."""
    a, b = world - here, world - there
    cosine = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)).clip(1e-12)
    return np.arccos(cosine.clip(-1.0, 1.0))


def _lookup(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Bicubic samples (N, 3) of a picture at pixels (N, 2)."""
    at = np.ascontiguousarray(pixels[None].astype(np.float32) - 0.5)
    low = np.floor(at[0].min(axis=0)).astype(int).clip(0) - 2
    high = np.ceil(at[0].max(axis=0)).astype(int) + 3
    low = low.clip(0)
    part = picture[low[1] : high[1] + 1, low[0] : high[0] + 1].astype(np.float32)
    at = at - low.astype(np.float32)
    columns = 8192  # remap's own limit on a row is 32767
    nothing = np.empty(0)  # the second map, unused where the first has both coordinates
    whole = [
        cv2.remap(part, at[:, s : s + columns], nothing, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[0]
        for s in range(0, at.shape[1], columns)
    ]
    return np.concatenate(whole)


def _match_exposure(found: np.ndarray, own: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Colours (N, 3) scaled so that, on the ring around the hole (N,), they are as bright as the frame's own."""
    if ring.sum() < 30:
        return found
    ratio = (srgb_decode(own[ring]) + 0.02) / (srgb_decode(np.maximum(found[ring], 0.0)) + 0.02)
    gain = np.median(ratio, axis=0).clip(1.0 / _GAIN, _GAIN)
    return srgb_encode(srgb_decode(np.maximum(found, 0.0)) * gain).astype(np.float32)


def _complete(
    picture: np.ndarray, known: np.ndarray, hole: np.ndarray, own: np.ndarray, has_own: bool
) -> np.ndarray:
    """The hole's unseen part: the colours around it, carried on smoothly. BaCo's own invention measured worse."""
    if (known == hole).all():
        return picture
    around = np.where(known[..., None], picture, own)
    reach = cv2.dilate(hole.astype(np.uint8), np.ones((33, 33), np.uint8)) > 0
    rows, columns = np.nonzero(reach)
    cut = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    usable = (known | ~hole if has_own else known)[cut] & reach[cut]
    carried = diffuse(around[cut] * usable[..., None], usable)
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
