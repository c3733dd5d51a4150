"""What every data set becomes: frames, a camera for each, and masks, mattes or a box where it has them.

OUT/images/         the frames, their pixels untouched
OUT/cameras/        a COLMAP text model without points
OUT/masks/          rough masks
OUT/truth/matte/    mattes that are taken as true
OUT/box.json        the scene box
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.cameras import Box, Camera, CameraModel, Points, box_to_json, write_model
from surface_sos_core.errors import InputError
from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.footage.image import decode
from surface_sos_core.frame_numbers import last_number
from surface_sos_core.masks.mask_files import Reading, read_mask, reading_of


@dataclass(frozen=True)
class View:
    """A frame. camera: None where the set has none, its name does not matter; mask, truth: images of white on black."""

    image: Path
    camera: Camera | None
    mask: Path | None = None
    truth: Path | None = None
    alpha_is_truth: bool = False
    """The image's own alpha is the matte."""


@dataclass(frozen=True)
class DataSet:
    """views: in the order of the frames; box: where the set tells one; notes: what the user should know."""

    views: list[View]
    box: Box | None = None
    notes: tuple[str, ...] = ()


def write_shot(dataset: DataSet, out: Path, progress: Callable[[int, int], None]) -> None:
    """Write it to `out`, all of it or nothing. progress gets (done, total) frames.

    Raises InputError where `out` is not empty, and what `check` does.
    """
    out = Path(os.path.abspath(out))  # a name of its own, which . has not
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out} is not empty; choose an empty or new folder for --out.")
    check(dataset)
    masks = _reading([view.mask for view in dataset.views])
    truth = _reading([view.truth for view in dataset.views])
    partial = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        (partial / "images").mkdir(parents=True)
        cameras = {}
        for done, (view, name) in enumerate(zip(dataset.views, _names(dataset.views), strict=True), start=1):
            shutil.copyfile(view.image, partial / "images" / name)
            if view.camera is not None:
                cameras[name] = replace(view.camera, name=name)
            stem = Path(name).stem
            _write_matte(view.mask, masks, partial / "masks" / f"{stem}.png")
            _write_matte(view.truth, truth, partial / "truth" / "matte" / f"{stem}.png")
            if view.alpha_is_truth:
                _write_alpha(view.image, partial / "truth" / "matte" / f"{stem}.png")
            progress(done, len(dataset.views))
        write_model(CameraModel(cameras, Points.empty()), partial / "cameras")
        if dataset.box is not None:
            (partial / "box.json").write_text(json.dumps(box_to_json(dataset.box), indent=1))
        if out.is_dir():
            out.rmdir()
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def without_missing(dataset: DataSet) -> DataSet:
    """The set without the views whose image is not there, which a note names; raises InputError where most are missing."""
    lost = [view.image for view in dataset.views if not is_there(view.image)]
    if not lost:
        return dataset
    if 2 * len(lost) > len(dataset.views):
        raise InputError(
            f"{lost[0]} is missing from the set, as are {len(lost)} of its {len(dataset.views)} images; get the whole set."
        )
    names = ", ".join(path.name for path in lost[:5]) + (", ..." if len(lost) > 5 else "")
    note = f"{len(lost)} of {len(dataset.views)} images are missing from the set and left out ({names})."
    gone = set(lost)
    views = [view for view in dataset.views if view.image not in gone]
    return DataSet(views, dataset.box, (*dataset.notes, note))


def check(dataset: DataSet) -> None:
    """Raises InputError where fewer than two views have cameras, or a view's image is missing, cannot be read, or has
    another size than its camera or the other views."""
    if sum(view.camera is not None for view in dataset.views) < 2:
        raise InputError("Fewer than two frames of the set have cameras; the method needs some dozens.")
    first = None
    for view in dataset.views:
        for path in (view.mask, view.truth):
            if path is not None and not is_there(path):
                raise InputError(f"{path} is missing from the set; get the whole set.")
        width, height = image_size(view.image)
        first = first or (view.image, width, height)
        if (width, height) != first[1:]:
            raise InputError(
                f"{view.image} is {width}x{height} but {first[0].name} is {first[1]}x{first[2]}; a shot has one size."
            )
        if view.camera is not None and (view.camera.lens.width, view.camera.lens.height) != (width, height):
            lens = view.camera.lens
            raise InputError(
                f"{view.image} is {width}x{height} but its camera is for {lens.width}x{lens.height}; "
                "use the images that the cameras were made for."
            )


def image_size(path: Path) -> tuple[int, int]:
    """Width and height; InputError for an image that is missing or damaged."""
    if not is_there(path):
        raise InputError(f"{path} is missing from the set; get the whole set.")
    try:
        header = read_header(path)
    except BadImage as error:
        raise InputError(f"{error}; get the set again.") from error
    return header.width, header.height


def is_there(path: Path) -> bool:
    """Whether it is a file, and not a name that no disk takes."""
    try:
        return path.is_file()
    except OSError:
        return False


def _names(views: list[View]) -> list[str]:
    """The images' own names where their numbers are in order, else numbers."""
    numbers = [last_number(view.image.stem) for view in views]
    known = [number for number in numbers if number is not None]
    if len(known) == len(views) and known == sorted(set(known)):
        return [view.image.name for view in views]
    return [f"frame.{n:04d}{view.image.suffix.lower()}" for n, view in enumerate(views, start=1)]


def _reading(paths: Sequence[Path | None]) -> Reading | None:
    """How all masks of the set are read; None where there are none."""
    given = [path for path in paths if path is not None]
    return reading_of(map(read_mask, given), None, str(given[0].parent)) if given else None


def _write_matte(path: Path | None, reading: Reading | None, to: Path) -> None:
    if path is not None and reading is not None:
        _write_grey(reading.probability(read_mask(path)), to)


def _write_alpha(image: Path, to: Path) -> None:
    pixels = decode(image)
    if pixels.shape[2] in (2, 4):
        white = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
        _write_grey(pixels[..., -1] / white, to)


def _write_grey(matte: np.ndarray, path: Path) -> None:
    """matte: (H, W) in [0, 1]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, png = cv2.imencode(".png", np.rint(255 * np.clip(matte, 0, 1)).astype(np.uint8))
    png.tofile(path)
