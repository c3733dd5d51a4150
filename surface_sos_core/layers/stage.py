"""Making the layers of many frames: mattes first seen small in all frames, then each frame in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.planes import find_planes
from surface_sos_core.fields.scene import Scene
from surface_sos_core.footage import Footage
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers.at_once import frames_at_once, in_order
from surface_sos_core.layers.exr import FrameLayers
from surface_sos_core.layers.hidden_depth import Background
from surface_sos_core.layers.matte import Matte, complete_surface, render_matte
from surface_sos_core.layers.plate import OwnFrame, clean_plate
from surface_sos_core.layers.refine import (
    refine_alpha,
    refine_by_plate,
    unmix_foreground,
    without_hidden_holes,
)
from surface_sos_core.layers.self_check import Witnesses, doubts, solved_again, upheld
from surface_sos_core.layers.shared_view import shared_view
from surface_sos_core.layers.sources import Sources
from surface_sos_core.render.look import render_object_colour, render_surface
from surface_sos_core.render.proposal import Proposals
from surface_sos_core.render.rays import RayCaster, Rays
from surface_sos_core.settings import PlaneSettings, Settings


@dataclass(frozen=True)
class Studio:
    """What layers are made from."""

    settings: Settings
    scene: Scene
    proposals: Proposals
    box: Box
    footage: Footage
    cameras: Sequence[Camera | None]
    points: np.ndarray
    """(N, 3) the sparse points in the world."""
    caster: RayCaster
    gains: np.ndarray
    """(frames, 3): what scene-linear colours are multiplied by to be exposed alike."""
    sources: Sources
    background: Background
    witnesses: Witnesses


def open_studio(
    settings: Settings,
    scene: Scene,
    proposals: Proposals,
    box: Box,
    footage: Footage,
    cameras: Sequence[Camera | None],
    points: np.ndarray,
    gains: np.ndarray,
    witnesses: Witnesses,
    progress: Callable[[int, int], None],
) -> Studio:
    """Look at the object in every frame at a small size; clean plates take no pixels from there.

    points: sparse points (N, 3) in the world; the background's are those that the object cannot own. gains: (frames, 3), see
    Studio.
    """
    plate = settings.plate
    gains = gains.astype(np.float32)  # as pictures are, which would else take twice the memory
    shared = shared_view([camera for camera in cameras if camera is not None], box, settings.matte)
    proposals = replace(proposals, shared=shared.to(scene.extent.device))
    caster = RayCaster(cameras, box, points, settings.render, scene.extent.device)
    factor = min(1.0, plate.holdout_edge / max(footage.width, footage.height))
    width, height = max(1, round(footage.width * factor)), max(1, round(footage.height * factor))
    columns, rows = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    holdouts = np.zeros((len(cameras), height, width), np.uint8)
    kernel = np.ones((2 * plate.holdout_grow + 1,) * 2, np.uint8)
    shown = {i: camera for i, camera in enumerate(cameras) if camera is not None}

    def look(i: int) -> np.ndarray:
        lens = shown[i].lens
        pixels = np.stack([columns.ravel() * lens.width, rows.ravel() * lens.height], axis=1)
        rays = caster.cast(np.full(len(pixels), i), pixels)
        samples = plate.holdout_samples
        seen = render_surface(scene, proposals, rays, samples, samples).matte.cpu().numpy()
        alpha = seen.reshape(height, width)
        if settings.check.uphold:
            alpha = upheld(alpha, witnesses.of(i, shown[i], width, height), settings.check)
        covered = alpha > plate.holdout_alpha
        return cv2.dilate(covered.astype(np.uint8), kernel)

    first, *others = shown
    holdouts[first] = look(first)  # by itself, since numba's loops must have run before
    progress(1, len(shown))
    with closing(in_order(look, others, frames_at_once(width * height, scene.extent.device))) as looks:
        for done, (i, holdout) in enumerate(looks, 2):
            holdouts[i] = holdout
            progress(done, len(shown))
    sources = Sources(lambda i: footage.read_linear(i) * gains[i], cameras, holdouts, plate)
    inside = torch.from_numpy(box.to_box(points).astype(np.float32)).to(scene.extent.device)
    behind = points[(scene.hold(inside) <= 0).cpu().numpy()]
    planes = _planes_around(box, behind, cameras, settings.planes)
    background = Background(scene, proposals, behind, planes)
    return Studio(
        settings,
        scene,
        proposals,
        box,
        footage,
        cameras,
        points,
        caster,
        gains,
        sources,
        background,
        witnesses,
    )


def _planes_around(
    box: Box, points: np.ndarray, cameras: Sequence[Camera | None], settings: PlaneSettings
) -> np.ndarray:
    """Planes (K, 4) among background points no further from the object than the cameras are."""
    away = [float(np.linalg.norm(camera.centre - box.centre)) for camera in cameras if camera is not None]
    distance = float(np.median(away))
    around = points[np.linalg.norm(points - box.centre, axis=1) < distance]
    least = max(settings.least_points, settings.least_share * len(around))
    return find_planes(around, settings.thickness * distance, least, settings.most, settings.tries)


def _matte_by_rays(studio: Studio, caster: RayCaster, frame: int) -> Matte:
    """The matte of the caster's `frame`, before any plate is looked at."""
    return render_matte(
        studio.scene,
        studio.proposals,
        caster,
        studio.box.rotation,
        frame,
        studio.settings.layers,
        studio.settings.matte,
    )


