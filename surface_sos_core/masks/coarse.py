"""Coarse masks from a folder: which frame each belongs to, and what it says.

White is the object. A frame without a file is unknown, never background. Nothing is dropped in silence.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import let_go, temporary_frames
from surface_sos_core.footage.image import decode
from surface_sos_core.footage.sequence import KINDS, last_number, list_images
from surface_sos_core.settings import CoarseSettings
from surface_sos_core.wording import counted

ASPECT_TOLERANCE = 0.01
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec.709


@dataclass
class CoarseMasks:
    """What the masks say, frame by frame, at a reduced size with the footage's aspect."""

    probability: np.ndarray
    """(frames, h, w) uint8, 255 is the object; 0 where a frame is not known."""
    known: np.ndarray
    """(frames,) bool; False: no mask, which says nothing."""
    empty: np.ndarray
    """(frames,) bool; a mask is there, but no pixel of it is even half white."""
    notes: list[str] = field(default_factory=list)
    """Everything that was warned of."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Why frames are not known, by position, where more can be said than that they have no mask."""

    @staticmethod
    def unknown(frames: int, size: tuple[int, int]) -> CoarseMasks:
        """Nothing known yet of `frames` frames; size: width and height."""
        probability = temporary_frames((frames, size[1], size[0]))
        return CoarseMasks(probability, np.zeros(frames, bool), np.zeros(frames, bool))

    def put(self, index: int, probability: np.ndarray) -> None:
        """Frame `index` is known: `probability` (h, w) of the masks' own size, in [0, 1]."""
        self.probability[index] = np.rint(255 * np.clip(probability, 0, 1))
        let_go(self.probability)
        self.known[index], self.empty[index] = True, bool(probability.max() < 0.5)

    def forget(self, index: int, reason: str) -> None:
        """Frame `index` is not known, for a `reason` that is told after its name."""
        self.probability[index] = 0
        self.known[index] = self.empty[index] = False
        self.reasons[index] = reason

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the reduced masks."""
        return self.probability.shape[2], self.probability.shape[1]


def load_masks(
    folder: str | Path,
    footage: Footage,
    settings: CoarseSettings,
    warn: Callable[[str], None] = warnings.warn,
    read: Callable[[Path], np.ndarray] = decode,
) -> CoarseMasks:
    """Reads the masks of some or all frames of `footage` from a folder of images.

    A mask belongs to the frame with the same stem (or the frame whose whole file name is its stem). Where no
    stem fits, the last numbers of the names decide. `warn` gets one sentence about each thing that is odd. `read` gives
    the pixels (H, W, C) of a file.

    Raises InputError where nothing fits, a file cannot be read, or a mask has another aspect than the footage.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder that holds the masks")
    paths = list_images(folder)
    if not paths:
        raise InputError(f"{folder} has no {KINDS} masks: check the path, or leave --masks away")
    notes: list[str] = []
    files = _match(paths, footage, folder, notes)
    masks = CoarseMasks.unknown(len(footage.frames), reduced_size(footage, settings.edge))
    masks.notes = notes
    _fill(masks, files, footage, read)
    for note in notes:
        warn(note)
    return masks


def _match(paths: Sequence[Path], footage: Footage, folder: Path, notes: list[str]) -> dict[int, Path]:
    """The mask of each frame that has one, by position."""
    files = _match_stems(paths, footage)
    if not files:
        files = _match_numbers(paths, footage)
        if not files:
            frame = footage.frames[0]
            raise InputError(
                f"No mask in {folder} belongs to a frame: masks are named like {paths[0].name}, frames like "
                f"{frame.file}; give each mask the name of its frame"
            )
        position, path = next(iter(files.items()))
        notes.append(
            "Masks are matched to frames by number since no name fits: "
            f"{path.name} belongs to {footage.frames[position].name}."
        )
    used = set(files.values())
    lost = [path.name for path in paths if path not in used]
    bare = [frame.name for index, frame in enumerate(footage.frames) if index not in files]
    sides = []
    if lost:
        sides.append(
            f"{len(lost)} of {counted(len(paths), 'mask')} of no frame of the footage ({_some(lost)})"
        )
    if bare:
        total = len(footage.frames)
        sides.append(
            counted(
                len(bare),
                f"of {total} frames has no mask and counts",
                f"of {total} frames have no mask and count",
            )
            + f" as unknown ({_some(bare)})"
        )
    if sides:
        notes.append("; ".join(sides) + ".")
    return files


