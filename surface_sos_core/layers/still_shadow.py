"""The shadow that an object which stands casts on the ground: the same in the world for all frames, by lamps that are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.arrays import read_arrays
from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.planes import across
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.lamps import Sky, find_lamps
from surface_sos_core.layers.occlusion import blocked
from surface_sos_core.layers.seams import spread
from surface_sos_core.layers.sources import Sources, lookup
from surface_sos_core.settings import StillShadowSettings

_CLEAR = 1.5  # cells above the ground that a ray begins, since the object's rim may lie in it
_FAR = 10.0  # cells beside the ground, where there is no shadow
_SMOOTHED = 5  # pixels of those that are asked
_SUNK = 0.02  # of the object's cells, which may lie deeper than is allowed
_MOST_BYTES = 1 << 30  # of a shadow as it is kept
_NO_GROUND = (
    "The object's shadow is not told apart (`shadow` is 1): no ground was found that it stands on; "
    "let the camera see more of what is below it."
)
_NO_LAMPS = (
    "The object's shadow is not told apart (`shadow` is 1): nothing that its shape could shade is reliably darker on the ground "
    "around it."
)


@dataclass(frozen=True)
class Ground:
    """A square piece of a plane in cells: the first one begins at the world point `corner` (3,), `axes` (2, 3) lead from a cell to
    the next column and to the next row, `normal` (3,) is a unit vector to where the object is."""

    corner: np.ndarray
    axes: np.ndarray
    normal: np.ndarray
    size: int

    @staticmethod
    def below(box: Box, plane: np.ndarray, size: int, reach: float) -> Ground:
        """The piece of a plane (4,) around a box that goes so many of its longest sides beyond it."""
        height = plane[:3] @ box.centre + plane[3]
        normal = plane[:3] * (1.0 if height >= 0 else -1.0)
        axes = np.stack(across(normal)) * ((1.0 + 2.0 * reach) * _longest(box) / size)
        return Ground(box.centre - height * plane[:3] - axes.sum(axis=0) * (size / 2), axes, normal, size)

    def at_size(self, size: int) -> Ground:
        """The same piece in so many cells along a side."""
        return Ground(self.corner, self.axes * (self.size / size), self.normal, size)

    @property
    def points(self) -> np.ndarray:
        """(size * size, 3) the cells' middles in the world, row by row."""
        rows, columns = np.divmod(np.arange(self.size**2), self.size)
        return self.corner + (columns + 0.5)[:, None] * self.axes[0] + (rows + 0.5)[:, None] * self.axes[1]

    def height(self, world: np.ndarray) -> np.ndarray:
        """(N,) how high above it world points (N, 3) are."""
        return (world - self.corner) @ self.normal

    def cells(self, world: np.ndarray) -> np.ndarray:
        """(N, 2) column and row, in cells, that world points (N, 3) are at."""
        return (world - self.corner) @ self.axes.T / (self.axes**2).sum(axis=1)

    def met(self, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """(N,) how far along directions (N, 3) rays from origin (3,) meet its plane; not finite or negative: never."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return -self.height(origin[None]) / (directions @ self.normal)


def _longest(box: Box) -> float:
    return 2.0 * float(np.max(box.half))


@dataclass(frozen=True)
class StillShadow:
    """What the object's shadow leaves of the light, left (size, size, 3), on the `ground`; where it is not told, `ground` is None and
    `doubt` a sentence that says why. height: in world units, how far from the ground a place may be to be in its shadow."""

    ground: Ground | None
    left: np.ndarray
    height: float
    doubt: str = ""

    def factor(
        self,
        camera: Camera,
        disparity: np.ndarray,
        seen: np.ndarray,
        depth_of: Callable[[np.ndarray], np.ndarray],
        depth_edge: int,
    ) -> np.ndarray:
        """(H, W, 3) what it leaves of the light of each pixel of a camera's clean plate; 1 where there is none.

        disparity (H, W): one over the background's depth in the hole, 0 elsewhere, where depth_of tells the depth (N,) at pixels
        (N, 2), asked so few that depth_edge of them make the longer edge. seen (H, W): what is invented gets the shadow of what is
        around it, from which it goes on.
        """
        height, width = disparity.shape
        out = np.ones((height, width, 3), np.float32)
        if self.ground is None:
            return out
        left = self._left_on_ground(camera, width, height)
        shaded = left.min(axis=2) < 1
        if not shaded.any():
            return out
        step = max(1.0, max(height, width) / depth_edge)
        size = max(1, round(width / step)), max(1, round(height / step))
        asked = cv2.resize(shaded.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        pixels = (np.argwhere(asked)[:, ::-1] + 0.5) / size * (width, height)
        row, column = (pixels[:, 1].astype(int), pixels[:, 0].astype(int))
        known = disparity[row, column].astype(np.float64)
        hole = known > 0
        depth = 1.0 / np.where(hole, known, 1.0)
        if not hole.all():
            depth[~hole] = depth_of(pixels[~hole])
        near = np.zeros(asked.shape, np.float32)
        near[asked] = self._on_ground(camera, pixels, depth)
        near = cv2.medianBlur(near, _SMOOTHED)  # depth is rough, and a speck would show
        weight = cv2.resize(near, (width, height), interpolation=cv2.INTER_LINEAR)
        out = (1.0 - weight[..., None] * (1.0 - left)).astype(np.float32)
        return spread(out, seen > 0.5) if (seen > 0.5).any() else out

    def _left_on_ground(self, camera: Camera, width: int, height: int) -> np.ndarray:
        """(H, W, 3) what is left of the light where rays meet the ground's plane."""
        assert self.ground is not None
        directions = camera.picture_rays(width, height).reshape(-1, 3)
        away = self.ground.met(camera.centre, directions)
        ahead = np.isfinite(away) & (away > 0)
        cells = np.full((len(away), 2), -_FAR)
        cells[ahead] = self.ground.cells(camera.centre + away[ahead, None] * directions[ahead]) - 0.5
        at = cells.clip(-_FAR, self.ground.size + _FAR).astype(np.float32).reshape(height, width, 2)
        return cv2.remap(
            self.left,
            at[..., 0],
            at[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(1.0, 1.0, 1.0, 1.0),
        ).reshape(height, width, 3)

    def _on_ground(self, camera: Camera, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """(N,) 1 where what pixels (N, 2) show at a depth (N,) is the ground, 0 where it is well above or below it."""
        assert self.ground is not None
        origin, directions = camera.rays(pixels)
        away = np.abs(self.ground.height(origin + depth[:, None] * directions)) / self.height
        return np.nan_to_num(np.clip(2.0 - away, 0.0, 1.0), nan=0.0)

    def write(self, path: Path, stamp: str) -> None:
        """Keep it in an .npz, with a stamp of what it was made from."""
        ground = self.ground
        parts = [np.zeros(0)] * 3 if ground is None else [ground.corner, ground.axes, ground.normal]
        with write_atomically(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file, corner=parts[0], axes=parts[1], normal=parts[2], left=self.left.astype(np.float16),
                height=np.float64(self.height), doubt=_letters(self.doubt), stamp=_letters(stamp),
            )  # fmt: skip

    @staticmethod
    def read(path: Path, stamp: str) -> StillShadow | None:
        """What was kept with this stamp; None where there is nothing, another, or a damaged file: it is soon made again."""
        try:
            kept = read_arrays(path, _MOST_BYTES)
            if kept["stamp"].tobytes() != stamp.encode():
                return None
            left, doubt, height = (
                kept["left"].astype(np.float32),
                kept["doubt"].tobytes().decode(),
                float(kept["height"]),
            )
            if not len(kept["corner"]):
                return StillShadow(None, left, height, doubt)
            ground = Ground(kept["corner"], kept["axes"], kept["normal"], len(left))
            shapes = [part.shape for part in (ground.corner, ground.axes, ground.normal, left)]
            whole = all(
                np.isfinite(part).all() for part in (ground.corner, ground.axes, ground.normal, left, height)
            ) and bool((left > 0).all() and (left <= 1).all() and np.any(ground.axes, axis=-1).all())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        fits = len(left) > 0 and shapes == [(3,), (2, 3), (3,), (len(left), len(left), 3)]
        return StillShadow(ground, left, height, doubt) if fits and whole and height > 0 else None


def _letters(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def find_still_shadow(
    cells: np.ndarray,
    box: Box,
    planes: np.ndarray,
    sources: Sources,
    settings: StillShadowSettings,
) -> StillShadow:
    """The shadow that the object casts on the fullest plane that it stands on, told by where that is darker.

    cells (X, Y, Z) bool: where the box is filled; planes (K, 4): among the points of the background, the fullest first. What too
    few frames show of the plane, such as what the object stands on, gets the shadow around it.
    """
    nothing = np.ones((1, 1, 3), np.float32)
    ground = _ground(cells, box, planes, sources, settings)
    if ground is None:
        return StillShadow(None, nothing, 1.0, _NO_GROUND)
    compared = ground.at_size(settings.compared)
    lamps = find_lamps(
        shown_colours(compared, sources, settings),
        compared.size,
        compared.normal,
        lambda sky: hidden_sky(cells, box, compared.points, sky),
        settings,
    )
    if lamps is None:
        return StillShadow(None, nothing, 1.0, _NO_LAMPS)
    taken = np.clip(
        hidden_sky(cells, box, ground.points, lamps.sky) @ lamps.shares, 0.0, 1.0 - settings.darkest
    )
    taken = spread(
        taken.reshape(ground.size, ground.size, 3).astype(np.float32), shown_often(ground, sources, settings)
    )
    left = 1.0 - taken * _fading(ground.size, settings)[..., None]
    return StillShadow(ground, left, settings.height * _longest(box))


def hidden_sky(cells: np.ndarray, box: Box, world: np.ndarray, sky: Sky) -> np.ndarray:
    """(N, K) the share of each place of the sky that the object hides from world points (N, 3)."""
    clear = _CLEAR * 2.0 * float((box.extent / cells.shape).max())
    return blocked(cells, box.extent, box.to_box(world), sky.rays @ box.rotation, clear)


def _ground(
    cells: np.ndarray, box: Box, planes: np.ndarray, sources: Sources, settings: StillShadowSettings
) -> Ground | None:
    """The first of the planes (K, 4) that the object stands on and cameras look upon."""
    filled = np.argwhere(cells)
    if not len(filled):
        return None
    inside = box.to_world(((filled + 0.5) / cells.shape * 2.0 - 1.0) * box.extent)
    centres = np.array([sources.camera(i).centre for i in sources.usable])
    for plane in planes:
        ground = Ground.below(box, plane, settings.texels, settings.reach)
        height = ground.height(inside) / _longest(box)
        stands = np.quantile(height, _SUNK) > -settings.under and height.min() < settings.over
        if stands and np.median(ground.height(centres)) > 0:
            return ground
    return None


def shown_colours(ground: Ground, sources: Sources, settings: StillShadowSettings) -> np.ndarray:
    """(size * size, 3) scene-linear colours of the ground, medians of frames; nan where too few show it, or something before it,
    and where they are clipped."""
    frames, world = _frames_asked(sources, settings), ground.points
    colours = np.full((len(frames), len(world), 3), np.nan, np.float32)
    for n, frame in enumerate(frames):
        pixels, free = sources.look(frame, world)
        if free.any():
            colours[n, free] = lookup(sources.picture(frame), pixels[free])
    out = np.full((len(world), 3), np.nan, np.float32)
    shown = np.flatnonzero(np.isfinite(colours[..., 0]).sum(axis=0) >= settings.least_views)
    if len(shown):
        middle = np.nanmedian(colours[:, shown], axis=0)
        apart = np.nanmedian(np.abs(colours[:, shown] - middle).max(axis=2), axis=0)
        good = (apart <= settings.differ) & (middle <= settings.brightest).all(axis=1)
        out[shown[good]] = srgb_decode(middle[good])
    return out


def shown_often(ground: Ground, sources: Sources, settings: StillShadowSettings) -> np.ndarray:
    """(size, size) bool: which cells of the ground enough frames show free of the object."""
    free = [sources.look(frame, ground.points)[1] for frame in _frames_asked(sources, settings)]
    return (np.sum(free, axis=0) >= settings.least_views).reshape(ground.size, ground.size)


def _frames_asked(sources: Sources, settings: StillShadowSettings) -> list[int]:
    """Frames that the ground is looked at in, evenly over the shot."""
    usable = sources.usable
    some = np.linspace(0, len(usable) - 1, min(settings.views, len(usable))).round().astype(int)
    return [usable[place] for place in np.unique(some)]


def _fading(size: int, settings: StillShadowSettings) -> np.ndarray:
    """(size, size) 1 inside and 0 at the sides of the ground."""
    away = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5) / size
    edge = settings.fade * settings.reach / (1.0 + 2.0 * settings.reach)
    ramp = np.clip(away / edge, 0.0, 1.0).astype(np.float32)
    return np.minimum.outer(ramp, ramp)
