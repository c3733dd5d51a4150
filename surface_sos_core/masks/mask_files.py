"""What files of masks mean: one reading for all files of a source, since single ones cannot tell.

A frame in which the object is not seen looks like any other black, white or transparent picture; only together do files
show that it is alpha that counts, that 255 is white though the files have 16 bits, or that 1 and 2 are two objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage.header import read_header
from surface_sos_core.footage.image import decode

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec.709
_GREY = 24 / 255  # channels of grey masks differ by no more where JPEG has stored them
_PEAKS = (255, 1023, 4095, 16383)  # white of masks that were kept in more bits than they have
_MOST_LABELS = 64
_LEAST_SHARE = 5e-4  # of all pixels; rarer colours are edges between others
_COVERED = 0.9  # of all pixels, by the colours of a coloured matte
_MOST_COLOURS = 32  # of a matte; what has more is a picture
_BORDER = 3  # pixels; seams of void that surround labels are no wider than twice this
_SEAM = 0.1  # of white: as much of it may be solid where it is nothing but seams
_EXTREME = 0.05  # of white: values so near to black or white are one of them ..
_MOSTLY = 0.9  # .. in this share of a mask
_APART = 0.02  # of white: grey and alpha that differ by less in the mean are the same mask
_VARIES = 0.01  # of white, by alpha that is a mask
_BRIGHT = 0.78  # of white: labels of objects are darker
_OFF_HUE = 1.5  # of 15 steps of each channel, from the line of one hue ..
_FEW_OFF = 0.02  # .. by this share of its pixels
_LISTED = 8
_NAMES = {
    "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0), "cyan": (0, 255, 255),
    "magenta": (255, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0), "orange": (255, 128, 0),
}  # fmt: skip


@dataclass(frozen=True)
class MaskPicture:
    """pixels: (H, W, C) as image.decode gives them, or (H, W, 1) uint8 indices into `palette` (N, 3) uint8.

    orientation: the EXIF orientation of its file.
    """

    pixels: np.ndarray
    palette: np.ndarray | None = None
    orientation: int = 1


@dataclass(frozen=True)
class Reading:
    """How the files of a source become masks. By what: alpha, level (of grey), colour or label.

    white: of levels, the value that is the object; of None, that of the pixels' type. chosen: the labels, or the colours
    (8 bits a channel), that are the object; others: the other colours. note: what is to be said of it.
    """

    by: str
    white: float | None = None
    chosen: tuple[int, ...] | tuple[tuple[int, ...], ...] = ()
    others: tuple[tuple[int, ...], ...] = ()
    note: str = ""

    def probability(self, picture: MaskPicture) -> np.ndarray:
        """(H, W) float32 in [0, 1]."""
        pixels = picture.pixels
        if self.by == "label":
            labels = pixels[..., 0] if picture.palette is not None else np.rint(_grey(pixels))
            return np.isin(labels, self.chosen).astype(np.float32)
        if picture.palette is not None:
            pixels = picture.palette[pixels[..., 0]]
        white = _white(pixels)
        if self.by == "alpha" and pixels.shape[2] in (2, 4):
            return pixels[..., -1].astype(np.float32) / white
        if self.by == "colour":
            return self._by_colour(_colour(pixels) / np.float32(white / 255))
        level = _grey(pixels) / np.float32(self.white or white)
        return np.clip(level, 0, 1)

    def _by_colour(self, colour: np.ndarray) -> np.ndarray:
        wanted = np.array(self.chosen, np.float32)
        if not self.others:  # one colour on black, in whatever strength
            return np.clip(colour @ wanted[0] / (wanted[0] @ wanted[0]), 0, 1)
        apart = [np.abs(colour - np.array(one, np.float32)).sum(axis=-1) for one in (*wanted, *self.others)]
        return (np.argmin(apart, axis=0) < len(wanted)).astype(np.float32)


@dataclass
class Facts:
    """What the files of a source hold, taken together."""

    files: int = 0
    indexed: int = 0
    levels: Counter[float] = field(default_factory=Counter)
    """Pixels by their grey value or, of indexed files, by their index."""
    shades: set[tuple[int, ...]] = field(default_factory=set)
    """Colours of the palettes that are in use."""
    peak: float = 0.0
    white: float = 1.0
    solid_white: int = 0
    """Pixels of 255 further than _BORDER from any other: thin seams around labels have none."""
    coloured: int = 0
    """Files that are not grey."""
    colours: Counter[tuple[int, ...]] = field(default_factory=Counter)
    """Pixels by their colour, to 4 bits a channel; only of files that are not grey."""
    with_alpha: int = 0
    alpha_low: float = 1.0
    alpha_high: float = 0.0
    grey_masks: int = 0
    """Files with alpha whose colour is a mask of its own: black and white, and another one than alpha."""

    def add(self, picture: MaskPicture) -> None:
        """Take one more file into account."""
        pixels = picture.pixels
        self.files += 1
        if picture.palette is not None:
            self.indexed += 1
            self.white = 255
            indices, counts = np.unique(pixels, return_counts=True)
            self.levels.update(dict(zip(indices.tolist(), counts.tolist(), strict=True)))
            self.shades |= {tuple(shade) for shade in picture.palette[indices].tolist()}
            return
        white = _white(pixels)
        self.white = max(self.white, white)
        grey = _is_grey(pixels, white)
        level = _grey(pixels)
        if pixels.shape[2] in (2, 4):
            self._add_alpha(pixels[..., -1] / white, level / white, grey)
        self.peak = max(self.peak, float(level.max()))
        if len(self.levels) <= _MOST_LABELS + 1:
            values, counts = np.unique(level, return_counts=True)
            self.levels.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self.solid_white += int(
            cv2.erode((level == 255).astype(np.uint8), np.ones((2 * _BORDER + 1,) * 2)).sum()
        )
        if not grey:
            self.coloured += 1
            self._add_colours(_colour(pixels) / white)

    def _add_alpha(self, alpha: np.ndarray, level: np.ndarray, grey: bool) -> None:
        self.with_alpha += 1
        self.alpha_low = min(self.alpha_low, float(alpha.min()))
        self.alpha_high = max(self.alpha_high, float(alpha.max()))
        extreme = float(((level < _EXTREME) | (level > 1 - _EXTREME)).mean())
        varies = level.max() - level.min() > 0.5
        self.grey_masks += bool(
            grey and varies and extreme > _MOSTLY and np.abs(level - alpha).mean() > _APART
        )

    def _add_colours(self, colour: np.ndarray) -> None:
        bins = np.rint(np.clip(colour, 0, 1) * 15).astype(np.int64)
        packed, counts = np.unique(bins[..., 0] << 8 | bins[..., 1] << 4 | bins[..., 2], return_counts=True)
        for one, count in zip(packed.tolist(), counts.tolist(), strict=True):
            self.colours[one >> 8, one >> 4 & 15, one & 15] += count

    @property
    def alpha_counts(self) -> bool:
        """Whether alpha is the mask: it is neither opaque nor transparent everywhere, and the colours are no masks."""
        return (
            self.with_alpha > 0
            and self.alpha_high - self.alpha_low > _VARIES
            and 2 * self.grey_masks < self.with_alpha
        )


def read_mask(path: Path) -> MaskPicture:
    """The pixels of a file, of a PNG with a palette its indices. Raises BadImage."""
    header = read_header(path)
    if not header.has_palette:
        return MaskPicture(decode(path), None, header.orientation)
    decode(path)  # refuses what is damaged, which Pillow may not
    from PIL import Image

    with Image.open(path) as picture:
        if picture.mode != "P":
            return MaskPicture(decode(path), None, header.orientation)
        colours = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
        indices = np.asarray(picture)[..., None]
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    return MaskPicture(indices, palette, header.orientation)


def reading_of(pictures: Iterable[MaskPicture], pick: str | None, where: str) -> Reading:
    """The one reading of all files; `where` is what they are called in messages.

    pick: a label's number, a colour (its name or #rrggbb), or several of these with commas between. Raises InputError, which
    says what the files hold, where one is needed or where it is not there.
    """
    facts = Facts()
    for picture in pictures:
        facts.add(picture)
    if facts.indexed == facts.files and facts.files and not _are_greys(facts.shades):
        return _of_labels(facts, pick, where, "the palette's ")
    if facts.alpha_counts and pick is None:
        return Reading("alpha")
    if facts.coloured:
        return _of_colours(facts, pick, where)
    if not facts.indexed and (_has_labels(facts) or (pick is not None and len(facts.levels) <= _MOST_LABELS)):
        return _of_labels(facts, pick, where, "")
    if pick is not None:
        raise InputError(
            f"There is nothing to pick {pick} from in {where}, which holds grey masks: leave --pick away."
        )
    return _of_levels(facts)


def _white(pixels: np.ndarray) -> float:
    return float(np.iinfo(pixels.dtype).max) if np.issubdtype(pixels.dtype, np.integer) else 1.0


def _colour(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 without alpha."""
    return pixels[..., : 3 if pixels.shape[2] >= 3 else 1].astype(np.float32) * np.ones(3, np.float32)


