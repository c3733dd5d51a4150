"""Strokes of the Annotate tool in the clip editor as rough outlines of the object, as the core's box:FILE takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from ..errors import AddonError
from ..files.writing import write_if_changed
from . import mask_files

_LEAST_POINTS = 3  # of an outline


def of_clip(clip: bpy.types.MovieClip) -> Any | None:
    """The clip's annotation, by the name of before and since Blender 5.0."""
    return getattr(clip, "annotation", None) or getattr(clip, "grease_pencil", None)


def export(clip: bpy.types.MovieClip, file: Path) -> Path:
    """Write the outlines, each stroke closed by a straight line, on the frames that they were drawn on; returns `file`.

    What is hidden does not count. AddonError where nothing is drawn on a frame of the footage.
    """
    frames = mask_files.frames_of_clip(clip)
    width, height = frames.size
    entries = []
    annotation = of_clip(clip)
    for number, stroke in strokes([] if annotation is None else annotation.layers):
        # points of the clip editor: shares of the frame's width and height, from its bottom left corner
        corners = [[point.co[0] * width, (1 - point.co[1]) * height] for point in stroke.points]
        if len(corners) >= _LEAST_POINTS and number in frames.names:
            entries.append({"frame": frames.names[number], "outline": corners})
    if not entries:
        raise AddonError(
            f"No annotation is drawn around the object on a frame of {clip.name}: "
            "draw one in the clip editor with the Annotate tool."
        )
    write_if_changed(file, json.dumps(entries).encode())
    return file


def strokes(layers: Iterable[Any]) -> list[tuple[int, Any]]:
    """All strokes of an annotation's layers that are shown, each with its scene frame, in the order of frames."""
    keys = [key for layer in layers if not _hidden(layer) for key in layer.frames]
    return [
        (key.frame_number, s) for key in sorted(keys, key=lambda key: key.frame_number) for s in key.strokes
    ]


def _hidden(layer: Any) -> bool:
    return bool(getattr(layer, "annotation_hide", False) or getattr(layer, "hide", False))
