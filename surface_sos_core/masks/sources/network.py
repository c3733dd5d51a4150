"""Networks that look at one frame at a time, and how their findings become masks of one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from surface_sos_core.cameras import AutomaticBox, box_from_points
from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.sources.box import start_from_drawn
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.flow import carry_by_flow
from surface_sos_core.masks.sources.instances import Instance, choose_by_cameras, choose_by_overlap
from surface_sos_core.masks.sources.mended import mended
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.settings import NetworkSettings


@dataclass(frozen=True)
class Prompt:
    """Where the object is in a frame. points: (n, 2) on it; box: (4,) left, top, right, bottom, or None; plate pixels."""

    points: np.ndarray
    box: np.ndarray | None


class Network(Protocol):
    """Looks at the frames in their order."""

    @property
    def prompted(self) -> bool:
        """Whether `look` needs to be told where the object is."""

    @property
    def pieces(self) -> bool:
        """Whether `look` gives one matte of all that it takes for foreground, and the object is pieces of it."""

    def look(self, rgb: np.ndarray, prompt: Prompt | None) -> list[Instance]:
        """What may be the object in a frame, (H, W, 3) uint8; masks of any size with the frame's aspect."""


class NetworkSource:
    """Masks of one object: the instance of each frame on which all frames agree in the world, or across time; with cameras
    they are mended by each other."""

    needs_cameras = False

    def __init__(self, network: Network, drawn: Drawn | None) -> None:
        self._network, self._drawn = network, drawn

    def find(self, shot: MaskShot) -> CoarseMasks:
        footage, settings = shot.footage, shot.settings
        size = reduced_size(footage, settings.coarse.edge)
        separate = _pieces if self._network.pieces else _instances
        start = None
        if shot.model is not None and self._drawn is not None:
            start = start_from_drawn(self._drawn, shot.cameras, shot.model, settings)
        prompts = self._prompts(shot, start) if self._network.prompted else {}
        count = len(footage.frames)
        passes = 1 if shot.model is None else 2
        found: list[list[Instance]] = []
        for i in range(count):
            if self._network.prompted and i not in prompts:
                found.append([])
            else:
                seen = self._network.look(footage.read_display(i), prompts.get(i))
                found.append(separate(seen, size, settings.network))
            shot.progress(i + 1, passes * count)
        if not any(found):
            raise InputError(
                "The network finds no such object in any frame; choose another --pick, weights or source."
            )
        if shot.model is None:
            return choose_by_overlap(found, self._drawn, size, settings.network)
        target = start.box.centre if start is not None else None
        masks = choose_by_cameras(found, shot.cameras, size, settings, target, self._network.pieces)

        def progress(done: int, total: int) -> None:
            shot.progress(count + count * done // total, passes * count)

        return mended(masks, shot, progress, given=False)

    def _prompts(self, shot: MaskShot, start: AutomaticBox | None) -> dict[int, Prompt]:
        """By the sparse points of the object where there are cameras, else by the drawing, carried by optical flow."""
        if shot.model is None:
            if self._drawn is None:
                raise InputError(
                    "Without cameras this source wants a box: draw one on a frame, and say NAME:FILE."
                )
            carried = carry_by_flow(shot.footage, self._drawn, shot.settings.flow, lambda done, total: None)
            return {
                int(i): _around(carried.probability[i] > 127, shot.footage)
                for i in np.flatnonzero(carried.known)
            }
        start = start or box_from_points(shot.model, shot.settings.box, shot.settings.point_groups)
        prompts, settings = {}, shot.settings.network
        inner = start.core if start.core.any() else start.on_object
        order = np.random.default_rng(0).permutation(np.flatnonzero(inner))
        number = {name: n for n, name in enumerate(shot.model.cameras)}
        for i, camera in enumerate(shot.cameras):
            if camera is None:
                continue
            seen = order[np.isin(order, shot.model.points.seen_by(number[camera.name]))]
            # Of few that are seen, strays are too large a share; what the object itself hides still projects onto it.
            if len(seen) < settings.seen_share * len(order):
                seen = order
            pixels, _ = camera.project(shot.model.points.xyz[seen][: settings.points])
            pixels = pixels[np.isfinite(pixels).all(axis=1)]
            if len(pixels):
                prompts[i] = Prompt(pixels, None)
        for i, region in self._drawn.regions.items() if self._drawn is not None else ():
            prompts[i] = _around(region, shot.footage)
        return prompts


def _around(region: np.ndarray, footage: Footage) -> Prompt:
    """The box around a region (h, w) bool."""
    rows, columns = np.nonzero(region)
    scale = footage.width / region.shape[1]
    corners = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return Prompt(np.zeros((0, 2)), corners * scale)


def _instances(seen: list[Instance], size: tuple[int, int], settings: NetworkSettings) -> list[Instance]:
    best = sorted(seen, key=lambda one: -one.score)[: settings.instances]
    return [Instance(_resized(one.mask, size), one.score) for one in best if (one.mask > 127).any()]


def _pieces(seen: list[Instance], size: tuple[int, int], settings: NetworkSettings) -> list[Instance]:
    """The separate pieces of one matte, the largest first."""
    pieces: list[Instance] = []
    for one in seen:
        matte = _resized(one.mask, size)
        count, labels, facts, _ = cv2.connectedComponentsWithStats((matte > 127).astype(np.uint8))
        areas = facts[:, cv2.CC_STAT_AREA]
        for k in sorted(range(1, count), key=lambda k: -areas[k])[: settings.instances]:
            if areas[k] >= settings.least_piece * matte.size:
                soft = cv2.dilate((labels == k).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
                pieces.append(Instance(matte * soft, one.score))
    return pieces


def _resized(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(
        mask, size, interpolation=cv2.INTER_AREA if mask.shape[1] > size[0] else cv2.INTER_LINEAR
    )
