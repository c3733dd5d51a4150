"""The layer file of a frame: one multilayer EXR, as a compositor reads it.

One part, scanlines, ZIP compression. Channels, all of the plate's size:

    R G B A                      foreground, premultiplied, half; A is the matte
    clean.R clean.G clean.B      clean plate, half
    seen.V                       1 = background seen in some frame, 0 = invented, half
    depth.Z                      distance to the image plane, world units, float; 1e10 = no surface
    normal.X normal.Y normal.Z   world space, half
    shadow.R shadow.G shadow.B   the object's shadow as a factor (1 = none, or not told), half: clean / shadow is the plate
                                 without it

Colours are in the scene-linear space of the plate, which the header names; it also takes over the plate's windows, pixel aspect, frame rate and time code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from surface_sos_core.errors import InputError
from surface_sos_core.files import system_error, write_atomically
from surface_sos_core.footage import Footage, timecode
from surface_sos_core.footage.colour import LINEAR_REC709, LinearSpace, named_space, space_of
from surface_sos_core.footage.exr import Tags, Window

NO_DEPTH = 1e10
"""Depth of a pixel without a surface."""

HALF_MAX = 65504.0
"""The largest finite half; what lies above is clamped to it, since infinities spread in a compositor."""

_CHANNELS = {
    "foreground": ("R", "G", "B", "A"),
    "clean": ("clean.R", "clean.G", "clean.B"),
    "seen": ("seen.V",),
    "depth": ("depth.Z",),
    "normal": ("normal.X", "normal.Y", "normal.Z"),
}

_SHADOW = {"shadow": ("shadow.R", "shadow.G", "shadow.B")}


@dataclass
class FrameLayers:
    """Everything that is written for one frame; arrays are float32, colour is scene-linear in `space`."""

    foreground: np.ndarray
    """(H, W, 4) premultiplied RGBA."""
    clean: np.ndarray
    """(H, W, 3) clean plate."""
    seen: np.ndarray
    """(H, W), 1 where some frame saw the background."""
    depth: np.ndarray
    """(H, W) distance to the image plane in world units, 1e10 where there is no surface."""
    normal: np.ndarray
    """(H, W, 3) unit normals in world space, 0 where there is no surface."""
    space: LinearSpace = LINEAR_REC709
    shadow: np.ndarray | None = None
    """(H, W, 3) what the object's shadow leaves of the light, 1 where there is none; None where it is not told apart."""

    @property
    def without_shadow(self) -> np.ndarray:
        """(H, W, 3) the clean plate without the object's shadow, as far as that is known."""
        return self.clean if self.shadow is None else self.clean / np.maximum(self.shadow, 1e-3)

    def in_rec709(self) -> FrameLayers:
        """The same in scene-linear Rec.709."""
        foreground = self.foreground.copy()
        foreground[..., :3] = self.space.in_rec709(foreground[..., :3])
        return replace(
            self, foreground=foreground, clean=self.space.in_rec709(self.clean), space=LINEAR_REC709
        )

    def over(self, background: np.ndarray) -> np.ndarray:
        """(H, W, 3) the foreground over a background (H, W, 3), or of one colour (3,); over `clean` it is the plate."""
        return self.foreground[..., :3] + (1 - np.clip(self.foreground[..., 3:], 0, 1)) * background


@dataclass(frozen=True)
class PlateHeader:
    """What the layers of a frame take over from its plate."""

    tags: Tags
    origin: tuple[int, int]
    """Where their first pixel lies in the plate's own coordinates."""
    display_window: Window
    """Left, top, right, bottom (both included) of the picture proper, counted from their first pixel."""

    @staticmethod
    def of(footage: Footage, index: int) -> PlateHeader:
        """Of frame `index` of the footage."""
        return PlateHeader(footage.tags(index), footage.origin, footage.display_window)


def write_layers(
    path: Path,
    layers: FrameLayers,
    frame_number: int,
    plate: PlateHeader | None = None,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write one frame's layers to `path`, whole or not at all.

    Values that a half cannot hold are clamped to +-65504. `frame_number` becomes the header's `imageCounter`; `plate` says
    what else the frame's own header has told, `notes` are attributes of ours.
    Raises ValueError when the arrays' shapes do not fit together, and OSError where the disk does not take the file.
    """
    height, width = layers.depth.shape
    channels: dict[str, np.ndarray] = {}
    for layer, names in (_CHANNELS | _SHADOW).items():
        pixels = getattr(layers, layer)
        if pixels is None:
            continue
        shape = (height, width) if len(names) == 1 else (height, width, len(names))
        if pixels.shape != shape:
            raise ValueError(f"layer {layer} has shape {pixels.shape}, expected {shape}")
        for index, name in enumerate(names):
            plane = pixels if len(names) == 1 else pixels[..., index]
            channels[name] = _as_float(plane) if layer == "depth" else _as_half(plane)
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": layers.space.chromaticities,
        **({"colorInteropID": layers.space.interop_id} if layers.space.interop_id else {}),
        "imageCounter": frame_number,
        "software": "surface-sos",
        **(notes or {}),
        **(_attributes(plate, width, height) if plate is not None else {}),
    }
    # The binding replaces the values of the dict it is given, so it gets one of its own.
    with write_atomically(path) as partial, OpenEXR.File(header, channels) as file:
        try:
            file.write(str(partial))
        except RuntimeError as error:
            raise system_error(error, path) from error


def _attributes(plate: PlateHeader, width: int, height: int) -> dict[str, Any]:
    x, y = plate.origin
    left, top, right, bottom = plate.display_window
    attributes: dict[str, Any] = {
        "pixelAspectRatio": plate.tags.pixel_aspect,
        "dataWindow": _corners(x, y, x + width - 1, y + height - 1),
        "displayWindow": _corners(x + left, y + top, x + right, y + bottom),
    }
    if plate.tags.fps is not None:
        attributes["framesPerSecond"] = plate.tags.fps
    if plate.tags.timecode is not None:
        code = OpenEXR.TimeCode()
        code.hours, code.minutes, code.seconds, code.frame = timecode.fields(plate.tags.timecode)
        code.dropFrame = timecode.drops_frames(plate.tags.timecode)
        attributes["timeCode"] = code
    return attributes


def _corners(left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


def read_layers(path: Path) -> FrameLayers:
    """Read the layers of one frame. Raises InputError that names the file and what is missing in it."""
    if not path.is_file():
        raise InputError(f"{path} does not exist: run the layers stage again")
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            planes = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
            space = _space(file.header())
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as an EXR file: write it again ({error})") from error
    read: dict[str, np.ndarray] = {}
    shadow = _SHADOW if "shadow.R" in planes else {}
    for layer, names in (_CHANNELS | shadow).items():
        missing = [name for name in names if name not in planes]
        if missing:
            raise InputError(
                f"{path} has no channel {', '.join(missing)}: write it again by the layers stage"
            )
        parts = [planes[name].astype(np.float32) for name in names]
        read[layer] = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
    return FrameLayers(**read, space=space)


def _space(header: dict[str, Any]) -> LinearSpace:
    """What a layer file says that its colours are in. Raises ValueError for chromaticities that are none."""
    interop_id = str(header.get("colorInteropID", ""))
    known = named_space(interop_id)
    if known is None and "chromaticities" in header:
        known = space_of(tuple(map(float, header["chromaticities"])), interop_id, interop_id)
    return known or LINEAR_REC709


def _as_half(plane: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.clip(plane, -HALF_MAX, HALF_MAX), dtype=np.float16)


def _as_float(plane: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(plane, dtype=np.float32)