def _is_grey(pixels: np.ndarray, white: float) -> bool:
    """Whether it has no colour, but for the noise of JPEG in a pixel here and there."""
    if pixels.shape[2] < 3:
        return True
    colour = pixels[..., :3]
    spread = colour.max(axis=-1).astype(np.float32) - colour.min(axis=-1)
    return bool((spread > _GREY * white).mean() < _LEAST_SHARE)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """(H, W) float32; exact where nothing is to be weighed."""
    colour = pixels[..., : 3 if pixels.shape[2] >= 3 else 1]
    if colour.shape[2] == 1 or (colour == colour[..., :1]).all():
        return colour[..., 0].astype(np.float32)
    return colour.astype(np.float32) @ LUMINANCE


def _are_greys(shades: set[tuple[int, ...]]) -> bool:
    return all(max(shade) - min(shade) <= 2 for shade in shades)


def _has_labels(facts: Facts) -> bool:
    """Whether the values are numbers of objects: a few that are whole and far from white, or with white for what is void."""
    values = sorted(value for value in facts.levels if value)
    if not 1 <= len(values) <= _MOST_LABELS or any(value != round(value) for value in values):
        return False
    if len(values) == 1 or values[-1] < _BRIGHT * facts.white:
        return values[-1] != facts.white
    labelled = sum(facts.levels[value] for value in values[:-1])
    seams = facts.solid_white < _SEAM * facts.levels[255]
    return values[-1] == 255 and values[-2] <= _MOST_LABELS and labelled > facts.levels[255] and seams


