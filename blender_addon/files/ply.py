"""Reads the core's meshes, binary little endian PLY of triangles, without bpy or numpy.

Blender's own importers differ by version, and that of 3.4 takes minutes for a large mesh.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from ..errors import AddonError

_CODES = {
    "char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I",
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "float": "f", "float32": "f", "double": "d", "float64": "d",
}  # fmt: skip


class MeshError(AddonError):
    """A mesh file that cannot be read; the message is for people."""


@dataclass(frozen=True)
class Triangles:
    """xyz: 3 numbers a vertex; rgb: 3 bytes a vertex, sRGB, or none; corners: 3 vertex numbers a triangle."""

    xyz: array[float]
    rgb: bytes
    corners: array[int]


def read_ply(path: Path) -> Triangles:
    """The triangles of a binary little endian PLY. Raises MeshError that names the file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MeshError(f"{path} cannot be read: {error.strerror}.") from error
    elements, at = _header(path, data)
    xyz, rgb, corners = array("f"), b"", array("i")
    for name, count, properties in elements:
        rows = _Rows(data, at, count, properties)
        if len(data) < rows.end:
            raise MeshError(f"{path} ends within its {name} records; write it again.")
        if name == "vertex":
            xyz = rows.interleaved(("x", "y", "z"), "f", path)
            if rows.has("red"):
                rgb = rows.interleaved(("red", "green", "blue"), "B", path).tobytes()
        elif name == "face":
            if rows.has("count") and set(rows.column("count")) - {3}:
                raise MeshError(f"{path} has faces other than triangles, which are not read.")
            corners = rows.interleaved(("0", "1", "2"), "i", path)
        at = rows.end
    if corners and not 0 <= min(corners) <= max(corners) < len(xyz) // 3:
        raise MeshError(f"{path} has a triangle with a corner that is no vertex; write it again.")
    return Triangles(xyz, rgb, corners)


class _Rows:
    """Records of one length, read by columns: slices of bytes, since a loop over a million records takes seconds."""

    def __init__(self, data: bytes, start: int, count: int, properties: list[tuple[str, str]]) -> None:
        self._places: dict[str, tuple[int, str]] = {}
        stride = 0
        for name, code in properties:
            self._places[name] = (stride, code)
            stride += struct.calcsize(f"<{code}")
        self._stride, self._count, self.end = stride, count, start + count * stride
        self._block = data[start : self.end]

    def has(self, name: str) -> bool:
        return name in self._places

    def column(self, name: str) -> array:
        """All values of one property; KeyError where there is none."""
        offset, code = self._places[name]
        size = struct.calcsize(f"<{code}")
        values = bytearray(size * self._count)
        for byte in range(size):
            values[byte::size] = self._block[offset + byte :: self._stride]
        numbers = array(code)
        numbers.frombytes(values)
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def interleaved(self, names: tuple[str, str, str], code: str, path: Path) -> array:
        """Three properties of each record, one after the other. Raises MeshError that names the file."""
        values = array(code, bytes(array(code).itemsize * 3 * self._count))
        try:
            for index, name in enumerate(names):
                values[index::3] = array(code, self.column(name))
        except KeyError as missing:
            raise MeshError(f"{path} lacks the property {missing}.") from None
        except OverflowError:
            raise MeshError(f"{path} has numbers that do not fit; write it again.") from None
        return values


def _header(path: Path, data: bytes) -> tuple[list[tuple[str, int, list[tuple[str, str]]]], int]:
    """Each element's name, count and (property, struct code), and where the records begin.

    A list property becomes its count and three numbers: a triangle.
    """
    end = data.find(b"end_header")
    start = data.find(b"\n", end) + 1
    lines = data[: max(end, 0)].decode("ascii", errors="replace").split("\n")
    if end < 0 or lines[0].strip() != "ply" or "format binary_little_endian 1.0" not in map(str.strip, lines):
        raise MeshError(f"{path} is not a binary little endian PLY file.")
    elements: list[tuple[str, int, list[tuple[str, str]]]] = []
    try:
        for words in (line.split() for line in lines):
            if words[:1] == ["element"]:
                elements.append((words[1], int(words[2]), []))
            elif words[:2] == ["property", "list"]:
                corner = _CODES[words[3]]
                elements[-1][2].extend([("count", _CODES[words[2]]), *((str(i), corner) for i in range(3))])
            elif words[:1] == ["property"]:
                elements[-1][2].append((words[2], _CODES[words[1]]))
    except (KeyError, IndexError, ValueError):
        raise MeshError(f"{path} has a header that cannot be read; write it again.") from None
    return elements, start
