"""The subject of a shot followed through time, and each frame's layers by what other times show of its background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.arrays import DAMAGE, read_arrays
from surface_sos_core.cameras import Camera, CameraModel
from surface_sos_core.corrections.correction import Correction
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import Footage
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.layers.exr import NO_DEPTH, FrameLayers
from surface_sos_core.layers.refine import unmix_foreground
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.moving.background import Times
from surface_sos_core.moving.camera_motion import LOCKED
from surface_sos_core.moving.depth import BackgroundDepth, background_depth
from surface_sos_core.moving.found import Finder
from surface_sos_core.moving.matte import solve_alpha
from surface_sos_core.moving.outline import Behind, learn_colours, may_be_shadow, outline
from surface_sos_core.moving.plate import Plate, clean_plate
from surface_sos_core.moving.registration import Registration, grown, register
from surface_sos_core.moving.shadow import shadow_factor
from surface_sos_core.moving.votes import NeighbourFlows, voted_everywhere, voted_of
from surface_sos_core.settings import MovingSettings, Settings


@dataclass(frozen=True)
class Subject:
    """Where the subject is in each frame, and how the background moves.

    masks: (frames, h, w) uint8, 255 is the subject, at a reduced size. registration: of pictures of that size. camera: what
    the camera does, as `camera_motion` names it. depth: of the background, where it travels and was solved.
    """

    masks: np.ndarray
    registration: Registration
    camera: str
    depth: BackgroundDepth | None = None

    def mask(self, index: int, size: tuple[int, int], soft: float) -> np.ndarray:
        """(H, W) float32 in [0, 1] of a frame, of this width and height, its outline at 0.5, blurred by so many pixels before."""
        blurred = cv2.GaussianBlur(self.masks[index].astype(np.float32) / 255.0, (0, 0), soft)
        return cv2.resize(blurred, size, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)

    def corrected(self, corrections: Mapping[int, Correction]) -> Subject:
        """The same with the masks that corrections make of their frames."""
        masks = self.masks.copy()
        for i, correction in corrections.items():
            masks[i] = correction.probability((masks.shape[2], masks.shape[1]))
        return replace(self, masks=masks)

    def write(self, path: Path) -> None:
        """Keep it in one .npz."""
        with write_atomically(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                masks=self.masks,
                to_world=self.registration.to_world,
                camera=np.array(self.camera),
                disparity=np.zeros((0, 0, 0), np.float16) if self.depth is None else self.depth.disparity,
                step=np.array(0.0 if self.depth is None else self.depth.step),
            )

    @staticmethod
    def read(path: Path, cameras: Sequence[Camera | None], settings: Settings) -> Subject:
        """What `write` kept of frames with these cameras; InputError for any other file."""
        frames, own = len(cameras), settings.moving_depth
        try:
            pixels = settings.moving.image_edge**2 + 2 * own.image_edge**2
            kept = read_arrays(path, frames * (pixels + 1000) + 1000)
            masks, to_world, camera = kept["masks"], kept["to_world"], str(kept["camera"])
            if masks.dtype != np.uint8 or masks.ndim != 3 or len(masks) != frames:
                raise ValueError("its masks are not those of the frames")
            if to_world.shape != (frames, 3, 3) or not np.isfinite(to_world).all():
                raise ValueError("its homographies are not those of the frames")
            depth = None
            disparity = kept["disparity"]
            if len(disparity):
                if disparity.dtype != np.float16 or disparity.ndim != 3 or len(disparity) != frames:
                    raise ValueError("its depths are not those of the frames")
                depth = BackgroundDepth(disparity, float(kept["step"]), cameras, own)
        except (OSError, ValueError, *DAMAGE) as error:
            raise InputError(f"{path} cannot be used: {error}.") from error
        return Subject(masks, Registration(to_world), camera, depth)


def follow_subject(
    footage: Footage,
    given: CoarseMasks,
    camera: str,
    settings: Settings,
    progress: Callable[[int, int], None],
    model: CameraModel | None = None,
    cameras: Sequence[Camera | None] = (),
    found: bool = False,
) -> Subject:
    """Mend masks, given of some or all frames, by each other over time and by what the background does not explain.

    camera: what it does. progress gets (done, total) steps. At least one mask must be known. model: of a camera that travels, where
    it was solved, and the frames' cameras in it: then its depths tell where other times show the background. found: the masks
    were, by how the background moves; what its depths leave unexplained then belongs to the subject where it touches them.
    """
    own = settings.moving
    size = reduced_size(footage, own.image_edge)
    count = len(footage.frames)
    again = settings.moving_masks.rounds if found and model is not None else 0
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, count * (3 + own.rounds + (model is not None) + 3 * again))

    pictures = FrameStack((count, size[1], size[0], 3))
    for i in range(count):
        pictures[i] = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)

    def grey(i: int) -> np.ndarray:
        return cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY)

    flows = NeighbourFlows(pictures.__getitem__, count, settings.time_votes, settings.dense_flow, step)
    votes = voted_of(flows, [_read(given, i, size) for i in range(count)])

    def picture(i: int) -> np.ndarray:
        return pictures[i].astype(np.float32) / 255.0

    def background(votes: Sequence[np.ndarray]) -> Times:
        """What frames see of it where these votes leave it free."""
        held_out = [grown(vote > own.maybe, own.grow) for vote in votes].__getitem__
        registration, depth = register(grey, held_out, count, settings.register), None
        if model is not None:
            small = reduced_size(footage, settings.moving_depth.image_edge)
            depth = background_depth(
                picture, held_out, small, cameras, model, settings.moving_depth, settings.sweep, step
            )
        return Times(picture, held_out, registration, count, settings, camera != LOCKED, depth)

    times = background(votes)
    if again and times.depth is not None:
        finder = Finder(pictures.__getitem__, count, size, settings, step)
        for left in reversed(range(again)):
            votes = voted_of(flows, finder.unexplained(votes, times, last=left == 0))
            times = background(votes)
    behind = [_behind(times, i, own, step) for i in range(count)]
    masks: list[np.ndarray] = []
    taught = range(0, count, -(-count // settings.outline.taught_frames))
    for last in range(own.rounds + 1):
        often = learn_colours(
            [pictures[i] for i in taught],
            [votes[i] for i in taught],
            settings.colours,
            settings.outline.sure,
        )
        masks = []
        for i in range(count):
            masks.append(outline(pictures[i], votes[i], behind[i], often, settings))
            step()
        if last < own.rounds:
            votes = voted_everywhere(flows, [mask.astype(np.float32) for mask in masks])
    return Subject(np.stack(masks).astype(np.uint8) * 255, times.registration, camera, times.depth)


def moving_layers(
    footage: Footage, subject: Subject, settings: Settings, index: int, correction: Correction | None = None
) -> FrameLayers:
    """All layers of a frame; depth and normals are not known of what moves. correction: of its matte, by the artist."""
    scene, space = footage.read_scene(index), footage.space.scene
    linear = space.in_rec709(scene)
    picture = srgb_encode(linear)
    size = (footage.width, footage.height)
    own = settings.moving

    def held_out(i: int) -> np.ndarray:
        return grown(subject.mask(i, size, own.soft) > 0.5, own.grow)

    mask, hole = subject.mask(index, size, own.soft), held_out(index)
    clean, seen = picture, np.ones(hole.shape, bool)
    alpha, shadow = np.zeros(hole.shape, np.float32), np.ones(picture.shape, np.float32)
    if hole.any():
        times = Times(
            lambda i: srgb_encode(footage.read_linear(i)),
            held_out,
            subject.registration.at(footage.width / subject.masks.shape[2]),
            len(footage.frames),
            settings,
            subject.camera != LOCKED,
            subject.depth,
        )
        views = times.views(index, hole, own.sources)
        shadow = shadow_factor(picture, hole, views, settings.shadow, settings.shadow_colour)
        lit = srgb_encode(linear / shadow)
        ground = clean_plate(lit, hole, views, settings.moving_plate, settings.plate.loose)
        plate = Plate(srgb_encode(srgb_decode(ground.colour) * shadow), ground.seen)
        alpha = solve_alpha(picture, mask, plate, ~_shaded(picture, ground, settings), settings)
        if correction is not None:
            alpha = correction.held(alpha)
        clean, seen = plate.colour, plate.seen
    # In the plate's own space from here on; what is the plate's own comes from there, not back from Rec.709.
    behind = np.where(hole[..., None], space.from_rec709(srgb_decode(clean).astype(np.float32)), scene)
    return FrameLayers(
        unmix_foreground(scene, alpha, behind, settings.matting),
        behind,
        seen.astype(np.float32),
        np.full(hole.shape, NO_DEPTH, np.float32),
        np.zeros((*hole.shape, 3), np.float32),
        space,
        shadow,
    )


def _shaded(picture: np.ndarray, ground: Plate, settings: Settings) -> np.ndarray:
    """(H, W) bool: where a picture (H, W, 3), in display values, may show the subject's shadow on the ground in full light."""
    own, clean = (
        cv2.GaussianBlur(colour.astype(np.float32), (0, 0), settings.moving_matte.blur)
        for colour in (picture, ground.colour)
    )
    return may_be_shadow(own, clean, settings.shadow_colour)


def _read(given: CoarseMasks, index: int, size: tuple[int, int]) -> np.ndarray | None:
    """The mask (h, w) of a frame in [0, 1], None where it is not known: a black one is taken for a lost one."""
    if not given.known[index] or given.empty[index]:
        return None
    return cv2.resize(given.probability[index], size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0


def _behind(times: Times, index: int, settings: MovingSettings, step: Callable[[], None]) -> Behind:
    """What is behind the subject of a frame, and around it, by the median of other times."""
    hidden = times.held_out(index)
    shape = hidden.shape
    colour, apart, known = (
        np.zeros((*shape, 3), np.float16),
        np.zeros(shape, np.float16),
        np.zeros(shape, bool),
    )
    if hidden.any():
        views = times.views(index, grown(hidden, settings.around), settings.sources)
        median, spread, seen = views.middle()
        colour[views.part], apart[views.part], known[views.part] = median, spread, seen > 0
    step()
    return Behind(colour, apart, known)