def _of_levels(facts: Facts) -> Reading:
    if facts.white == 65535 and 0 < facts.peak <= 255:
        white = 255.0
    elif facts.peak in _PEAKS and facts.white not in (255, facts.peak):
        white = facts.peak
    else:
        return Reading("level")
    note = f"The masks go no further than {facts.peak:.0f} of {facts.white:.0f}, so {white:.0f} is taken as white."
    return Reading("level", white, note=note)


def _of_labels(facts: Facts, pick: str | None, where: str, whose: str) -> Reading:
    labels = {int(value): count for value, count in sorted(facts.levels.items()) if value}
    if pick is not None:
        return Reading(
            "label", chosen=tuple(_label(word, {0, *labels}, where, whose) for word in pick.split(","))
        )
    void = 255 if 255 in labels and len(labels) > 1 and max(labels) == 255 else 0
    objects = {label: count for label, count in labels.items() if label != void}
    if len(objects) == 1:
        (label,) = objects
        told = f"The masks hold nothing but 0 and {label}, so {label} is taken as white."
        if void:
            told = (
                f"The masks hold 0, {label} and 255: {label} is taken as the object, and 255 as what is none."
            )
        return Reading("label", chosen=(label,), note=told)
    total = sum(facts.levels.values())
    shares = ", ".join(
        f"{label} ({100 * count / total:.2g} %)" for label, count in list(objects.items())[:_LISTED]
    )
    more = ", ..." if len(objects) > _LISTED else ""
    raise InputError(
        f"The masks in {where} tell {len(objects)} objects apart by {whose}numbers {shares}{more}: choose by --pick NUMBER, or "
        f"several as --pick {','.join(str(label) for label in list(objects)[:2])}."
    )


