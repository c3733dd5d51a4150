"""The subject of a shot followed through time, and the background that other times show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.footage import Footage
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.footage.frame_stack import TemporaryPictures
from surface_sos_core.layers.exr import NO_DEPTH, FrameLayers
from surface_sos_core.layers.refine import unmix_foreground
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.moving.background import Times
from surface_sos_core.moving.matte import solve_alpha
from surface_sos_core.moving.outline import Behind, learn_colours, outline
from surface_sos_core.moving.plate import clean_plate
from surface_sos_core.moving.registration import Registration, grown, register
from surface_sos_core.moving.votes import NeighbourFlows, voted
from surface_sos_core.settings.moving import MovingSettings

_MAYBE = 0.3  # share of votes from which on the subject may be there
_LOOKED_AT = 0.05  # of the longer edge, around the subject, where the background is asked for
_TAUGHT = 40  # frames that colours are learnt from, at most
_SOFT = 0.7  # pixels that masks are blurred by before they are enlarged, so that outlines have no steps


@dataclass(frozen=True)
class Subject:
    """Where the subject is in each frame, and how the background moves.

    masks: (h, w) uint8 each, 255 is the subject, at a reduced size. registration: of pictures of that size.
    """

    footage: Footage
    settings: MovingSettings
    masks: TemporaryPictures
    registration: Registration

    def mask(self, index: int) -> np.ndarray:
        """(H, W) float32 in [0, 1], of the footage's size, its outline at 0.5."""
        soft = cv2.GaussianBlur(self.masks[index].astype(np.float32) / 255.0, (0, 0), _SOFT)
        size = (self.footage.width, self.footage.height)
        return cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)

    def layers(self, index: int) -> FrameLayers:
        """All layers of a frame; depth and normals are not known of what moves."""
        footage, settings = self.footage, self.settings
        linear = footage.read_linear(index)
        picture = srgb_encode(linear)
        height, width = picture.shape[:2]
        mask = self.mask(index)
        scale = width / self.masks[index].shape[1]
        times = Times(
            lambda i: srgb_encode(footage.read_linear(i)),
            lambda i: grown(self.mask(i) > 0.5, settings.grow),
            self.registration.at(scale),
            len(footage.frames),
        )
        hole = grown(mask > 0.5, settings.grow)
        seen = np.ones((height, width), bool)
        clean, alpha = picture, np.zeros((height, width), np.float32)
        if (mask > 0.5).any():
            plate = clean_plate(picture, hole, times.views(index, hole, settings.sources))
            alpha = solve_alpha(picture, mask, plate, settings.band)
            clean, seen = plate.colour, plate.seen
        linear_clean = np.where(hole[..., None], srgb_decode(clean), linear).astype(np.float32)
        return FrameLayers(
            unmix_foreground(linear, alpha, linear_clean),
            linear_clean,
            seen.astype(np.float32),
            np.full((height, width), NO_DEPTH, np.float32),
            np.zeros((height, width, 3), np.float32),
        )


def follow_subject(
    footage: Footage,
    given: CoarseMasks,
    settings: MovingSettings,
    progress: Callable[[int, int], None],
) -> Subject:
    """Mend masks, given of some or all frames, by each other over time and by what the background does not explain.

    progress gets (done, total) steps. At least one mask must be known.
    """
    size = reduced_size(footage, settings.image_edge)
    count = len(footage.frames)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, count * (3 + 2 * settings.rounds))

    pictures = TemporaryPictures((count, size[1], size[0], 3))
    for i in range(count):
        pictures[i] = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
    flows = NeighbourFlows(lambda i: cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY), count, step)
    votes = _everywhere(flows, [_read(given, i, size) for i in range(count)], lambda: None)
    maybe = [grown(vote > _MAYBE, settings.grow) for vote in votes]
    registration = register(lambda i: cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY), lambda i: maybe[i], count)
    times = Times(
        lambda i: pictures[i].astype(np.float32) / 255.0, lambda i: maybe[i], registration, count
    )
    behind = [_behind(times, i, maybe[i], settings.sources, step) for i in range(count)]
    masks: Sequence[np.ndarray] = []
    for _ in range(settings.rounds):
        taught = range(0, count, -(-count // _TAUGHT))
        often = learn_colours([pictures[i] for i in taught], [votes[i] for i in taught])
        masks = []
        for i in range(count):
            masks.append(outline(pictures[i], votes[i], behind[i], often, settings).astype(np.float32))
            step()
        votes = _everywhere(flows, masks, step)
    kept = TemporaryPictures((count, size[1], size[0]))
    for i, vote in enumerate(votes):
        kept[i] = 255 * outline(pictures[i], vote, behind[i], often, settings)
        step()
    return Subject(footage, settings, kept, registration)


def _read(given: CoarseMasks, index: int, size: tuple[int, int]) -> np.ndarray | None:
    """The mask (h, w) of a frame in [0, 1], None where it is not known: a black one is taken for a lost one."""
    if not given.known[index] or given.empty[index]:
        return None
    return cv2.resize(given.probability[index], size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0


def _everywhere(
    flows: NeighbourFlows, masks: Sequence[np.ndarray | None], step: Callable[[], None]
) -> list[np.ndarray]:
    """Votes (h, w) of every frame, those far from any mask by way of those between."""
    votes = voted(flows, masks, step)
    while any(vote is None for vote in votes):
        votes = voted(flows, votes, lambda: None)
    return [vote for vote in votes if vote is not None]


def _behind(times: Times, index: int, hidden: np.ndarray, most: int, step: Callable[[], None]) -> Behind:
    """What is behind the subject of a frame, and around it, by the median of other times."""
    shape = hidden.shape
    colour, apart, known = np.zeros((*shape, 3), np.float16), np.zeros(shape, np.float16), np.zeros(shape, bool)
    if hidden.any():
        views = times.views(index, grown(hidden, _LOOKED_AT), most)
        median, spread, seen = views.middle()
        colour[views.part], apart[views.part], known[views.part] = median, spread, seen > 0
    step()
    return Behind(colour, apart, known)
