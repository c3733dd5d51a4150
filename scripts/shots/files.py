"""Files of truth: grey pictures, meshes, COLMAP cameras. NumPy alone, no bpy."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_grey(file: Path, values: np.ndarray) -> None:
    """An 8-bit grey PNG of values in [0, 1], with no colour management in between."""
    rows = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    height, width = rows.shape
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    file.write_bytes(data)


def write_mesh(file: Path, vertices: np.ndarray, corners: np.ndarray) -> None:
    """Triangles (M, 3) of vertices (N, 3) in world units as binary PLY."""
    triangles = np.zeros(len(corners), [("count", "u1"), ("corners", "<i4", 3)])
    triangles["count"], triangles["corners"] = 3, corners
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    file.write_bytes(header.encode() + vertices.astype("<f4").tobytes() + triangles.tobytes())


def write_cameras(
    folder: Path,
    names: Sequence[str],
    poses: Sequence[Sequence[float]],
    size: tuple[int, int],
    focals: Sequence[float],
) -> None:
    """A COLMAP text model: PINHOLE, pixel centres at (x + 0.5, y + 0.5), a camera for each focal length, in pixels.

    poses: for each image the quaternion (w, x, y, z) and the translation from world to camera (y down, z forward).
    """
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    lenses = {focal: number for number, focal in enumerate(dict.fromkeys(focals), start=1)}
    rows = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]"]
    for focal, number in lenses.items():
        rows.append(f"{number} PINHOLE {width} {height} {focal!r} {focal!r} {width / 2!r} {height / 2!r}")
    (folder / "cameras.txt").write_text("\n".join(rows) + "\n")
    lines = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of 2D points"]
    for i, (name, pose, focal) in enumerate(zip(names, poses, focals, strict=True), start=1):
        lines += [f"{i} " + " ".join(f"{v:.9g}" for v in pose) + f" {lenses[focal]} {name}", ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    (folder / "points3D.txt").write_text("# POINT3D_ID X Y Z R G B ERROR TRACK[]\n")