def _label(word: str, known: set[int], where: str, whose: str) -> int:
    text = word.strip()
    if not text.isascii() or not text.isdigit() or int(text) not in known:
        told = ", ".join(str(label) for label in sorted(known)[:_LISTED])
        raise InputError(f"Nothing in {where} is called {text}; the files know {whose}numbers {told}.")
    return int(text)


def _of_colours(facts: Facts, pick: str | None, where: str) -> Reading:
    total = sum(facts.colours.values())
    majors = _majors(facts.colours, total)
    shown = [one for one in majors if max(one) > 1]
    if pick is None and shown and _is_one_hue(facts.colours, shown[0], total):
        brightest = max((one for one in facts.colours if facts.colours[one] > _LEAST_SHARE * total), key=max)
        return Reading("colour", chosen=(_full(brightest),), note=f"White of the masks is {_hex(brightest)}.")
    if sum(majors.values()) < _COVERED * total or len(majors) > _MOST_COLOURS:
        raise InputError(
            f"{facts.coloured} of {facts.files} masks in {where} are pictures in colour, which tell no object: give masks of "
            "white on black, or pictures with alpha."
        )
    told = ", ".join(
        f"{_hex(one)} ({100 * count / total:.2g} %)" for one, count in list(majors.items())[:_LISTED]
    )
    if pick is None:
        raise InputError(
            f"The masks in {where} are mattes of {len(majors)} colours, {told}: choose by --pick COLOUR, or several as --pick "
            f"{','.join(_hex(one) for one in shown[:2])}."
        )
    chosen = [_nearest(word, majors, where, told) for word in pick.split(",")]
    others = tuple(_full(one) for one in majors if one not in chosen)
    return Reading("colour", chosen=tuple(_full(one) for one in chosen), others=others or ((0, 0, 0),))


def _majors(colours: Counter[tuple[int, ...]], total: int) -> dict[tuple[int, ...], int]:
    """The colours that are more than edges, with their pixels, those next to them included."""
    majors: dict[tuple[int, ...], int] = {}
    for one, count in colours.most_common():
        near = next((m for m in majors if max(abs(a - b) for a, b in zip(m, one, strict=True)) <= 1), None)
        if near is not None:
            majors[near] += count
        elif count >= _LEAST_SHARE * total:
            majors[one] = count
    return majors


def _is_one_hue(colours: Counter[tuple[int, ...]], hue: tuple[int, ...], total: int) -> bool:
    """Whether nearly all pixels are darker or brighter versions of one colour."""
    axis = np.array(hue, float) / np.linalg.norm(hue)
    points, counts = np.array(list(colours), float), np.array(list(colours.values()))
    away = np.linalg.norm(points - np.outer(points @ axis, axis), axis=1)
    return float(counts[away > _OFF_HUE].sum()) < _FEW_OFF * total


def _nearest(word: str, majors: dict[tuple[int, ...], int], where: str, told: str) -> tuple[int, ...]:
    text = word.strip().lower()
    digits = text.removeprefix("#")
    wanted: Sequence[int] | None = _NAMES.get(text)
    if wanted is None and len(digits) == 6 and all(digit in "0123456789abcdef" for digit in digits):
        wanted = tuple(bytes.fromhex(digits))
    if wanted is not None:
        apart = {one: max(abs(a - b) for a, b in zip(_full(one), wanted, strict=True)) for one in majors}
        nearest = min(apart, key=lambda one: apart[one])
        if apart[nearest] <= 48:
            return nearest
    raise InputError(f"Nothing in {where} has the colour {word.strip()}; the files know {told}.")


def _full(one: tuple[int, ...]) -> tuple[int, ...]:
    """8 bits a channel from 4."""
    return tuple(17 * value for value in one)


def _hex(one: tuple[int, ...]) -> str:
    return "#" + "".join(f"{value:02x}" for value in _full(one))
