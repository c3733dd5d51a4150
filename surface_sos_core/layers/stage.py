"""Making the layers of many frames: mattes first seen small in all frames, then each frame in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.planes import find_planes
from surface_sos_core.fields.scene import Scene
from surface_sos_core.footage import Footage
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers.exr import FrameLayers
from surface_sos_core.layers.fill import Fill, Fills, open_fills
from surface_sos_core.layers.grain import with_grain
from surface_sos_core.layers.hidden_depth import Background, rough_depth
from surface_sos_core.layers.holdouts import Holdouts, find_holdouts
from surface_sos_core.layers.key_frames import KeyFrame, choose_key_frames
from surface_sos_core.layers.matte import Matte, complete_surface, render_matte
from surface_sos_core.layers.outline import cut_outline
from surface_sos_core.layers.plate import CleanPlate, OwnFrame, bared, clean_plate
from surface_sos_core.layers.rectified_planes import rectified_planes
from surface_sos_core.layers.refine import (
    narrower,
    refine_alpha,
    refine_by_plate,
    unmix_foreground,
    without_hidden_holes,
    without_islands,
)
from surface_sos_core.layers.self_check import Witnesses, doubts, solved_again, upheld
from surface_sos_core.layers.shared_view import shared_view
from surface_sos_core.layers.shown_depth import ShownPlaces
from surface_sos_core.layers.sources import Sources
from surface_sos_core.layers.still_shadow import StillShadow, find_still_shadow
from surface_sos_core.masks.coarse import reduced_size
from surface_sos_core.mesh.filled import filled_cells
from surface_sos_core.render.look import backdrop_depth, render_object_colour
from surface_sos_core.render.proposal import Proposals
from surface_sos_core.render.rays import RayCaster, Rays
from surface_sos_core.settings import PlaneSettings, Settings
from surface_sos_core.stereo.frame_disparity import FrameSweeps, depths_in_view


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
    holdouts: Holdouts
    sources: Sources
    background: Background
    witnesses: Witnesses
    fills: Fills
    keys: Sequence[KeyFrame] = ()
    """Frames that what nobody saw is taken from, the best one first."""
    shadow: StillShadow | None = None
    """The object's shadow on the ground; None where it is not asked for."""


def open_studio(
    settings: Settings,
    scene: Scene,
    proposals: Proposals,
    witnesses: Witnesses,
    footage: Footage,
    cameras: Sequence[Camera | None],
    points: np.ndarray,
    gains: np.ndarray,
    progress: Callable[[str], Callable[[int, int], None]],
    warn: Callable[[str], None],
) -> Studio:
    """Look at the object in every frame at a small size, where clean plates take no pixels from, and make the key frames.

    points: sparse points (N, 3) in the world; the background's are those that the object cannot own. gains: (frames, 3), see
    Studio. progress: the unit of what is counted to what tells how many of them are done, of how many.
    """
    plate, fills, box = settings.plate, open_fills(settings), witnesses.consensus.box
    gains = gains.astype(np.float32)  # as pictures are, which would else take twice the memory
    shared = shared_view([camera for camera in cameras if camera is not None], box, settings.matte)
    proposals = replace(proposals, shared=shared.to(scene.extent.device))
    caster = RayCaster(cameras, box, points, settings.render, scene.extent.device)
    holdouts = find_holdouts(scene, proposals, caster, cameras, witnesses, settings, progress("frames"))
    sources = Sources(lambda i: footage.read_linear(i) * gains[i], cameras, holdouts.covered, plate)
    inside = torch.from_numpy(box.to_box(points).astype(np.float32)).to(scene.extent.device)
    behind = points[(scene.hold(inside) <= 0).cpu().numpy()]
    planes = _planes_around(box, behind, cameras, settings.planes)
    shown = _shown(footage, cameras, points, holdouts, settings)
    background = Background(scene, proposals, behind, planes, shown)
    studio = Studio(
        settings, scene, proposals, box, footage, cameras, points, caster, gains, holdouts, sources, background,
        witnesses, fills,
    )  # fmt: skip
    return studio if fills.key is None else _with_key_frames(studio, progress("key frames"), warn)


def _shown(
    footage: Footage,
    cameras: Sequence[Camera | None],
    points: np.ndarray,
    holdouts: Holdouts,
    settings: Settings,
) -> ShownPlaces:
    """What every frame shows of the background, by a plane sweep in each."""
    seen = {i: camera for i, camera in enumerate(cameras) if camera is not None}
    size, depths = reduced_size(footage, settings.shown.edge), depths_in_view(points, seen.values())

    def picture(i: int) -> np.ndarray:
        return footage.read_small(i, size)

    sweeps = FrameSweeps(picture, size, seen, len(cameras), depths, settings.stereo, settings.sweep)
    return ShownPlaces(sweeps, cameras, holdouts.covered)


