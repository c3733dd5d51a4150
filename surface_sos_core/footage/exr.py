"""OpenEXR plates: header and completeness from the bytes, which layer is the picture, and its pixels.

Layout after "OpenEXR File Layout" (openexr.com): magic, version, one header a part, chunk offset tables, chunks.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

MAGIC = b"\x76\x2f\x31\x01"
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000

Window = tuple[int, int, int, int]
"""Left, top, right, bottom; both ends are included."""

BEAUTY = (
    "beauty", "bty", "c", "ci", "color", "colour", "combined", "composite", "default", "final", "image", "main", "plate",
    "primary", "rgb", "rgba",
)  # fmt: skip
"""What renderers and compositors call the picture itself."""

_UTILITY = (
    "albedo", "alpha", "ao", "clean", "coverage", "curvature", "debug", "disparity", "emission", "emit", "env",
    "environment", "facing", "fog", "gi", "id", "indexma", "indexob", "materialid", "mist", "n", "nn", "objectid",
    "occlusion", "p", "pos", "position", "pref", "samplecount", "seen", "shadow", "shadows", "speed", "sss", "st", "stmap",
    "uv", "variance", "vector", "vectors", "velocity", "wire", "z", "zdepth",
)  # fmt: skip
_UTILITY_STARTS = (
    "ambient", "crypto", "denois", "depth", "diff", "gloss", "light", "mask", "matte", "motion", "noisy", "normal",
    "refl", "refr", "spec", "subsurf", "trans", "volume",
)  # fmt: skip


class NoPicture(ValueError):
    """Why an EXR file, whole as it is, gives no picture; the message goes on after the file's name."""


@dataclass(frozen=True)
class Part:
    """Channels of one part of a file, and where they lie."""

    index: int
    channels: tuple[str, ...]
    """Names to read: R G B, or one that stands for grey; alpha after it where the same layer has one."""
    data_window: Window
    """The stored pixels."""
    display_window: Window
    chromaticities: tuple[float, ...] | None


@dataclass(frozen=True)
class Layer:
    """A picture of a file that has one or more."""

    name: str
    """As --layer takes it: the part's and layer's name, or the channels where there is none."""
    part: Part
    rivals: tuple[str, ...]
    """Layers that could as well be the picture."""
    others: tuple[str, ...]
    """All other layers that can be shown."""


@dataclass(frozen=True)
class Tags:
    """What a header says of the footage, beside pixels."""

    pixel_aspect: float = 1.0
    fps: Fraction | None = None
    timecode: tuple[int, int] | None = None
    """SMPTE 12M time and flags, and user data, as OpenEXR packs them."""
    interop_id: str = ""


def picture_layer(data: mmap.mmap, wanted: str | None = None) -> Layer:
    """The layer that is the picture, or the one that is called `wanted`.

    Names of beauty go before others, names of utility passes (depth, normals, occlusion, albedo, ...) come last; colour
    goes before grey, and what is first in the file before what follows. Raises NoPicture, ValueError, struct.error or KeyError.
    """
    headers, _ = _read_headers(data)
    found = [candidate for index in range(len(headers)) for candidate in _candidates(headers, index)]
    if not found:
        raise NoPicture(
            f"has no picture: its channels are {_listed(headers)}, and R, G, B, Y or a single one make one"
        )
    chosen = _named(found, wanted) if wanted else min(found, key=lambda one: (one.rank, not one.colour))
    rivals = [
        one.name
        for one in found
        if one is not chosen and (one.rank, one.colour) == (chosen.rank, chosen.colour)
    ]
    if wanted or not chosen.colour:
        rivals = []
    attributes = headers[chosen.index]
    if chosen.subsampled:
        raise NoPicture("stores luminance and chroma (Y, RY, BY), which are not read: save it as R, G, B")
    primaries = attributes.get("chromaticities")
    part = Part(
        chosen.index,
        chosen.channels,
        struct.unpack("<4i", attributes["dataWindow"]),
        struct.unpack("<4i", attributes.get("displayWindow", headers[0]["displayWindow"])),
        struct.unpack("<8f", primaries) if primaries else None,
    )
    return Layer(chosen.name, part, tuple(rivals), tuple(one.name for one in found if one is not chosen))


