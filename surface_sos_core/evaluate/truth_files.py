"""What a truth folder holds, found and read.

Any of these; images are matched with frames by their names' stems:

    matte/ (or mattes/, truth/)     mattes, white = object; images in the folder itself are taken as mattes too
    clean/ (or clean_plates/)       photographs or renders without the object
    shadowed/                       the same, but the object's shadow and reflections stay
    region/ (or regions/, clean_plates_object_region/)   white where a clean plate counts; without it, the truth
                                    matte, grown by 5 pixels
    mesh.ply                        the object's surface
    cameras/                        COLMAP model of the true cameras, to bring the solved world into the truth's
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.cameras import read_model
from surface_sos_core.errors import InputError
from surface_sos_core.footage import image
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.footage.header import read_header
from surface_sos_core.footage.input_space import ColourRequest, input_space
from surface_sos_core.mesh.read import read_ply

MATTE_FOLDERS = ("matte", "mattes", "truth")
CLEAN_FOLDERS = ("clean", "clean_plates")
SHADOWED_FOLDERS = ("shadowed",)
REGION_FOLDERS = ("region", "regions", "clean_plates_object_region")
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr"}


@dataclass(frozen=True)
class Truth:
    """Files of truth, by stem."""

    mattes: dict[str, Path]
    cleans: dict[str, Path]
    shadowed: dict[str, Path]
    regions: dict[str, Path]
    mesh: Path | None
    cameras: Path | None


def load_truth(folder: Path, region_folder: Path | None = None) -> Truth:
    """Find what `folder` holds; `region_folder` overrides its regions. InputError when there is nothing."""
    for given in (folder, region_folder):
        if given is not None and not given.is_dir():
            raise InputError(f"{given} is not a folder: give one that holds truth")
    mesh, cameras = folder / "mesh.ply", folder / "cameras"
    truth = Truth(
        mattes=_first_images(folder, MATTE_FOLDERS) or _images(folder),
        cleans=_first_images(folder, CLEAN_FOLDERS),
        shadowed=_first_images(folder, SHADOWED_FOLDERS),
        regions=_images(region_folder) if region_folder else _first_images(folder, REGION_FOLDERS),
        mesh=mesh if mesh.is_file() else None,
        cameras=cameras if cameras.is_dir() else None,
    )
    if not (truth.mattes or truth.cleans or truth.shadowed or truth.mesh):
        raise InputError(f"{folder} holds no truth: put images into matte/ or clean/, or a mesh.ply, there")
    return truth


def mask_files(folder: Path) -> dict[str, Path]:
    """Files of the masks that a shot was made from, by stem. InputError for what is no folder."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the one that holds the shot's masks")
    return _images(folder)


def _images(folder: Path) -> dict[str, Path]:
    files = sorted(item for item in folder.iterdir() if item.suffix.lower() in SUFFIXES and item.is_file())
    return {item.stem: item for item in files if not item.name.startswith(".")}


def _first_images(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """Images of the first of the subfolders that is there."""
    return next((_images(folder / name) for name in names if (folder / name).is_dir()), {})


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    pixels = image.decode(path)
    if pixels.shape[:2] != shape[:2]:
        raise InputError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]}, its frame is {shape[1]}x{shape[0]}: "
            "give truth of the plate's size"
        )
    return pixels


def read_matte(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the alpha where there is one that says anything, else the first channel.

    InputError for another size than `shape`.
    """
    return _first_or_alpha(_read(path, shape))


def read_mask(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 in [0, 1] like `read_matte`, brought to the size of `shape`: masks may be smaller than their frames.

    In a file of whole numbers that holds nothing but 0 and 1, 1 is white.
    """
    pixels = image.decode(path)
    if np.issubdtype(pixels.dtype, np.integer) and pixels.max() == 1:
        pixels = pixels.astype(np.float32)
    mask = _first_or_alpha(pixels)
    return mask if mask.shape == shape[:2] else cv2.resize(mask, (shape[1], shape[0]))


def _first_or_alpha(pixels: np.ndarray) -> np.ndarray:
    if np.issubdtype(pixels.dtype, np.integer):
        pixels = pixels / np.float32(np.iinfo(pixels.dtype).max)
    has_alpha = pixels.shape[2] in (2, 4) and np.any(pixels[..., -1] < 1)
    return np.clip(pixels[..., -1 if has_alpha else 0], 0, 1).astype(np.float32)


def display(linear: np.ndarray) -> np.ndarray:
    """Display values of scene-linear ones, both clipped to [0, 1]."""
    return srgb_encode(np.clip(linear, 0, 1)).astype(np.float32)


def read_display(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Display values (H, W, 3); InputError for another size than `shape`."""
    pixels = image.rgb(_read(path, shape))
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels / np.float32(np.iinfo(pixels.dtype).max)
    space = input_space(path, [read_header(path)], True, ColourRequest(), warnings.warn)
    return display(space.to_linear(pixels))


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) and triangles (M, 3); InputError for a file without any."""
    mesh, _ = read_ply(path)
    return mesh.vertices, mesh.faces


def camera_centres(found: Path, truth: Path) -> tuple[np.ndarray, np.ndarray]:
    """Centres (N, 3) of the cameras that both models name, by stem."""
    source = {Path(name).stem: camera.centre for name, camera in read_model(found).cameras.items()}
    target = {Path(name).stem: camera.centre for name, camera in read_model(truth).cameras.items()}
    shared = [name for name in source if name in target]
    return (
        np.array([source[name] for name in shared]).reshape(-1, 3),
        np.array([target[name] for name in shared]).reshape(-1, 3),
    )
