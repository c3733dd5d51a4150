"""What an image file says about itself, and whether it is all there, without decoding its pixels.

Image libraries turn a truncated JPEG into grey and allocate whatever size a header claims, so both are checked
here first. A file is known by its content; its suffix does not count.
"""

from __future__ import annotations

import mmap
import struct
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import OpenImageIO as oiio

from surface_sos_core.errors import InputError
from surface_sos_core.footage import exr, heif

MAX_EDGE = 16384
MAX_PIXELS = 1 << 28


class BadImage(InputError):
    """One file that cannot be used as an image; the message names it."""


class Refused(BadImage):
    """A good file that cannot be used for a reason of its own; the message says the way out."""


class NoDecoder(Refused):
    """One of a kind that a library is missing for."""


@dataclass(frozen=True)
class Header:
    width: int
    height: int
    """Of the pixels as they are stored; of an EXR, of its display window."""
    is_linear: bool
    """Float pixels: scene-linear."""
    is_plain: bool
    """JPEG or PNG of 8 bits: any other program reads it."""
    least_bytes: float = 0.0
    """What such a picture takes in a file at least: smaller ones would be allocated before their lack of data shows."""
    has_palette: bool = False
    """PNG whose pixels are indices into a list of colours."""
    orientation: int = 1
    """EXIF orientation, 1 to 8: how the stored pixels are to be turned to stand upright (see orientation.py)."""
    layer: exr.Layer | None = None
    """Of an EXR, which layer is the picture and which others there are."""
    tags: exr.Tags = field(default_factory=exr.Tags)


def read_header(path: Path, layer: str | None = None) -> Header:
    """Size and kind of one image file; `layer` chooses one of an EXR by its name.

    Raises BadImage where it is broken, cut short or absurdly large, or where it cannot be the picture for a reason of its own.
    """
    try:
        with path.open("rb") as file, closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
            header, size = _parse(data, path, layer), len(data)
            kind = _format_of(data)
    except OSError as error:
        raise BadImage(f"{path} cannot be read ({error.strerror})") from error
    except EOFError as error:
        raise BadImage(f"{path} is cut short") from error
    except heif.NoDecoder as error:
        raise NoDecoder(f"{path} {error}") from error
    except exr.NoPicture as error:
        raise Refused(f"{path} {error}") from error
    except (struct.error, ValueError, IndexError, KeyError) as error:
        # mmap says ValueError for an empty file
        raise BadImage(f"{path} is empty, damaged or not a {KINDS} image") from error
    check_size(path, header.width, header.height)
    if size < header.least_bytes:
        raise BadImage(f"{path} is cut short")
    return replace(header, orientation=_orientation(path)) if kind in _TURNED else header


KINDS = "JPEG, PNG, TIFF, EXR, WebP, AVIF or HEIC"
_TURNED = (
    "jpeg",
    "png",
    "tiff",
    "webp",
)  # formats whose tags may ask for a turn; HEIC and AVIF are decoded upright


def _orientation(path: Path) -> int:
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise BadImage(f"{path} cannot be decoded ({oiio.geterror().partition(chr(10))[0]})")
    turn = source.spec().get_int_attribute("Orientation", 1)
    source.close()
    return turn if 1 <= turn <= 8 else 1


def check_size(path: Path, width: int, height: int) -> None:
    if not (0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE and width * height <= MAX_PIXELS):
        limit = f"{MAX_EDGE} pixels an edge and {MAX_PIXELS / 1e6:.0f} megapixels"
        raise BadImage(f"{path} claims to be {width}x{height}, which is outside the limit of {limit}")


def _format_of(data: mmap.mmap) -> str:
    """By the first bytes; raises ValueError for anything unknown."""
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if data[:4] == exr.MAGIC:
        return "exr"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and bytes(data[8:12]) in heif.BRANDS:
        return "heif"
    raise ValueError("unknown signature")


def _parse(data: mmap.mmap, path: Path, layer: str | None) -> Header:
    match _format_of(data):
        case "jpeg":
            return _parse_jpeg(data)
        case "png":
            return _parse_png(data)
        case "tiff":
            return _parse_tiff(data)
        case "webp":
            return _parse_webp(data)
        case "heif":
            heif.check_complete(data)
            return Header(*heif.size(path), is_linear=False, is_plain=False)
    return _parse_exr(data, layer)


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
    palette = data[25] == 3
    return Header(width, height, is_linear=False, is_plain=depth <= 8, least_bytes=least, has_palette=palette)


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


def _parse_webp(data: mmap.mmap) -> Header:
    """RFC 9649: a RIFF file of one chunk VP8 or VP8L, or of VP8X and further ones."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise EOFError
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (edge & 0x3FFF for edge in struct.unpack_from("<HH", data, 26))
    else:
        raise ValueError("no picture")
    return Header(width, height, is_linear=False, is_plain=False)


def _parse_exr(data: mmap.mmap, wanted: str | None) -> Header:
    layer = exr.picture_layer(data, wanted)
    exr.check_complete(data)
    tags = exr.read_tags(data, layer.part.index)
    window = layer.part.display_window
    for left, top, right, bottom in (layer.part.data_window, layer.part.display_window):
        if max(right - left, bottom - top) >= MAX_EDGE:  # the data window is what gets allocated
            window = (left, top, right, bottom)
    left, top, right, bottom = window
    return Header(right - left + 1, bottom - top + 1, is_linear=True, is_plain=False, layer=layer, tags=tags)