def read_tags(data: mmap.mmap, part: int) -> Tags:
    """Tags of a part; those that only the first one has count for all."""
    headers, _ = _read_headers(data)
    attributes = {**headers[0], **headers[part]}
    aspect = (
        struct.unpack("<f", attributes["pixelAspectRatio"])[0] if "pixelAspectRatio" in attributes else 1.0
    )
    rate = struct.unpack("<iI", attributes["framesPerSecond"]) if "framesPerSecond" in attributes else (0, 0)
    time = struct.unpack("<II", attributes["timeCode"]) if "timeCode" in attributes else None
    return Tags(
        aspect if np.isfinite(aspect) and 0.01 < aspect < 100 else 1.0,
        Fraction(*rate) if rate[0] > 0 and rate[1] > 0 else None,
        (time[0], time[1]) if time else None,
        attributes.get("colorInteropID", b"").decode("utf-8", "replace"),
    )


def check_complete(data: mmap.mmap) -> None:
    """Raises EOFError where a chunk is missing or ends after the file does."""
    _, at = _read_headers(data)
    flags = struct.unpack_from("<I", data, 4)[0]
    offsets = []
    first = len(data)
    while at < first:  # the tables end where the first chunk begins
        if at + 8 > len(data):
            raise EOFError
        (offset,) = struct.unpack_from("<Q", data, at)
        if not at < offset < len(data):  # zero: the writer never got there
            raise EOFError
        offsets.append(offset)
        first = min(first, offset)
        at += 8
    # a chunk leads with [part], y or tile x, y and two levels, and its size in bytes
    leader = 4 * bool(flags & _MULTIPART) + (16 if flags & _TILED else 4)
    last = max(offsets)
    if last + leader + 4 > len(data):
        raise EOFError
    if not flags & _MULTIPART:  # parts of one file may mix tiles and lines
        (size,) = struct.unpack_from("<I", data, last + leader)
        if last + leader + 4 + size > len(data):
            raise EOFError


