"""Rays to train on: pixels drawn from all plates, most of them where the object's outline is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy import ndimage

from surface_sos_core.cameras import Box, Camera, Points
from surface_sos_core.cameras.picture import at_size
from surface_sos_core.device import on_device
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.render.rays import RayCaster, Rays
from surface_sos_core.settings import RenderSettings, TrainSettings
from surface_sos_core.shapes import disc


@dataclass(frozen=True)
class Batch:
    """Rays with what the plates and masks show there: plate (N, 3) in display values 0..1, mask and trust (N,); depth
    (N,) where a sparse point tells it, else 0.

    object_points, other_points: (M, 3) sparse points in box coordinates, on the object and off it; possibly none.
    """

    rays: Rays
    plate: torch.Tensor
    mask: torch.Tensor
    trust: torch.Tensor
    depth: torch.Tensor
    object_points: torch.Tensor
    other_points: torch.Tensor


@dataclass(frozen=True)
class Sights:
    """Sparse points xyz (N, 3) in the world, and M sights of them.

    frame (M,): which frame; place (M, 2): where in it, as shares of its width and height; depth (M,): how far, along the
    camera's axis, in world units.
    """

    xyz: np.ndarray
    frame: np.ndarray
    place: np.ndarray
    depth: np.ndarray


def sights_of(points: Points, images: Sequence[str], cameras: Sequence[Camera | None], least: int) -> Sights:
    """What the frames saw of points with at least `least` observations; images: names in the model's own order."""
    frame_of = {camera.name: i for i, camera in enumerate(cameras) if camera is not None}
    good = points.track_length >= least
    frames, places, depths = [np.zeros(0, np.int64)], [np.zeros((0, 2))], [np.zeros(0)]
    for image, name in enumerate(images):
        if name not in frame_of:
            continue
        seen = points.seen_by(image)
        camera = cameras[frame_of[name]]
        assert camera is not None
        pixels, depth = camera.project(points.xyz[seen[good[seen]]])
        place = pixels / (camera.lens.width, camera.lens.height)
        with np.errstate(invalid="ignore"):
            inside = (depth > 0) & ((place >= 0) & (place < 1)).all(axis=1)
        frames.append(np.full(int(inside.sum()), frame_of[name]))
        places.append(place[inside])
        depths.append(depth[inside])
    return Sights(points.xyz[good], np.concatenate(frames), np.concatenate(places), np.concatenate(depths))


@dataclass(frozen=True)
class _Zone:
    """Cells of small pictures of all frames, the frames one after the other: two bytes a cell, of which there are many.

    cells (K,) uint16: row * width + column; ends (frames,): one past each frame's last cell.
    """

    cells: np.ndarray
    ends: np.ndarray

    @staticmethod
    def of(cells: Sequence[np.ndarray]) -> _Zone:
        """From the cells of each frame."""
        return _Zone(np.concatenate(cells), np.cumsum([len(part) for part in cells]))


