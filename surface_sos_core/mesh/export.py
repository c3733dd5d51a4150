"""The mesh as PLY and GLB, with normals and vertex colours.

Both files hold the vertices exactly in the coordinates given, which are the camera model's world. glTF
declares its +Y axis to be up and importers turn it (Blender makes it +Z), so a GLB lines up with the cameras
only after that turn is undone; the PLY needs nothing.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from surface_sos_core.files import write_atomically
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.mesh.extract import Mesh, vertex_normals

_PLY_VERTEX = np.dtype(
    [(name, "<f4") for name in ("x", "y", "z", "nx", "ny", "nz")]
    + [(name, "u1") for name in ("red", "green", "blue")]
)
_PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", (3,))])
_PLY_TYPES = {"<f4": "float", "|u1": "uchar"}


def write_ply(path: Path, mesh: Mesh, colours: np.ndarray) -> None:
    """Write a binary little endian PLY; `colours` is (V, 3) uint8, sRGB-encoded. Whole or not at all."""
    _check(mesh, colours)
    vertices = np.empty(len(mesh.vertices), _PLY_VERTEX)
    values = np.concatenate([mesh.vertices, vertex_normals(mesh), colours], axis=1)
    for column, name in enumerate(_PLY_VERTEX.names or ()):
        vertices[name] = values[:, column]
    faces = np.empty(len(mesh.faces), _PLY_FACE)
    faces["count"], faces["corners"] = 3, mesh.faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(vertices)}",
        *(f"property {_PLY_TYPES[_PLY_VERTEX[name].str]} {name}" for name in _PLY_VERTEX.names or ()),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    with write_atomically(path) as partial, partial.open("wb") as file:
        file.write(("\n".join(header) + "\n").encode("ascii"))
        file.write(vertices.tobytes())
        file.write(faces.tobytes())


def write_glb(path: Path, mesh: Mesh, colours: np.ndarray) -> None:
    """Write a binary glTF 2.0; `colours` is (V, 3) uint8, sRGB-encoded. Whole or not at all.

    COLOR_0 is linear by the format's definition, so the colours are decoded, to 16 bits that keep the dark
    ones apart.
    """
    _check(mesh, colours)
    linear = np.ones((len(colours), 4))
    linear[:, :3] = srgb_decode(colours / np.float32(255))
    positions = mesh.vertices.astype("<f4")
    # Name, content, component type (5126 float, 5123 ushort, 5125 uint), shape, buffer target.
    parts = [
        ("POSITION", positions, 5126, "VEC3", 34962),
        ("NORMAL", vertex_normals(mesh).astype("<f4"), 5126, "VEC3", 34962),
        ("COLOR_0", np.round(linear * 65535).astype("<u2"), 5123, "VEC4", 34962),
        ("indices", mesh.faces.reshape(-1).astype("<u4"), 5125, "SCALAR", 34963),
    ]
    views, accessors, offset = [], [], 0
    for index, (name, content, component, shape, target) in enumerate(parts):
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": content.nbytes, "target": target})
        accessor = {"bufferView": index, "componentType": component, "count": len(content), "type": shape}
        if name == "POSITION" and len(positions):
            accessor |= {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()}
        accessors.append(accessor | ({"normalized": True} if component == 5123 else {}))
        offset += content.nbytes
    primitive = {
        "attributes": {name: index for index, (name, *_) in enumerate(parts[:3])},
        "indices": 3,
        "material": 0,
    }
    document = {
        "asset": {"version": "2.0", "generator": "surface-sos"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "object", "mesh": 0}],
        "meshes": [{"name": "object", "primitives": [primitive]}],
        # The colours hold the light already: no metal, no gloss.
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": offset}],
    }
    text = json.dumps(document).encode("ascii")
    text += b" " * (-len(text) % 4)
    body = b"".join(content.tobytes() for _, content, *_ in parts)  # every part is a multiple of 4 bytes
    with write_atomically(path) as partial, partial.open("wb") as file:
        file.write(b"glTF" + struct.pack("<II", 2, 12 + 8 + len(text) + 8 + len(body)))
        file.write(struct.pack("<I", len(text)) + b"JSON" + text)
        file.write(struct.pack("<I", len(body)) + b"BIN\0" + body)


def _check(mesh: Mesh, colours: np.ndarray) -> None:
    if colours.shape != (len(mesh.vertices), 3) or colours.dtype != np.uint8:
        raise ValueError(
            f"colours are {colours.dtype} {colours.shape}, expected uint8 {(len(mesh.vertices), 3)}"
        )
