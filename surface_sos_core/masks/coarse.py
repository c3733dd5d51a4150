"""Coarse masks from files: which frame each belongs to, and what it says.

White is the object. A frame without a file is unknown, never background. Nothing is dropped in silence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.footage.frame_stack import let_go, temporary_frames
from surface_sos_core.footage.header import KINDS
from surface_sos_core.footage.sequence import list_images
from surface_sos_core.masks.mask_files import MaskPicture, Reading, read_mask, reading_of
from surface_sos_core.masks.turned import brought_back, drawn_upright
from surface_sos_core.pairing import pair
from surface_sos_core.settings import CoarseSettings
from surface_sos_core.wording import counted

ASPECT_TOLERANCE = 0.01


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

    files_without: list[str] = field(default_factory=list)
    """Names of files that belong to no frame."""

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

    def between(self) -> Callable[[int], np.ndarray] | None:
        """Gives (h, w) bool of each frame: its mask, or all that the nearest ones before and after hold. None without any."""
        told = np.flatnonzero(self.known & ~self.empty)
        if not len(told):
            return None

        def inside(i: int) -> np.ndarray:
            after = int(np.searchsorted(told, i))
            around = [i] if i in told else told[max(after - 1, 0) : after + 1].tolist()
            return np.asarray((self.probability[around] > 127).any(axis=0))

        return inside

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the reduced masks."""
        return self.probability.shape[2], self.probability.shape[1]


def load_masks(
    folder: str | Path,
    footage: Footage,
    settings: CoarseSettings,
    warn: Callable[[str], None] = warnings.warn,
    pick: str | None = None,
    read: Callable[[Path], np.ndarray] | None = None,
) -> CoarseMasks:
    """Reads the masks of some or all frames of `footage` from a folder of images.

    A mask belongs to the frame with the same name; where no name fits, numbers decide (see pairing.pair). `warn` gets one
    sentence about each thing that is odd. pick: a label or colour that is the object (see mask_files.reading_of). read:
    gives the mask (H, W, 1) in [0, 1] of a file that is read in another way.

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
    names = {index: path.name for index, path in files.items()}
    if read is not None:
        picked = read
        masks = fill_masks(
            footage, settings, names, lambda i: MaskPicture(picked(files[i])), str(folder), Reading("level")
        )
    else:
        masks = fill_masks(footage, settings, names, lambda i: read_mask(files[i]), str(folder), pick=pick)
    masks.notes = [*notes, *masks.notes]
    masks.files_without = [path.name for path in paths if path not in files.values()]
    for note in masks.notes:
        warn(note)
    return masks


def _match(paths: Sequence[Path], footage: Footage, folder: Path, notes: list[str]) -> dict[int, Path]:
    """The mask of each frame that has one, by position."""
    by_stem: dict[str, Path] = {}
    for path in paths:
        twin = by_stem.setdefault(path.stem, path)
        if twin is not path:
            raise InputError(f"{twin.name} and {path.name} are both masks of {path.stem}: remove one of them")
    pairs = pair(footage.frames, [path.name for path in paths], footage.counted)
    files = {index: paths[found[0]] for index, found in pairs.of.items()}
    if not files:
        raise InputError(
            f"No mask in {folder} belongs to a frame: masks are named like {paths[0].name}, frames like "
            f"{footage.frames[0].file}; give each mask the name of its frame"
        )
    if pairs.by_number:
        position, path = next(iter(files.items()))
        how = ", counted from the first mask's number" if pairs.shifted else ""
        notes.append(
            f"Masks are matched to frames by number since no name fits{how}: "
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


def fill_masks(
    footage: Footage,
    settings: CoarseSettings,
    names: dict[int, str],
    read: Callable[[int], MaskPicture],
    where: str,
    reading: Reading | None = None,
    pick: str | None = None,
) -> CoarseMasks:
    """Masks of the frames (by position) that are in `names`, with notes on what is odd about them.

    read: the picture of a frame's mask; where: what they are called in messages. The reading is found from all of them
    where it is not given. Raises InputError.
    """
    masks = CoarseMasks.unknown(len(footage.frames), reduced_size(footage, settings.edge))
    sizes: dict[int, tuple[int, int]] = {}
    turns: dict[int, tuple[int, int]] = {}

    def looked_at(index: int) -> MaskPicture:
        picture = read(index)
        sizes[index] = (picture.pixels.shape[1], picture.pixels.shape[0])
        frame = footage.headers[index].orientation if footage.headers else 1
        turns[index] = (picture.orientation, frame)
        return picture

    pictures = (looked_at(index) for index in names)
    if reading is None:
        reading = reading_of(pictures, pick, where)
    else:
        for _ in pictures:
            pass
    told = reading
    order = list(names)
    turn = drawn_upright(
        [turns[index] for index in order],
        [sizes[index] for index in order],
        (footage.width, footage.height),
        lambda at: (told.probability(read(order[at])), footage.read_display(order[at])),
        where,
    )
    if turn:
        masks.notes.append(
            f"The masks in {where} were drawn on frames turned by their EXIF orientation, so they are turned back to how the "
            "frames are stored."
        )
    if reading.note:
        masks.notes.append(reading.note)
    resized, blank = [], []
    for index, name in names.items():
        mask = reading.probability(read(index))
        mask = brought_back(mask, *turns[index]) if turn else mask
        mask = _framed(np.ascontiguousarray(mask), footage)
        height, width = mask.shape
        if (width, height) != (footage.width, footage.height):
            check_aspect(Path(where) / name, width, height, footage)
            resized.append(f"{name} {width}x{height}")
        method = cv2.INTER_AREA if width >= masks.size[0] else cv2.INTER_LINEAR
        masks.put(index, cv2.resize(mask, masks.size, interpolation=method))
        masks.empty[index] = mask.max() < 0.5
        if mask.min() >= 0.5:
            blank.append(footage.frames[index].name)
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
    return masks


def _framed(mask: np.ndarray, footage: Footage) -> np.ndarray:
    """A mask of the display window alone, brought to what the plate stores around it: there it goes on as at its edge."""
    left, top, right, bottom = footage.display_window
    if mask.shape != (bottom - top + 1, right - left + 1) or mask.shape == (footage.height, footage.width):
        return mask
    beyond = (top, footage.height - 1 - bottom, left, footage.width - 1 - right)
    return cv2.copyMakeBorder(mask, *beyond, cv2.BORDER_REPLICATE)


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