def _with_key_frames(
    studio: Studio, progress: Callable[[int, int], None], warn: Callable[[str], None]
) -> Studio:
    """The same with the key frames of what no frame saw, which are the same whichever frames get layers.

    Planes come first, each as seen square on. Each key frame takes from those before what they show, and invents the rest.
    """
    usable, settings, fills = studio.sources.usable, studio.settings, studio.fills
    count = min(settings.fill.candidates, len(usable))
    candidates = [usable[n] for n in np.linspace(0, len(usable) - 1, count).round().astype(int)]
    unseen = {i: _unseen(studio, i) for i in candidates}
    assert fills.square is not None and fills.key is not None
    everywhere = np.concatenate(list(unseen.values()))
    squares = rectified_planes(studio.background.planes, everywhere, studio.sources, fills.square, settings)
    studio = replace(studio, keys=squares)
    for square in squares:
        unseen = {i: one[~square.shows(one, settings.fill.plane_near)] for i, one in unseen.items()}
    chosen = choose_key_frames(unseen, studio.cameras, settings.fill)
    for done, index in enumerate(chosen, 1):
        camera = studio.cameras[index]
        assert camera is not None
        linear = studio.footage.read_linear(index)
        matte = _checked_matte(studio, index, srgb_encode(linear))
        own = _own(studio, index, linear, matte)
        plate = _plate(studio, studio.caster, camera, own, fills.key, by_depth=True)
        if plate.unfilled:
            warn(
                f"{studio.footage.frames[index].name}: no texture was found for {plate.unfilled} pixels that no frame saw, "
                "so plates go on smoothly there; let the camera see more around the object, or give --fill a network."
            )
        colour = srgb_encode(plate.colour * studio.gains[index]).astype(np.float16)
        studio = replace(studio, keys=[*studio.keys, KeyFrame(camera, colour, plate.disparity)])
        progress(done, len(chosen))
    return studio


def _unseen(studio: Studio, index: int) -> np.ndarray:
    """World points (N, 3) behind the object in a frame that no other frame shows, as far as BaCo tells their depth."""
    camera, holdout = studio.cameras[index], studio.sources.holdouts[index]
    assert camera is not None
    factor = min(1.0, studio.settings.fill.key_edge / max(holdout.shape))
    width, height = (max(1, round(edge * factor)) for edge in holdout.shape[::-1])
    rows, columns = np.nonzero(cv2.resize(holdout, (width, height), interpolation=cv2.INTER_NEAREST))
    if not len(rows):
        return np.zeros((0, 3))
    scale = camera.lens.width / width, camera.lens.height / height
    pixels = np.stack([(columns + 0.5) * scale[0], (rows + 0.5) * scale[1]], axis=1)
    rays = studio.caster.cast(np.full(len(pixels), index), pixels)
    samples = studio.settings.plate.backdrop_samples
    depth = backdrop_depth(studio.scene, studio.proposals, rays, samples).cpu().numpy()
    origin, directions = camera.rays(pixels)
    world = (origin + depth[:, None] * directions)[np.isfinite(directions).all(axis=1)]
    for other in studio.sources.usable:
        if other != index and len(world):
            world = world[~studio.sources.look(other, world)[1]]
    return world


def _own(studio: Studio, index: int, linear: np.ndarray, matte: Matte) -> OwnFrame:
    """A frame that is to be cleaned of all that may be the object."""
    return OwnFrame(index, linear, studio.gains[index], _hidden(studio, index, matte.alpha), matte.depth)


