"""Which camera of a model belongs to which frame of the footage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.errors import InputError
from surface_sos_core.wording import counted

_LISTED = 8


class NamedFrame(Protocol):
    """A frame as matching needs it: see footage.Frame."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...


class NamedFrames(Protocol):
    """Footage as matching needs it: see footage.Footage."""

    @property
    def frames(self) -> Sequence[NamedFrame]: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


def match_cameras(
    model: CameraModel, footage: NamedFrames, warn: Callable[[str], None]
) -> list[Camera | None]:
    """The camera of every frame, None where the model has none; lenses fit the footage's size.

    A frame's camera is the image of the same file name, else the one of the same stem; folders in image names
    do not matter. Images without a frame, frames without an image and a rescaled lens are told to `warn`.
    Raises InputError where nothing matches, two images match one frame, or the model's images have another
    shape than the footage.
    """
    images = [PurePosixPath(name.replace("\\", "/")) for name in model.cameras]
    by_file = _group(image.name for image in images)
    by_stem = _group(image.stem for image in images)
    names = list(model.cameras)
    chosen: list[int | None] = []
    for frame in footage.frames:
        found = by_file.get(frame.file) or by_stem.get(frame.name, [])
        if len(found) > 1:
            both = " and ".join(names[i] for i in found[:2])
            raise InputError(
                f"frame {frame.file} matches the images {both} of the camera model; "
                "image names must tell frames apart."
            )
        chosen.append(found[0] if found else None)
    used = {i for i in chosen if i is not None}
    if not used:
        raise InputError(
            f"no image of the camera model matches a frame: the model has {names[0]}, "
            f"the footage {footage.frames[0].file}; names must agree but for the extension."
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


def listed(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _group(keys: Iterable[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return groups


def _fitting(camera: Camera, width: int, height: int, warn: Callable[[str], None]) -> Lens:
    """The camera's lens for frames of `width` x `height`."""
    lens = camera.lens
    if (lens.width, lens.height) != (width, height):
        # the same shape up to the rounding of either size to whole pixels
        if (
            min(
                abs(lens.height * width / lens.width - height), abs(lens.width * height / lens.height - width)
            )
            > 1.0
        ):
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


def _grid(width: int, height: int) -> np.ndarray:
    """(81, 2) pixels spread over the image, corners included."""
    x, y = np.meshgrid(np.linspace(0.5, width - 0.5, 9), np.linspace(0.5, height - 0.5, 9))
    return np.stack((x.ravel(), y.ravel()), axis=1)