def _match_stems(paths: Sequence[Path], footage: Footage) -> dict[int, Path]:
    by_stem: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_stem:
            raise InputError(
                f"{by_stem[path.stem].name} and {path.name} are both masks of {path.stem}: remove one of them"
            )
        by_stem[path.stem] = path
    files = {}
    for index, frame in enumerate(footage.frames):
        path_found = by_stem.get(frame.name) or by_stem.get(frame.file)  # plate.1001.jpg.png, as in COLMAP
        if path_found:
            files[index] = path_found
    return files


def _match_numbers(paths: Sequence[Path], footage: Footage) -> dict[int, Path]:
    """By frame number, for numbers that only one mask has."""
    numbers = [last_number(path.stem) for path in paths]
    times = Counter(numbers)
    by_number = {number: path for number, path in zip(numbers, paths, strict=True) if times[number] == 1}
    return {
        index: by_number[frame.number]
        for index, frame in enumerate(footage.frames)
        if frame.number in by_number
    }


def _fill(
    masks: CoarseMasks,
    files: dict[int, Path],
    footage: Footage,
    read: Callable[[Path], np.ndarray],
    labels: bool = False,
) -> None:
    """Read the files into `masks`, and note what is odd about them. `labels`: 1 is white, not 255."""
    peaks, resized, blank = [], [], []
    for index, path in files.items():
        grey, white = grey_of(read(path))
        white = 1 if labels else white
        height, width = grey.shape
        if (width, height) != (footage.width, footage.height):
            check_aspect(path, width, height, footage)
            resized.append(f"{path.name} {width}x{height}")
        method = cv2.INTER_AREA if width >= masks.size[0] else cv2.INTER_LINEAR
        reduced = cv2.resize(grey / np.float32(white), masks.size, interpolation=method)
        peaks.append(float(grey.max()) if white > 1 else np.inf)  # of integer files
        masks.probability[index] = np.rint(255 * np.clip(reduced, 0, 1))
        let_go(masks.probability)
        masks.known[index] = True
        masks.empty[index] = grey.max() < 0.5 * white
        if grey.min() >= 0.5 * white:
            blank.append(footage.frames[index].name)
    if max(peaks) == 1:
        masks.notes.append("The masks hold nothing but 0 and 1, so 1 is taken as white.")
        return _fill(masks, files, footage, read, labels=True)
    if resized:
        masks.notes.append(
            f"{counted(len(resized), 'mask is', 'masks are')} resized to the footage's {footage.width}x{footage.height} "
            f"({_some(resized)})."
        )
    empty = [footage.frames[index].name for index in np.flatnonzero(masks.empty)]
    if empty:
        masks.notes.append(
            f"{counted(len(empty), 'mask is', 'masks are')} black everywhere ({_some(empty)})."
        )
    if blank:
        masks.notes.append(
            f"{counted(len(blank), 'mask is', 'masks are')} white everywhere ({_some(blank)})."
        )


def grey_of(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """One value a pixel (H, W) float32 of a mask (H, W, C), and the value that is white.

    Alpha where it varies and the rest is no mask: one colour all over, or a picture. Else luminance.
    """
    white = int(np.iinfo(pixels.dtype).max) if np.issubdtype(pixels.dtype, np.integer) else 1
    colour = pixels[..., : 3 if pixels.shape[2] >= 3 else 1]
    if pixels.shape[2] > colour.shape[2]:
        alpha = pixels[..., -1]
        is_mask = (colour == colour[..., :1]).all() and not (colour == colour[0, 0]).all()
        if alpha.min() != alpha.max() and not is_mask:
            return alpha.astype(np.float32), white
    if colour.shape[2] == 1:
        return colour[..., 0].astype(np.float32), white
    if (colour == colour[..., :1]).all():  # exact where nothing is to be weighed
        return colour[..., 0].astype(np.float32), white
    return colour.astype(np.float32) @ LUMINANCE, white


def check_aspect(path: Path, width: int, height: int, footage: Footage) -> None:
    """Raises InputError for a mask of another shape than the footage."""
    ratio = (width / height) / (footage.width / footage.height)
    if abs(ratio - 1) > ASPECT_TOLERANCE:
        raise InputError(
            f"{path} is {width}x{height} but the footage is {footage.width}x{footage.height}, which is "
            "another shape: masks must cover the whole frame"
        )


def reduced_size(footage: Footage, edge: int) -> tuple[int, int]:
    """Width and height of masks whose longer edge is at most `edge`."""
    scale = min(1.0, edge / max(footage.width, footage.height))
    return max(1, round(footage.width * scale)), max(1, round(footage.height * scale))


def _some(names: Sequence[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