class Batches:
    """Draws batches.

    plates: (frames, h, w, 3) uint8 display values. probability: coarse masks (frames, mh, mw) uint8. Both are on disk as
    a rule, and only the pixels that are drawn are read. points: the sparse points, possibly none. gains: (frames, 3), what
    scene-linear colours are multiplied by so that all frames are exposed alike. Frames without a camera are never drawn.
    every_second: draws every second batch in place of this one, None: no one does.
    """

    def __init__(
        self,
        plates: np.ndarray | FrameStack,
        probability: np.ndarray | FrameStack,
        consensus: Consensus,
        cameras: Sequence[Camera | None],
        points: Sights,
        gains: np.ndarray,
        settings: TrainSettings,
        render: RenderSettings,
        device: torch.device,
        seed: int,
        every_second: Batches | None = None,
    ) -> None:
        self.every_second = every_second
        self.plates, self.probability, self.trust = plates, probability, consensus.trust
        self.gains, self.settings, self.device = gains, settings, device
        self.caster = RayCaster(cameras, consensus.box, points.xyz, render, device)
        self.seed, self.random = seed, np.random.default_rng(seed)
        self.solved = np.array([i for i, camera in enumerate(cameras) if camera is not None])
        self.points_on, self.points_off = _sort_points(points.xyz, consensus, settings.clear_cells)
        self.sights = points
        self.pixel = _pixel_size(cameras, consensus.box, max(plates.shape[1:3]))
        self.outline, self.near = _zones(consensus, cameras, plates.shape[1:3], settings)

    def draw(self, step: int) -> Batch:
        """The batch of a step: always the same one, so that a run that was interrupted goes on as if it was not."""
        if self.every_second is not None and step % 2:
            return self.every_second.draw(step)
        self.random = np.random.default_rng((self.seed, step))
        count = self.settings.rays
        border = round(count * self.settings.border_share)
        near = round(count * self.settings.near_share)
        sights = round(count * self.settings.point_share) if len(self.sights.frame) else 0
        drawn = self.random.integers(0, max(1, len(self.sights.frame)), sights)
        frames, rows, columns = (
            np.concatenate(parts)
            for parts in zip(
                self._draw_zone(self.outline, border),
                self._draw_zone(self.near, near),
                self._draw_anywhere(count - border - near - sights),
                self._pixels_of(drawn),
                strict=True,
            )
        )
        depth = np.zeros(count)
        depth[count - sights :] = self.sights.depth[drawn]
        return self.look(frames, rows, columns, depth)

    def look(self, frames: np.ndarray, rows: np.ndarray, columns: np.ndarray, depth: np.ndarray) -> Batch:
        """The batch of given pixels of the training plates, with what is known of their depth (0: nothing)."""
        height, width = self.plates.shape[1:3]
        pixels = (
            np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=1) * self.caster.sizes[frames]
        )
        mask, trust = (
            picture[frames, *at_size(rows, columns, (height, width), picture.shape[1:])]
            for picture in (self.probability, self.trust)
        )
        return Batch(
            self.caster.cast(frames, pixels),
            on_device(self._colours(frames, rows, columns), self.device),
            self._tensor(mask),
            self._tensor(trust),
            on_device(depth.astype(np.float32), self.device),
            self._draw_points(self.points_on),
            self._draw_points(self.points_off),
        )

    def _colours(self, frames: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Display colours (N, 3) of pixels, 0..1 float32, all exposed alike."""
        linear = srgb_decode(self.plates[frames, rows, columns] / 255.0) * self.gains[frames]
        return srgb_encode(linear).clip(0.0, 1.0).astype(np.float32)

    def _draw_zone(self, zone: _Zone, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if len(zone.cells) == 0:
            return self._draw_anywhere(count)
        height, width = self.plates.shape[1:3]
        look_width, look_height = _zone_size(height, width, self.settings)
        drawn = self.random.integers(0, len(zone.cells), count)
        frames = np.searchsorted(zone.ends, drawn, side="right")
        rows, columns = np.divmod(zone.cells[drawn].astype(np.int64), look_width)
        rows = (rows + self.random.random(count)) * height / look_height
        columns = (columns + self.random.random(count)) * width / look_width
        return frames, rows.astype(np.int64), columns.astype(np.int64)

    def _pixels_of(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames, rows and columns of some sights."""
        height, width = self.plates.shape[1:3]
        place = self.sights.place[drawn]
        rows, columns = (place[:, 1] * height).astype(np.int64), (place[:, 0] * width).astype(np.int64)
        return self.sights.frame[drawn], rows.clip(0, height - 1), columns.clip(0, width - 1)

    def _draw_points(self, points: np.ndarray) -> torch.Tensor:
        if len(points):
            points = points[self.random.integers(0, len(points), self.settings.sparse_points)]
        return on_device(points.astype(np.float32), self.device)

    def _draw_anywhere(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        height, width = self.plates.shape[1:3]
        frames = self.solved[self.random.integers(0, len(self.solved), count)]
        return frames, self.random.integers(0, height, count), self.random.integers(0, width, count)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return on_device(values, self.device).float() / 255.0



def _sort_points(points: np.ndarray, consensus: Consensus, clear: int) -> tuple[np.ndarray, np.ndarray]:
    """Sparse points (N, 3) in box coordinates that m^P says are surely on the object, and surely not: `clear` cells off it
    at least."""
    if len(points) == 0:
        return np.zeros((0, 3)), np.zeros((0, 3))
    x = consensus.box.to_box(points)
    size = consensus.grid.shape[0]
    cell = np.floor((x / consensus.box.extent + 1.0) * 0.5 * size).astype(int)
    inside = ((cell >= 0) & (cell < size)).all(axis=1)
    wide = consensus.grid > 0.5
    if clear:  # 0 iterations would be as many as change anything
        wide = ndimage.binary_dilation(wide, iterations=clear)
    on, near = np.zeros(len(x), bool), np.zeros(len(x), bool)
    at = tuple(cell[inside].T)
    on[inside], near[inside] = consensus.grid[at] > 0.5, wide[at]
    return x[on], x[~near]


def _pixel_size(cameras: Sequence[Camera | None], box: Box, edge: int) -> float:
    """How much of the object, in box units, a pixel of plates with this longer edge shows (median over the frames)."""
    sizes = []
    for camera in cameras:
        if camera is not None:
            depth = float((box.centre - camera.centre) @ camera.axis)
            sizes.append(depth / camera.lens.focal * max(camera.lens.width, camera.lens.height) / edge)
    return box.scale * float(np.median(sizes))


def _zone_size(height: int, width: int, settings: TrainSettings) -> tuple[int, int]:
    """Width and height of the pictures in which zones are found."""
    factor = min(1.0, settings.zone_edge / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _zones(
    consensus: Consensus, cameras: Sequence[Camera | None], shape: tuple[int, ...], settings: TrainSettings
) -> tuple[_Zone, _Zone]:
    """Cells of the zones' size on the object's outline, and on and around the object."""
    width, height = _zone_size(shape[0], shape[1], settings)
    edge_disc, around_disc = disc(settings.outline_cells), disc(settings.around_cells)
    outline, near = [], []
    for camera in cameras:
        hull = np.zeros((height, width), np.uint8)
        if camera is not None:
            hull[:] = project_grid(consensus.grid, consensus.box, camera, width, height) > 0.5
        edge = cv2.dilate(hull, edge_disc) - cv2.erode(hull, edge_disc)
        outline.append(np.flatnonzero(edge).astype(np.uint16))  # of 256 x 256 at most
        near.append(np.flatnonzero(cv2.dilate(hull, around_disc)).astype(np.uint16))
    return _Zone.of(outline), _Zone.of(near)
