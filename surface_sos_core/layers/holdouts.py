"""Where frames may show the object, seen small: by the fields' rays, by the hull, and by the masks where the hull agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.cameras import Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.fields.scene import Scene
from surface_sos_core.layers.at_once import frames_at_once, in_order
from surface_sos_core.layers.self_check import Witnesses, upheld
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.render.look import render_surface
from surface_sos_core.render.proposal import Proposals
from surface_sos_core.render.rays import RayCaster
from surface_sos_core.settings import Settings

_SURE = 128  # of a mask's and its trust's 255: more likely the object than not


@dataclass(frozen=True)
class Holdouts:
    """covered (frames, h, w) uint8, 1 where a frame may show the object, so no pixel is taken from there; masked, the same of
    where the hull and a mask that is believed both have the object, so a matte that has nothing there is wrong."""

    covered: np.ndarray
    masked: np.ndarray


def find_holdouts(
    scene: Scene,
    proposals: Proposals,
    caster: RayCaster,
    cameras: Sequence[Camera | None],
    witnesses: Witnesses,
    settings: Settings,
    progress: Callable[[int, int], None],
) -> Holdouts:
    """Look at all frames that have a camera."""
    plate, consensus = settings.plate, witnesses.consensus
    shown = {i: camera for i, camera in enumerate(cameras) if camera is not None}
    first, *others = shown
    lens = shown[first].lens
    factor = min(1.0, plate.holdout_edge / max(lens.width, lens.height))
    width, height = max(1, round(lens.width * factor)), max(1, round(lens.height * factor))
    columns, rows = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    kernel = np.ones((2 * plate.holdout_grow + 1,) * 2, np.uint8)
    shell = hull_shell(consensus, plate.holdout_hull)

    def look(i: int) -> tuple[np.ndarray, np.ndarray]:
        camera = shown[i]
        pixels = np.stack([columns.ravel() * camera.lens.width, rows.ravel() * camera.lens.height], axis=1)
        rays = caster.cast(np.full(len(pixels), i), pixels)
        samples = plate.holdout_samples
        seen = render_surface(scene, proposals, rays, samples, samples).matte.cpu().numpy()
        alpha = seen.reshape(height, width)
        if settings.check.uphold:
            alpha = upheld(alpha, witnesses.of(i, camera, width, height), settings.check)
        if i in witnesses.corrections:
            alpha = witnesses.corrections[i].upon(alpha)
        hull = silhouette(camera, shell, (height, width))
        covered = (alpha > plate.holdout_alpha) | hull
        mask, trust = (
            cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) >= _SURE
            for one in (np.uint8(255) * witnesses.masks[i], consensus.trust[i])
        )
        return cv2.dilate(covered.astype(np.uint8), kernel), (hull & mask & trust).astype(np.uint8)

    found = Holdouts(*np.zeros((2, len(cameras), height, width), np.uint8))
    # By itself, since numba's loops must have run before.
    found.covered[first], found.masked[first] = look(first)
    progress(1, len(shown))
    with closing(in_order(look, others, frames_at_once(width * height, scene.extent.device))) as looks:
        for done, (i, (covered, masked)) in enumerate(looks, 2):
            found.covered[i], found.masked[i] = covered, masked
            progress(done, len(shown))
    return found


def hull_shell(consensus: Consensus, probability: float) -> np.ndarray:
    """World points (N, 3): the outermost cells of the consensus' grid that are the object with more than a `probability`."""
    inside = consensus.grid > probability
    cells = np.argwhere(inside & ~ndimage.binary_erosion(inside))
    box = consensus.box
    return box.cells_to_world(cells, len(inside))


def silhouette(camera: Camera, shell: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) bool, what points (N, 3) of a closed surface cover, gaps between them filled."""
    pixels, depth = camera.project(shell)
    inside, (rows, columns) = picture_pixels(camera, pixels, shape)
    cover = np.zeros(shape, np.uint8)
    cover[rows[depth[inside] > 0], columns[depth[inside] > 0]] = 1
    closed = cv2.morphologyEx(np.pad(cover, 3), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))[3:-3, 3:-3]
    return ndimage.binary_fill_holes(closed)