def frame_layers(studio: Studio, index: int) -> tuple[FrameLayers, list[str]]:
    """All layers of one frame of the footage, and a sentence for each thing in it that is in doubt."""
    camera, settings, matting = studio.cameras[index], studio.settings, studio.settings.matting
    assert camera is not None
    scene, space = studio.footage.read_scene(index), studio.footage.space.scene
    linear = space.in_rec709(scene)
    matte = _matte_by_rays(studio, studio.caster, index)
    display = srgb_encode(linear)
    said = studio.witnesses.of(index, camera, *matte.alpha.shape[::-1])
    if settings.check.uphold:
        alpha = upheld(matte.alpha, said, settings.check)
        alpha = solved_again(display, alpha, said, settings.check, settings.colours, settings.edges)
        matte = complete_surface(matte, alpha)
    radius = max(2, round(settings.layers.band * max(matte.alpha.shape)))
    if settings.layers.refine:
        matte = complete_surface(matte, refine_alpha(display, matte.alpha, radius, matting))

    def cast(pixels: np.ndarray) -> Rays:
        return studio.caster.cast(np.full(len(pixels), index), pixels)

    own = OwnFrame(index, linear, studio.gains[index], matte.alpha, matte.depth)
    plate = clean_plate(
        studio.background, camera, cast, studio.sources, settings.layers, settings.plate, settings.sweep, own
    )
    if settings.layers.refine:
        behind = srgb_encode(plate.colour)
        alpha = refine_by_plate(display, matte.alpha, behind, plate.seen, radius, matting)
        matte = complete_surface(matte, without_hidden_holes(display, alpha, matting))
    # In the plate's own space from here on; what is the plate's own comes from there, not back from Rec.709.
    own_pixels = (plate.colour == linear).all(axis=-1, keepdims=True)
    clean = np.where(own_pixels, scene, space.from_rec709(plate.colour))
    foreground = unmix_foreground(scene, matte.alpha, clean, matting)
    layers = FrameLayers(foreground, clean, plate.seen, matte.depth, matte.normal, space)
    return layers, doubts(matte.alpha, said, settings.check)


def view_layers(studio: Studio, camera: Camera) -> FrameLayers:
    """All layers for a camera that filmed nothing: the fields' own matte and colour, the plate from the footage."""
    settings, space = studio.settings, studio.footage.space.scene
    caster = RayCaster([camera], studio.box, studio.points, settings.render, studio.caster.device)
    matte = _matte_by_rays(studio, caster, 0)

    def cast(pixels: np.ndarray) -> Rays:
        return caster.cast(np.zeros(len(pixels), np.int64), pixels)

    foreground = np.zeros((*matte.alpha.shape, 4), np.float32)
    foreground[..., 3] = matte.alpha
    rows, columns = np.nonzero(matte.alpha)
    if len(rows):
        rays = cast(np.stack([columns + 0.5, rows + 0.5], axis=1))
        colour = (
            render_object_colour(studio.scene, studio.proposals, rays, settings.layers.samples).cpu().numpy()
        )
        linear = space.from_rec709(srgb_decode(colour))
        foreground[rows, columns, :3] = linear * matte.alpha[rows, columns, None]
    plate = clean_plate(
        studio.background, camera, cast, studio.sources, settings.layers, settings.plate, settings.sweep, None
    )
    clean = space.from_rec709(plate.colour)
    return FrameLayers(foreground, clean, plate.seen, matte.depth, matte.normal, space)
