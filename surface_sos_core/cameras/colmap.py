"""COLMAP camera models on disk: read as text or binary, written as text.

The format is COLMAP's documented one (colmap.github.io/format.html): cameras, images and points3D, each .txt
or .bin. The rigs and frames files of newer versions repeat what images holds for single cameras and are not
read.
"""

from __future__ import annotations

from pathlib import Path

from surface_sos_core.cameras.camera import CameraModel, Points
from surface_sos_core.cameras.colmap_binary import (
    read_cameras_binary,
    read_images_binary,
    read_points_binary,
)
from surface_sos_core.cameras.colmap_records import PointReader
from surface_sos_core.cameras.colmap_text import (
    read_cameras_text,
    read_images_text,
    read_points_text,
    write_text,
)
from surface_sos_core.errors import InputError
from surface_sos_core.wording import counted


def read_model(folder: str | Path) -> CameraModel:
    """The COLMAP model in `folder`, or in sparse/0, sparse or 0 below it; binary wins where both kinds are
    there.

    Raises InputError, naming the file and the line or record, for anything that is not a usable model.
    """
    found, suffix = _find(Path(folder))
    if suffix == ".bin":
        lenses = read_cameras_binary(found / "cameras.bin")
        images = read_images_binary(found / "images.bin", lenses)
    else:
        lenses = read_cameras_text(found / "cameras.txt")
        images = read_images_text(found / "images.txt", lenses)
    if len(images.cameras) < 2:
        raise InputError(
            f"{images.file} holds {counted(len(images.cameras), 'image')}; a camera model needs at least 2."
        )
    points_file = found / f"points3D{suffix}"
    if not points_file.is_file():
        return CameraModel(images.cameras, Points.empty())
    tracks = PointReader(points_file, images)
    if suffix == ".bin":
        read_points_binary(points_file, tracks)
    else:
        read_points_text(points_file, tracks)
    return CameraModel(images.cameras, tracks.points())


def model_files(folder: str | Path) -> list[Path]:
    """The files that `read_model` reads; raises its InputError where there is no model."""
    found, suffix = _find(Path(folder))
    files = [found / f"{name}{suffix}" for name in ("cameras", "images", "points3D")]
    return [file for file in files if file.is_file()]


def write_model(model: CameraModel, folder: str | Path) -> None:
    """Write cameras.txt, images.txt and points3D.txt with full precision, each moved into place when
    complete.

    2D observations without a 3D point are not part of a CameraModel and are not written. Raises InputError
    where the folder holds a binary or newer model, which readers would prefer to this one.
    """
    folder = Path(folder)
    for stale in (
        "cameras.bin",
        "images.bin",
        "points3D.bin",
        "rigs.bin",
        "frames.bin",
        "rigs.txt",
        "frames.txt",
    ):
        if (folder / stale).exists():
            raise InputError(f"{folder / stale} belongs to another camera model; choose an empty folder.")
    write_text(model, folder)


def _find(folder: Path) -> tuple[Path, str]:
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder; a camera model is a COLMAP folder with cameras and images files."
        )
    for candidate in (folder, folder / "sparse" / "0", folder / "sparse", folder / "0"):
        for suffix in (".bin", ".txt"):
            if (candidate / f"cameras{suffix}").is_file() and (candidate / f"images{suffix}").is_file():
                return candidate, suffix
    raise InputError(
        f"{folder} holds no COLMAP model; cameras.txt and images.txt, or .bin, are expected there."
    )
