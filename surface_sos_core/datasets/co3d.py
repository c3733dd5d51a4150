"""CO3D (Reizenstein et al. 2021), both versions: a sequence's folder, with frame_annotations.jgz in the one above.

Cameras are PyTorch3D's: x_camera = x_world R + T in rows, with x to the left, y up, z forward. Focal lengths and
principal point are in normalised device coordinates, which grow to the left and upwards from the image's middle: half
the shorter side is 1 (ndc_isotropic), or half of each side (ndc_norm_image_bounds, and where nothing is said).
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.datasets.dataset import DataSet, View
from surface_sos_core.datasets.parts import below, camera_at, need, pinhole
from surface_sos_core.errors import InputError

_MOST_BYTES = 1 << 30


def read(path: Path) -> DataSet:
    """path: CATEGORY/SEQUENCE. Its masks are a network's, so they are rough masks and not truth."""
    file = need(
        path.resolve().parent / "frame_annotations.jgz", "the annotations, beside the sequence's folder"
    )
    try:
        _check_size(file)
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            entries = json.load(stream)
        own = [entry for entry in entries if entry["sequence_name"] == path.resolve().name]
    except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError, zlib.error) as error:
        raise InputError(f"{file} cannot be read as CO3D's annotations; get the set again.") from error
    if not own:
        raise InputError(f"{file} has no sequence {path.resolve().name}; give the folder of a sequence.")
    root = path.resolve().parents[1]
    views = []
    for entry in own:
        try:
            number, image, mask = int(entry["frame_number"]), entry["image"], entry.get("mask")
            name, (height, width) = image["path"], image["size"]
            camera = _camera(entry["viewpoint"], int(width), int(height), f"{file}, {name}")
            rough = below(root, mask["path"], str(file)) if mask and mask.get("path") else None
            views.append((number, View(below(root, name, str(file)), camera, mask=rough)))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                f"{file} lacks or breaks {error} of a frame of {path.name}; get the set again."
            ) from error
    return DataSet([view for _, view in sorted(views, key=lambda one: one[0])])


def _check_size(file: Path) -> None:
    """Raises ValueError where it unpacks to more than any category's annotations, before anything is kept of it."""
    size = 0
    with gzip.open(file, "rb") as stream:
        while block := stream.read(1 << 20):
            size += len(block)
            if size > _MOST_BYTES:
                raise ValueError(f"it unpacks to more than {_MOST_BYTES / 1e9:.0f} GB")


def _camera(viewpoint: dict[str, Any], width: int, height: int, where: str) -> Camera:
    scale = np.array([width, height]) / 2
    if viewpoint.get("intrinsics_format") == "ndc_isotropic":
        scale = np.full(2, min(width, height) / 2)
    fx, fy = scale * np.array(viewpoint["focal_length"], float)
    cx, cy = np.array([width, height]) / 2 - scale * np.array(viewpoint["principal_point"], float)
    axes = np.array(viewpoint["R"], float) * (-1, -1, 1)  # columns: left, up, forward in the world, turned
    centre = -np.array(viewpoint["R"], float) @ np.array(viewpoint["T"], float)
    return camera_at(pinhole(width, height, fx, fy, cx, cy, where), axes, centre, where)
