"""Which camera of a model belongs to which frame of the footage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.errors import InputError
from surface_sos_core.pairing import NamedFrame, Pairs, nearest_folder, pair
from surface_sos_core.wording import counted

_LISTED = 8


class NamedFrames(Protocol):
    """Footage as matching needs it: see footage.Footage."""

    @property
    def frames(self) -> Sequence[NamedFrame]: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def display_window(self) -> tuple[int, int, int, int]: ...
    @property
    def folder(self) -> Path: ...
    @property
    def counted(self) -> bool: ...


def match_cameras(
    model: CameraModel, footage: NamedFrames, warn: Callable[[str], None]
) -> list[Camera | None]:
    """The camera of every frame, None where the model has none; lenses fit the footage's size.

    A frame's camera is the image of its name (see pairing.pair), of several that of the folder that the footage lies in.
    For a movie, whose frames' names are ours, numbers decide where all frames find an image by them. Images without a frame, frames without an image
    and a rescaled lens are told to `warn`. Raises InputError where nothing matches, two images match one frame, or the model's
    images have another shape than the footage.
    """
    names = list(model.cameras)
    pairs = _pairs(names, footage)
    chosen = [
        _only(names, pairs.of.get(i, []), frame.file, footage) for i, frame in enumerate(footage.frames)
    ]
    used = {i for i in chosen if i is not None}
    if pairs.by_number:
        first = next(i for i in chosen if i is not None)
        warn(
            "Images of the camera model are matched to frames by number since no name fits: "
            f"{names[first]} belongs to {footage.frames[chosen.index(first)].name}."
        )
    unused = [name for i, name in enumerate(names) if i not in used]
    if unused:
        warn(
            f"{counted(len(unused), 'image')} of the camera model left out, not in the footage: {listed(unused)}."
        )
    missing = [f.file for f, i in zip(footage.frames, chosen, strict=True) if i is None]
    if missing:
        warn(
            f"{counted(len(missing), 'frame has', 'frames have')} no camera and no layers: {listed(missing)}."
        )
    lenses: dict[Lens, Lens] = {}
    cameras: list[Camera | None] = []
    for i in chosen:
        if i is None:
            cameras.append(None)
            continue
        camera = model.cameras[names[i]]
        if camera.lens not in lenses:
            lenses[camera.lens] = _fitting(camera, footage.width, footage.height, warn)
        cameras.append(replace(camera, lens=lenses[camera.lens]))
    return cameras


def check_parallax(model: CameraModel, least_spread: float) -> None:
    """Refuse cameras that all stand in one place: within `least_spread` of the distance to the points."""
    centres = np.array([camera.centre for camera in model.cameras.values()])
    spread = float(np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())
    away = 1.0
    if len(model.points):
        away = float(np.median(np.linalg.norm(model.points.xyz - centres.mean(axis=0), axis=1)))
    if spread < least_spread * away:
        raise InputError(
            "All cameras of the model stand in one place; the method needs parallax: walk around the object."
        )


def listed(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _pairs(names: list[str], footage: NamedFrames) -> Pairs:
    """Raises InputError where nothing matches."""
    pairs = pair(footage.frames, names, footage.counted)
    whole = footage.counted and len(pairs.of) == len(footage.frames)
    if not pairs.of or (pairs.by_number and not whole):
        raise InputError(
            f"no image of the camera model matches a frame: the model has {names[0]}, "
            f"the footage {footage.frames[0].file}; names must agree but for the extension."
        )
    return pairs


def _only(names: list[str], found: list[int], file: str, footage: NamedFrames) -> int | None:
    """The one of the images that match a frame; rigs keep their cameras apart by folders."""
    if len(found) > 1:
        found = nearest_folder(names, found, footage.folder.absolute().parts)
    if len(found) > 1:
        both = " and ".join(names[i] for i in found[:2])
        raise InputError(
            f"frame {file} matches the images {both} of the camera model; image names, or the folders that they and the frames "
            "lie in, must tell frames apart."
        )
    return found[0] if found else None


def framed_model(model: CameraModel, footage: NamedFrames) -> CameraModel:
    """A model of the display window alone, brought to frames that store more around it (see Footage.display_window).

    Lenses of that shape count from another corner then, and so does where their images have seen points. Others stay.
    """
    left, top, right, bottom = footage.display_window
    width, height = right - left + 1, bottom - top + 1
    if (width, height) == (footage.width, footage.height):
        return model
    cameras, scale = [], np.ones((len(model.cameras), 2))
    shift = np.zeros((len(model.cameras), 2))
    for i, camera in enumerate(model.cameras.values()):
        lens = camera.lens
        if (lens.width, lens.height) != (footage.width, footage.height) and _same_shape(lens, width, height):
            scale[i], shift[i] = (width / lens.width, height / lens.height), (left, top)
            lens = lens.scaled(width, height).framed(-left, -top, footage.width, footage.height)
        cameras.append(replace(camera, lens=lens))
    seen_in = model.points.track_image
    points = replace(model.points, track_xy=model.points.track_xy * scale[seen_in] + shift[seen_in])
    return CameraModel({camera.name: camera for camera in cameras}, points)


def _fitting(camera: Camera, width: int, height: int, warn: Callable[[str], None]) -> Lens:
    """The camera's lens for frames of `width` x `height`."""
    lens = camera.lens
    if (lens.width, lens.height) != (width, height):
        if not _same_shape(lens, width, height):
            raise InputError(
                f"the camera model's image {camera.name} is {lens.width}x{lens.height} but the frames are "
                f"{width}x{height}, another shape; use the camera model of these frames."
            )
        warn(
            f"the camera model is for {lens.width}x{lens.height} images and the frames are {width}x{height}; "
            "its lens is rescaled."
        )
        lens = lens.scaled(width, height)
    if not np.isfinite(lens.unproject(_grid(width, height))).all():
        warn(
            f"the lens of {camera.name} does not reach all of its image; "
            "pixels beyond its reach get no layers."
        )
    return lens


def _same_shape(lens: Lens, width: int, height: int) -> bool:
    """Up to the rounding of either size to whole pixels."""
    away = abs(lens.height * width / lens.width - height), abs(lens.width * height / lens.height - width)
    return min(away) <= 1.0


def _grid(width: int, height: int) -> np.ndarray:
    """(81, 2) pixels spread over the image, corners included."""
    x, y = np.meshgrid(np.linspace(0.5, width - 0.5, 9), np.linspace(0.5, height - 0.5, 9))
    return np.stack((x.ravel(), y.ravel()), axis=1)