def decode(path: Path, layer: str | None = None, window: Window | None = None) -> np.ndarray:
    """Pixels (H, W, C) float32 of `window` (the display window), C 1 to 4; outside the data window they are 0.

    Colours are as they are stored (see input_space.py). Raises ValueError or RuntimeError.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        part = picture_layer(data, layer).part
    return read_channels(path, part, window)


def read_channels(path: Path, part: Part, window: Window | None = None) -> np.ndarray:
    """The channels of a part as they are stored, (H, W, C) float32 of `window` (the display window).

    Raises ValueError or RuntimeError.
    """
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise RuntimeError(oiio.geterror())
    try:
        names = list(source.spec(part.index, 0).channelnames)
        at = [names.index(name) for name in part.channels]
        pixels = source.read_image(part.index, 0, min(at), max(at) + 1, oiio.FLOAT)
        error = source.geterror()
    finally:
        source.close()
    if pixels is None or error:
        raise RuntimeError(error or "its pixels cannot be read")
    left, top, right, bottom = part.data_window
    pixels = pixels.reshape(bottom - top + 1, right - left + 1, -1)
    chosen = pixels[..., [channel - min(at) for channel in at]]
    return _placed(chosen, part.data_window, window or part.display_window)


@dataclass(frozen=True)
class _Candidate:
    """Channels that make a picture. rank: 0 is called like the picture itself, 1 like nothing known, 2 like a utility pass."""

    index: int
    name: str
    channels: tuple[str, ...]
    rank: int
    subsampled: bool = False

    @property
    def colour(self) -> bool:
        return len(self.channels) >= 3 or self.subsampled


def _candidates(headers: Sequence[dict[str, bytes]], index: int) -> list[_Candidate]:
    """The pictures of a part, those of no layer first."""
    sampling = _channels(headers[index]["channels"])
    part_name = (
        headers[index].get("name", b"").rstrip(b"\0").decode("utf-8", "replace") if len(headers) > 1 else ""
    )
    layers: dict[str, dict[str, str]] = {}
    for name in sampling:
        layer, _, letter = name.rpartition(".")
        layers.setdefault(layer, {}).setdefault(_LETTERS.get(letter.lower(), letter.lower()), name)
    found = []
    for layer in sorted(layers):
        letters = layers[layer]
        wanted = _picture_of(letters, alone=len(sampling) == 1 and len(headers) == 1)
        if wanted is None:
            continue
        channels = tuple(
            letters[letter] for letter in (*wanted, *(["a"] if "a" in letters and "a" not in wanted else []))
        )
        chroma = "y" in wanted and "ry" in letters and "by" in letters
        if any(sampling[name] != (1, 1) for name in channels) and not chroma:
            continue
        title = layer if layer.startswith(part_name) else f"{part_name}.{layer}" if layer else part_name
        name = title or "".join(channel.rpartition(".")[2] for channel in channels).upper()
        found.append(_Candidate(index, name, channels, _rank(title), chroma))
    return found


_LETTERS = {"red": "r", "green": "g", "blue": "b", "alpha": "a"}


def _picture_of(letters: dict[str, str], alone: bool) -> tuple[str, ...] | None:
    if all(letter in letters for letter in "rgb"):
        return ("r", "g", "b")
    if "y" in letters and "x" not in letters and "z" not in letters:  # no position or normal
        return ("y",)
    if "r" in letters and "g" not in letters and "b" not in letters:
        return ("r",)
    return tuple(letters) if alone else None


def _rank(title: str) -> int:
    last = re.split(r"[.:/]", title)[-1].strip().lower()
    if not last or last in BEAUTY:
        return 0
    return 2 if last in _UTILITY or last.startswith(_UTILITY_STARTS) else 1


def _listed(headers: Sequence[dict[str, bytes]], most: int = 8) -> str:
    names = [name for attributes in headers for name in _channels(attributes["channels"])]
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _named(found: Sequence[_Candidate], wanted: str) -> _Candidate:
    for same in (
        [one for one in found if one.name == wanted],
        [one for one in found if one.name.lower() == wanted.lower()],
        [one for one in found if one.name.lower().endswith("." + wanted.lower())],
    ):
        if len(same) == 1:
            return same[0]
    raise NoPicture(
        f"has no layer {wanted}, or several of that name: give --layer one of {', '.join(one.name for one in found)}"
    )


def _placed(pixels: np.ndarray, data_window: Window, window: Window) -> np.ndarray:
    left, top, right, bottom = window
    x, y = data_window[0] - left, data_window[1] - top
    width, height = right - left + 1, bottom - top + 1
    if data_window == window:
        return np.ascontiguousarray(pixels)
    framed = np.zeros((height, width, pixels.shape[2]), np.float32)
    inside = pixels[max(-y, 0) : max(height - y, 0), max(-x, 0) : max(width - x, 0)]
    framed[max(y, 0) : max(y, 0) + inside.shape[0], max(x, 0) : max(x, 0) + inside.shape[1]] = inside
    return framed


def _read_headers(data: mmap.mmap) -> tuple[list[dict[str, bytes]], int]:
    """Attributes of every part by name, and where the headers end."""
    flags = struct.unpack_from("<I", data, 4)[0]
    if flags & _DEEP:
        raise NoPicture("holds deep pixels, which are not read: flatten it")
    at = 8
    headers: list[dict[str, bytes]] = []
    while True:
        attributes: dict[str, bytes] = {}
        while data[at]:
            name, at = _read_name(data, at)
            _, at = _read_name(data, at)
            (size,) = struct.unpack_from("<I", data, at)
            if at + 4 + size > len(data):
                raise EOFError
            attributes[name] = data[at + 4 : at + 4 + size]
            at += 4 + size
            if at >= len(data):
                raise EOFError
        at += 1
        if attributes:
            headers.append(attributes)
        if not attributes or not flags & _MULTIPART:
            return headers, at


def _read_name(data: mmap.mmap, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at, at + 256)
    if end < 0:
        raise ValueError("a name without an end")
    return data[at:end].decode("utf-8", "surrogateescape"), end + 1


def _channels(chlist: bytes) -> dict[str, tuple[int, int]]:
    """Sampling in x and y by name, of a chlist attribute: a name ends with a zero, then come type, flags and sampling."""
    channels = {}
    at = 0
    while chlist[at]:
        end = chlist.index(b"\0", at)
        channels[chlist[at:end].decode("utf-8", "surrogateescape")] = struct.unpack_from(
            "<2i", chlist, end + 9
        )
        at = end + 17
    return channels
