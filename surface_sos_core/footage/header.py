"""What an image file says about itself, and whether it is all there, without decoding its pixels.

Image libraries turn a truncated JPEG into grey and allocate whatever size a header claims, so both are checked
here first. A file is known by its content; its suffix does not count.
"""

from __future__ import annotations

import mmap
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from surface_sos_core.errors import InputError
from surface_sos_core.footage import exr

MAX_EDGE = 16384
MAX_PIXELS = 1 << 28


class BadImage(InputError):
    """One file that cannot be used as an image; the message names it."""


@dataclass(frozen=True)
class Header:
    width: int
    height: int
    is_linear: bool
    """Float pixels: scene-linear."""
    is_plain: bool
    """JPEG or PNG of 8 bits: any other program reads it."""
    least_bytes: float = 0.0
    """What such a picture takes in a file at least: smaller ones would be allocated before their lack of data shows."""


def read_header(path: Path) -> Header:
    """Size and kind of one image file; raises BadImage where it is broken, cut short or absurdly large."""
    try:
        with path.open("rb") as file, closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
            header, size = _parse(data), len(data)
    except OSError as error:
        raise BadImage(f"{path} cannot be read ({error.strerror})") from error
    except EOFError as error:
        raise BadImage(f"{path} is cut short") from error
    except (struct.error, ValueError, IndexError, KeyError) as error:
        # mmap says ValueError for an empty file
        raise BadImage(f"{path} is empty, damaged or not a JPEG, PNG, TIFF or EXR image") from error
    check_size(path, header.width, header.height)
    if size < header.least_bytes:
        raise BadImage(f"{path} is cut short")
    return header


def check_size(path: Path, width: int, height: int) -> None:
    if not (0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE and width * height <= MAX_PIXELS):
        limit = f"{MAX_EDGE} pixels an edge and {MAX_PIXELS / 1e6:.0f} megapixels"
        raise BadImage(f"{path} claims to be {width}x{height}, which is outside the limit of {limit}")


def _parse(data: mmap.mmap) -> Header:
    if data[:3] == b"\xff\xd8\xff":
        return _parse_jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _parse_png(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _parse_tiff(data)
    if data[:4] == exr.MAGIC:
        return _parse_exr(data)
    raise ValueError("unknown signature")


def _parse_jpeg(data: mmap.mmap) -> Header:
    """Marker segments up to the first scan (ITU T.81, annex B)."""
    size: tuple[int, int] | None = None
    huffman = True
    at = 2
    while True:
        if at + 4 > len(data):
            raise EOFError
        if data[at] != 0xFF:
            raise ValueError("no marker where one must be")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            size = struct.unpack_from(">HH", data, at + 5)
            huffman = marker < 0xC8
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    if size is None:
        raise ValueError("no frame header")
    # Inside a scan 0xFF is always escaped, so this can only be the end marker; cameras may append more after it.
    if data.rfind(b"\xff\xd9", at) < 0:
        raise EOFError
    least = size[0] * size[1] / 512 if huffman else 0.0  # a bit for each block of 8x8
    return Header(width=size[1], height=size[0], is_linear=False, is_plain=True, least_bytes=least)


def _parse_png(data: mmap.mmap) -> Header:
    length, kind, width, height, depth = struct.unpack_from(">I4sIIB", data, 8)
    if kind != b"IHDR" or length != 13:
        raise ValueError("no IHDR")
    if data.rfind(b"\0\0\0\0IEND") < 0:
        raise EOFError
    least = width * height * depth / 8 / 1040  # deflate makes nothing smaller than by 1032
    return Header(width, height, is_linear=False, is_plain=depth <= 8, least_bytes=least)


def _parse_tiff(data: mmap.mmap) -> Header:
    """First directory of a TIFF 6.0 or BigTIFF file; every strip or tile has to end inside the file."""
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in (data[2], data[3])
    count_code, entry_size, word = ("Q", 20, "Q") if big else ("H", 12, "I")
    (directory,) = struct.unpack_from(order + word, data, 8 if big else 4)
    if directory + 2 > len(data):  # writers put the directory last
        raise EOFError
    (count,) = struct.unpack_from(order + count_code, data, directory)
    first = directory + struct.calcsize(count_code)
    if first + count * entry_size > len(data):
        raise EOFError

    def values(entry: int) -> tuple[int, ...]:
        kind, number = struct.unpack_from(order + "H" + word, data, entry + 2)
        code = {1: "B", 3: "H", 4: "I", 16: "Q"}[kind]
        size = number * struct.calcsize("<" + code)
        at = entry + 4 + struct.calcsize(word)
        if size > struct.calcsize(word):
            (at,) = struct.unpack_from(order + word, data, at)
        if at + size > len(data):
            raise EOFError
        return struct.unpack_from(f"{order}{number}{code}", data, at)

    entries = {}
    for entry in range(first, first + count * entry_size, entry_size):
        entries[struct.unpack_from(order + "H", data, entry)[0]] = entry
    tiled = 324 in entries
    offsets = values(entries[324 if tiled else 273])
    sizes = values(entries[325 if tiled else 279])
    if max(offset + size for offset, size in zip(offsets, sizes, strict=True)) > len(data):
        raise EOFError
    is_float = 339 in entries and values(entries[339])[0] == 3
    return Header(values(entries[256])[0], values(entries[257])[0], is_linear=is_float, is_plain=False)


def _parse_exr(data: mmap.mmap) -> Header:
    part = exr.colour_part(data)
    exr.check_complete(data)
    for left, top, right, bottom in (part.data_window, part.display_window):
        if max(right - left, bottom - top) >= MAX_EDGE:  # the data window is what gets allocated
            return Header(right - left + 1, bottom - top + 1, is_linear=True, is_plain=False)
    left, top, right, bottom = part.display_window
    return Header(right - left + 1, bottom - top + 1, is_linear=True, is_plain=False)
