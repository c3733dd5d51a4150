"""EXR mattes by name: objects of Cryptomatte, or a layer or channel.

"Cryptomatte Specification" 1.2 (Friedman and Jones 2015): ids are MurmurHash3 of names, stored as floats; each pixel
has ranks of (id, coverage), two in each of NAME00, NAME01, ..; a manifest in the header, or beside the file, tells names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from surface_sos_core.errors import InputError
from surface_sos_core.footage.exr import Part, read_channels
from surface_sos_core.footage.header import check_size

_LAYER_ENDS = ("", ".A", ".V", ".Y", ".R")


class Picker:
    """Reads the matte of one object, or of all whose names fit a pattern such as car*."""

    def __init__(self, pick: str) -> None:
        self.pick = pick
        self._names: set[str] = set()
        self._found = False

    def read(self, path: Path) -> np.ndarray:
        """(H, W, 1) float32; 0 everywhere where this file has no such object. Raises InputError for any other file."""
        try:
            with OpenEXR.File(str(path), separate_channels=True, header_only=True) as file:
                headers = [part.header for part in file.parts]  # gone when the file is closed
                for header in headers:
                    for name in ("dataWindow", "displayWindow"):
                        left, top, right, bottom = _window(header.get(name, headers[0][name]))
                        check_size(path, right - left + 1, bottom - top + 1)
                channels = [[channel.name for channel in header["channels"]] for header in headers]
                matte = self._picked(path, headers, channels)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path} cannot be read as an EXR matte ({' '.join(str(error).split())}); --pick wants EXR files."
            ) from error
        return np.clip(matte, 0, 1)[..., None]

    def check(self, folder: Path) -> None:
        """Raises InputError where no file had it."""
        if not self._found:
            known = sorted(self._names)
            told = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "") or "no names at all"
            raise InputError(f"Nothing in {folder} is called {self.pick}; the files know {told}.")

    def _is_picked(self, name: str, manifest: dict[str, int]) -> bool:
        """By the name itself where there is one of it, so that brackets in names are no pattern."""
        return name == self.pick if self.pick in manifest else fnmatchcase(name, self.pick)

    def _picked(self, path: Path, headers: list[dict[str, Any]], channels: list[list[str]]) -> np.ndarray:
        windows = headers[0]
        for index, (header, names) in enumerate(zip(headers, channels, strict=True)):
            part = Part(index, (), _window(header["dataWindow"]), _window(windows["displayWindow"]), None)
            for layer, manifest in _mattes(path, header):
                self._names |= set(manifest)
                ids = {
                    _bits(name_id) for name, name_id in manifest.items() if self._is_picked(name, manifest)
                }
                self._found |= bool(ids)
                ids |= set() if manifest else {_bits(murmur3(self.pick.encode()))}
                matte = _coverage(path, part, layer, names, ids)
                if not manifest and matte.any():
                    self._found = True
                if ids and (manifest or matte.any()):
                    return matte
            for end in _LAYER_ENDS:
                if self.pick + end in names:
                    self._found = True
                    return read_channels(path, _with(part, (self.pick + end,)))[..., 0]
            self._names |= {name for name in names if not re.search(r"\d\d\.[rgbaRGBA]$", name)}
        left, top, right, bottom = _window(windows["displayWindow"])
        return np.zeros((bottom - top + 1, right - left + 1), np.float32)


def murmur3(data: bytes) -> int:
    """MurmurHash3_x86_32 (Appleby 2011, public domain) with seed 0."""
    mask = 0xFFFFFFFF
    value = 0
    for at in range(0, len(data), 4):
        block = int.from_bytes(data[at : at + 4], "little") * 0xCC9E2D51 & mask
        value ^= (block << 15 | block >> 17) * 0x1B873593 & mask
        if at + 4 <= len(data):
            value = ((value << 13 | value >> 19) * 5 + 0xE6546B64) & mask
    value ^= len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & mask
    value = (value ^ value >> 13) * 0xC2B2AE35 & mask
    return value ^ value >> 16


def _bits(name_id: int) -> int:
    """The id as the bits of a float that is neither denormal nor infinite nor nan."""
    return name_id ^ 1 << 23 if name_id >> 23 & 255 in (0, 255) else name_id


def _mattes(path: Path, header: dict[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    """Layer and manifest of each Cryptomatte of a part."""
    for key, layer in header.items():
        place = re.fullmatch(r"cryptomatte/([^/]+)/name", key)
        if place is None:
            continue
        text = header.get(f"cryptomatte/{place[1]}/manifest")
        beside = header.get(f"cryptomatte/{place[1]}/manif_file")
        if text is None and beside:
            text = (path.parent / Path(beside).name).read_text(encoding="utf-8")
        yield layer, {name: int(name_id, 16) for name, name_id in json.loads(text or "{}").items()}


def _coverage(path: Path, part: Part, layer: str, names: list[str], ids: set[int]) -> np.ndarray:
    """(H, W) summed coverage of the ids over all ranks."""
    ranks: dict[str, dict[str, str]] = {}
    for name in names:
        place = re.fullmatch(re.escape(layer) + r"(\d\d)\.([rgbaRGBA])", name)
        if place:
            ranks.setdefault(place[1], {})[place[2].lower()] = name
    if not ranks:
        raise ValueError(f"the layer {layer} of its Cryptomatte is not there")
    wanted = np.array(sorted(ids), np.uint32)
    total: Any = 0.0
    for rank in ranks.values():
        r, g, b, a = np.moveaxis(read_channels(path, _with(part, tuple(rank[c] for c in "rgba"))), -1, 0)
        for name_id, coverage in ((r, g), (b, a)):
            total = total + coverage * np.isin(np.ascontiguousarray(name_id).view(np.uint32), wanted)
    return np.asarray(total, np.float32)


def _with(part: Part, channels: tuple[str, ...]) -> Part:
    return Part(part.index, channels, part.data_window, part.display_window, None)


def _window(bounds: Any) -> tuple[int, int, int, int]:
    (left, top), (right, bottom) = bounds
    return int(left), int(top), int(right), int(bottom)