def _hidden(studio: Studio, index: int, alpha: np.ndarray) -> np.ndarray:
    """Alpha (H, W), 1 where the frame's mask and the hull have the object, too."""
    height, width = alpha.shape
    masked = studio.holdouts.masked[index].astype(np.float32)
    missed = cv2.resize(masked, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    return np.where(missed, np.float32(1.0), alpha)


def _plate(
    studio: Studio,
    caster: RayCaster,
    camera: Camera,
    own: OwnFrame | None,
    fill: Fill | None,
    by_depth: bool = False,
) -> CleanPlate:
    """The clean plate of a camera, whose rays are the caster's of frame `own.index`, or of its only one.

    by_depth: let `fill` go by the depth of all that the camera sees.
    """
    frame = 0 if own is None else own.index
    settings = studio.settings

    def cast(pixels: np.ndarray) -> Rays:
        return caster.cast(np.full(len(pixels), frame), pixels)

    around = None
    if by_depth:
        around = rough_depth(studio.background, camera, cast, settings.fill.depth_edge, settings.plate)
    return clean_plate(
        studio.background, camera, cast, studio.sources, settings, own, studio.keys, fill, around
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


def _checked_matte(studio: Studio, index: int, display: np.ndarray) -> Matte:
    """The matte of a frame by rays, checked by what masks and the frame's own colours (H, W, 3) say of it."""
    camera, check = studio.cameras[index], studio.settings.check
    assert camera is not None
    matte = _matte_by_rays(studio, studio.caster, index)
    alpha = matte.alpha
    if check.uphold:
        said = studio.witnesses.of(index, camera, *alpha.shape[::-1])
        alpha = upheld(alpha, said, check)
        alpha = solved_again(display, alpha, said, check, studio.settings.colours, studio.settings.edges)
    if (correction := studio.witnesses.corrections.get(index)) is not None:
        alpha = correction.upon(alpha)
    return matte if alpha is matte.alpha else complete_surface(matte, alpha)


def find_shadow(studio: Studio) -> StillShadow:
    """What the object's shadow takes of the light of the ground that it stands on."""
    own, box = studio.settings.still_shadow, studio.box
    cells = filled_cells(studio.scene, box, own.cells, own.hold)
    return find_still_shadow(cells, box, studio.background.planes, studio.sources, own)


def _shadow(
    studio: Studio, caster: RayCaster, frame: int, camera: Camera, plate: CleanPlate
) -> np.ndarray | None:
    """(H, W, 3) what the shadow leaves of the light in a clean plate, in the plate's space; the caster's `frame` has its rays."""
    if studio.shadow is None:
        return None

    def depth(pixels: np.ndarray) -> np.ndarray:
        rays = caster.cast(np.full(len(pixels), frame), pixels)
        samples = studio.settings.plate.backdrop_samples
        return backdrop_depth(studio.scene, studio.proposals, rays, samples).cpu().numpy()

    edge = studio.settings.still_shadow.depth_edge
    factor = studio.shadow.factor(camera, plate.disparity, plate.seen, depth, edge)
    # As a light on grey, whose colour is another in another space.
    return studio.footage.space.scene.from_rec709(factor)


def frame_layers(studio: Studio, index: int) -> tuple[FrameLayers, list[str]]:
    """All layers of one frame of the footage, and a sentence for each thing in it that is in doubt."""
    camera, settings, matting = studio.cameras[index], studio.settings, studio.settings.matting
    assert camera is not None
    scene, space = studio.footage.read_scene(index), studio.footage.space.scene
    linear = space.in_rec709(scene)
    display = srgb_encode(linear)
    matte = _checked_matte(studio, index, display)
    said = studio.witnesses.of(index, camera, *matte.alpha.shape[::-1])
    radius = max(2, round(settings.layers.band * max(matte.alpha.shape)))
    if settings.layers.refine:
        refined = refine_alpha(display, matte.alpha, radius, matting)
        # Before the plate is made, which leaves alone what the matte does not hide.
        matte = complete_surface(matte, without_islands(refined, said.outline, matting))

    own = _own(studio, index, linear, matte)
    plate = _plate(studio, studio.caster, camera, own, studio.fills.frame)
    if settings.layers.refine:
        behind = srgb_encode(plate.colour)
        alpha = refine_by_plate(display, matte.alpha, behind, plate.seen, radius, matting)
        if radius >= settings.redraw.least_band:
            alpha = cut_outline(
                display, alpha, radius, settings.redraw, matting, settings.colours, settings.edges
            )
            near = narrower(radius, matting)
            alpha = refine_alpha(display, alpha, near, matting)
            alpha = refine_by_plate(display, alpha, behind, plate.seen, near, matting)
        alpha = without_hidden_holes(display, alpha, matting)
        matte = complete_surface(matte, without_islands(alpha, said.outline, matting))
    if (correction := studio.witnesses.corrections.get(index)) is not None:
        matte = complete_surface(matte, correction.held(matte.alpha))
    plate = bared(plate, linear, _hidden(studio, index, matte.alpha) > 0, settings)
    clean = plate.colour
    filled = (clean != linear).any(axis=2)
    if settings.plate.grain and filled.any():
        grained = with_grain(srgb_encode(clean), display, filled, settings.grain, settings.seed + index)
        clean = np.where(filled[..., None], srgb_decode(grained), clean).astype(np.float32)
    # In the plate's own space from here on; what is the plate's own comes from there, not back from Rec.709.
    clean = np.where(filled[..., None], space.from_rec709(clean), scene)
    foreground = unmix_foreground(scene, matte.alpha, clean, matting)
    shadow = _shadow(studio, studio.caster, index, camera, plate)
    layers = FrameLayers(foreground, clean, plate.seen, matte.depth, matte.normal, space, shadow)
    return layers, doubts(matte.alpha, said, settings.check)


def view_layers(studio: Studio, camera: Camera) -> FrameLayers:
    """All layers for a camera that filmed nothing: the fields' own matte and colour, the plate from the footage."""
    settings, space = studio.settings, studio.footage.space.scene
    caster = RayCaster([camera], studio.box, studio.points, settings.render, studio.caster.device)
    matte = _matte_by_rays(studio, caster, 0)
    foreground = np.zeros((*matte.alpha.shape, 4), np.float32)
    foreground[..., 3] = matte.alpha
    rows, columns = np.nonzero(matte.alpha)
    if len(rows):
        pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)
        rays = caster.cast(np.zeros(len(pixels), np.int64), pixels)
        colour = (
            render_object_colour(studio.scene, studio.proposals, rays, settings.layers.samples).cpu().numpy()
        )
        linear = space.from_rec709(srgb_decode(colour))
        foreground[rows, columns, :3] = linear * matte.alpha[rows, columns, None]
    plate = _plate(studio, caster, camera, None, studio.fills.frame)
    clean, shadow = space.from_rec709(plate.colour), _shadow(studio, caster, 0, camera, plate)
    return FrameLayers(foreground, clean, plate.seen, matte.depth, matte.normal, space, shadow)
