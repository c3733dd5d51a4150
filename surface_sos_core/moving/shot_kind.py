"""What a shot is taken for: whether its subject moves, and what the camera does; told early, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.moving.camera_motion import FREE, CameraMotion, camera_motion
from surface_sos_core.moving.registration import Registration, grown, register
from surface_sos_core.moving.subject_motion import share_that_moves
from surface_sos_core.settings import Settings, ShotKindSettings

SUBJECTS = ("auto", "still", "moving")
CAMERA_MOVES = ("auto", "free", "turning", "locked")

_BINS = 8  # of each colour, in histograms
_FEW_CUTS = 2  # that a film of any length may have


@dataclass(frozen=True)
class ShotKind:
    """moving: whether the subject is taken to move. camera: what the camera does, looked at in pictures of this width.
    told: both as one sentence."""

    moving: bool
    camera: CameraMotion
    width: int
    told: str


def shot_kind(
    footage: Footage,
    masks: CoarseMasks | None,
    subject: str,
    camera_move: str,
    settings: Settings,
    progress: Callable[[int, int], None],
    drawn: bool = False,
) -> ShotKind:
    """Tell what a shot is from how its background moves; a few seconds for a hundred frames.

    masks: where the subject is known to be; subject, camera_move: of SUBJECTS and CAMERA_MOVES. A subject is taken to move
    where the camera does not travel, since nothing of it could be told from other sides; before a camera that travels where
    its points do (`share_that_moves`); drawn: the masks come from a drawing, which has background in it as well. Raises
    InputError for a film that is cut, naming the frames, where the subject may move.
    """
    own = settings.moving
    size = reduced_size(footage, own.image_edge)
    count = len(footage.frames)
    pictures = []
    histograms = []
    for i in range(count):
        rgb = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
        pictures.append(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        histograms.append(_histogram(rgb))
        progress(i + 1, count)

    def held_out(i: int) -> np.ndarray:
        return np.zeros(size[::-1], bool) if masks is None else _held_out(masks, i, size, settings)

    registration = register(lambda i: pictures[i], held_out, count, settings.register)
    _refuse_cuts(footage, registration, histograms, subject, settings.shot_kind)
    wanted = None if camera_move == "auto" else camera_move
    camera = camera_motion(registration, lambda i: pictures[i], held_out, settings, wanted)
    share = None
    if subject == "auto" and camera.kind == FREE and masks is not None:
        share = _moving_share(masks, pictures.__getitem__, settings)
    enough = settings.subject_motion.drawn_moving if drawn else settings.subject_motion.moving
    moves = share is not None and share >= enough
    moving = subject == "moving" or (subject == "auto" and (camera.kind != FREE or moves))
    film = f"The camera is taken for one that {_DOES[camera.kind]}{' and zooms' if camera.zooms else ''}: {camera.reason}."
    if subject == "auto" and moving:
        points = "points in the drawing" if drawn else "subject's points"
        why = " So" if share is None else f" {share:.0%} of the {points} move against the world, so"
        film += (
            f"{why} the subject is taken to move, and gets mattes and clean plates, but no mesh, depth and normals; "
            "--subject still says otherwise, also of a thing on a turntable."
        )
    return ShotKind(moving, camera, size[0], film)


def doubt_that_it_stands(
    footage: Footage, masks: CoarseMasks, settings: Settings, warn: Callable[[str], None]
) -> None:
    """Warn where the points of a subject move that is taken to stand since cameras were given."""
    size = reduced_size(footage, settings.moving.image_edge)

    @lru_cache(maxsize=64)
    def grey(i: int) -> np.ndarray:
        return cv2.cvtColor(footage.read_small(i, size), cv2.COLOR_RGB2GRAY)

    share = _moving_share(masks, grey, settings)
    if share is not None and share >= settings.subject_motion.moving:
        warn(
            f"Cameras were given, so the subject is taken to stand, but {share:.0%} of its points move against what is around "
            "it; give --subject moving, unless the cameras are relative to it, as on a turntable."
        )


def _held_out(masks: CoarseMasks, index: int, size: tuple[int, int], settings: Settings) -> np.ndarray:
    """(h, w) bool of a picture of this width and height: where the subject may be; nowhere where its mask is not known."""
    if not masks.known[index]:
        return np.zeros(size[::-1], bool)
    mask = cv2.resize(masks.probability[index], size, interpolation=cv2.INTER_AREA)
    return grown(mask > 255 * settings.moving.maybe, settings.moving.grow)


def _moving_share(masks: CoarseMasks, grey: Callable[[int], np.ndarray], settings: Settings) -> float | None:
    known = np.flatnonzero(masks.known & ~masks.empty).tolist()
    if not known:
        return None
    size = grey(known[0]).shape[::-1]

    def held_out(i: int) -> np.ndarray:
        return _held_out(masks, i, size, settings)

    def inside(i: int) -> np.ndarray:
        return cv2.resize(masks.probability[i], size, interpolation=cv2.INTER_AREA) > 127

    return share_that_moves(grey, held_out, inside, known, settings.subject_motion, settings.register)


_DOES = {"free": "travels", "turning": "turns on the spot", "locked": "stands"}


def _histogram(rgb: np.ndarray) -> np.ndarray:
    """(512,) how much of a picture (h, w, 3) uint8 each colour takes."""
    bins = (rgb // (256 // _BINS)).reshape(-1, 3).astype(int)
    return np.bincount(bins @ (_BINS * _BINS, _BINS, 1), minlength=_BINS**3) / len(bins)


def _changed(one: np.ndarray, other: np.ndarray) -> float:
    """The share of a picture whose colours another has not, by their histograms."""
    return 0.5 * float(np.abs(other - one).sum())


def _refuse_cuts(
    footage: Footage,
    registration: Registration,
    histograms: list[np.ndarray],
    subject: str,
    settings: ShotKindSettings,
) -> None:
    shares = np.array([step.share for step in registration.steps])
    if subject == "still" or not len(shares) or np.median(shares) < settings.video:
        return
    changed = np.array([_changed(a, b) for a, b in pairwise(histograms)])
    cuts = np.flatnonzero((changed > settings.changed) & (shares < settings.followed))
    if not len(cuts) or len(cuts) > max(_FEW_CUTS, settings.few * len(shares)):
        return
    first = int(cuts[0])
    before, after = footage.frames[first], footage.frames[first + 1]
    if first + 1 in cuts and _changed(histograms[first], histograms[first + 2]) < settings.changed:
        raise InputError(
            f"Frame {after.number} ({after.name}) is a flash, or belongs to another shot: leave it out of the footage."
        )
    raise InputError(
        f"The footage is cut between frames {before.number} ({before.name}) and {after.number} ({after.name}): give "
        "the frames of one shot alone, as a folder or a pattern of their names."
    )
