"""OpenEXR plates: header and completeness from the bytes, pixels by the OpenEXR package.

Layout after "OpenEXR File Layout" (openexr.com): magic, version, one header a part, chunk offset tables, chunks.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR

from surface_sos_core.footage.colour import to_rec709

MAGIC = b"\x76\x2f\x31\x01"
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000

Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class Part:
    """The part of a file whose colour is used."""

    index: int
    channels: tuple[str, ...]
    """Names to read: R G B, or one that stands for grey; alpha after it where the same layer has one."""
    data_window: Window
    """Left, top, right, bottom of the stored pixels, both ends included."""
    display_window: Window
    chromaticities: tuple[float, ...] | None


def colour_part(data: mmap.mmap) -> Part:
    """The first part with colour; raises ValueError, struct.error or KeyError where there is none."""
    headers, _ = _read_headers(data)
    for index, attributes in enumerate(headers):
        channels = _colour_channels(_channel_names(attributes["channels"]))
        if channels:
            primaries = attributes.get("chromaticities")
            return Part(
                index,
                channels,
                struct.unpack("<4i", attributes["dataWindow"]),
                struct.unpack("<4i", attributes.get("displayWindow", headers[0]["displayWindow"])),
                struct.unpack("<8f", primaries) if primaries else None,
            )
    raise ValueError("no channels R G B, Y or a single one")


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


def decode(path: Path) -> np.ndarray:
    """Pixels (H, W, C) float32 of the display window, C 1 to 4; outside the data window they are 0.

    RGB is converted to Rec.709 primaries where the file names others. Raises ValueError or RuntimeError.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        part = colour_part(data)
    pixels = read_channels(path, part)
    if part.chromaticities and len(part.channels) >= 3:
        matrix = to_rec709(part.chromaticities)
        if matrix is not None:
            pixels[..., :3] = pixels[..., :3] @ matrix.T.astype(np.float32)
    return pixels


def read_channels(path: Path, part: Part) -> np.ndarray:
    """The channels of a part as they are stored, (H, W, C) float32 of the display window; ValueError, RuntimeError."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        stored = file.channels(part.index)
        planes = [np.asarray(stored[name].pixels, np.float32) for name in part.channels]
    left, top, right, bottom = part.data_window
    if any(plane.shape != (bottom - top + 1, right - left + 1) for plane in planes):
        raise ValueError("channels of fewer pixels than the image are not supported")
    return _to_display_window(np.stack(planes, axis=-1), part)


def _to_display_window(pixels: np.ndarray, part: Part) -> np.ndarray:
    left, top, right, bottom = part.display_window
    x, y = part.data_window[0] - left, part.data_window[1] - top
    width, height = right - left + 1, bottom - top + 1
    framed = np.zeros((height, width, pixels.shape[2]), np.float32)
    inside = pixels[max(-y, 0) : max(height - y, 0), max(-x, 0) : max(width - x, 0)]
    framed[max(y, 0) : max(y, 0) + inside.shape[0], max(x, 0) : max(x, 0) + inside.shape[1]] = inside
    return framed


def _read_headers(data: mmap.mmap) -> tuple[list[dict[str, bytes]], int]:
    """Attributes of every part by name, and where the headers end."""
    flags = struct.unpack_from("<I", data, 4)[0]
    if flags & _DEEP:
        raise ValueError("deep pixels are not supported")
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


def _channel_names(chlist: bytes) -> list[str]:
    """Names of a chlist attribute: each ends with a zero and 16 bytes on its type and sampling follow."""
    names = []
    at = 0
    while chlist[at]:
        end = chlist.index(b"\0", at)
        names.append(chlist[at:end].decode("utf-8", "surrogateescape"))
        at = end + 17
    return names


def _colour_channels(names: list[str]) -> tuple[str, ...]:
    """The channels that make the picture: of no layer first, else of the first layer that has them."""
    layers = sorted({name.rpartition(".")[0] for name in names})
    if {"RY", "BY"} & set(names) and "R" not in names:
        raise ValueError("luminance and chroma are not supported")
    for wanted in (["R", "G", "B"], ["Y"]):
        for layer in layers:
            prefix = f"{layer}." if layer else ""
            if all(prefix + letter in names for letter in wanted):
                alpha = ["A"] if prefix + "A" in names else []
                return tuple(prefix + letter for letter in [*wanted, *alpha])
    return (names[0],) if len(names) == 1 else ()
