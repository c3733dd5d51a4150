"""What a shot's folder holds, as typed data: arrays are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras import CameraModel, read_model
from surface_sos_core.errors import InputError
from surface_sos_core.footage.image import decode
from surface_sos_core.layers.exr import FrameLayers, read_layers
from surface_sos_core.manifest import FILE_NAME, MadeEntry, Manifest
from surface_sos_core.mesh.read import read_ply
from surface_sos_core.shot_folder import ShotFolder


class _LayerReader:
    """Reads layer files and keeps the last one, so that the layers of a frame are read once and those of a shot never
    fill the memory. Its arrays may not be written to, since they are shared."""

    def __init__(self) -> None:
        self._last: tuple[Path, int, FrameLayers] | None = None

    def __call__(self, path: Path) -> FrameLayers:
        time = path.stat().st_mtime_ns if path.exists() else 0
        last = self._last
        if last is None or last[:2] != (path, time):
            layers = read_layers(path)
            for pixels in vars(layers).values():
                if isinstance(pixels, np.ndarray):
                    pixels.setflags(write=False)
            self._last = last = (path, time, layers)
        return last[2]


@dataclass(frozen=True)
class Frame:
    """One frame of a shot that has layers. Arrays are float32 and read-only (`.copy()` one to change it); colour is
    in the plate's scene-linear space, which `layers.space` names. Reading raises InputError, naming the file, where it is gone or damaged.

    >>> from surface_sos_core import open_shot
    >>> frame = open_shot("shot").frames[0]
    >>> frame.name, frame.number, frame.alpha.shape, frame.foreground.shape
    ('plate.1001', 1001, (180, 320), (180, 320, 4))
    >>> green = [0.0, 0.6, 0.1]
    >>> comp = frame.foreground[..., :3] + (1 - frame.alpha[..., None]) * green
    >>> comp.shape
    (180, 320, 3)
    """

    name: str
    """The plate's file name without its suffix."""
    number: int
    """The plate's frame number."""
    path: Path
    """The EXR file."""
    doubts: tuple[str, ...]
    """A sentence for each thing in it that somebody should look at."""
    _read: Callable[[Path], FrameLayers] = field(repr=False, compare=False)

    @property
    def layers(self) -> FrameLayers:
        """All layers at once."""
        return self._read(self.path)

    @property
    def alpha(self) -> np.ndarray:
        """(H, W) the matte, from 0 to 1."""
        return self.layers.foreground[..., 3]

    @property
    def foreground(self) -> np.ndarray:
        """(H, W, 4) the object, premultiplied RGBA."""
        return self.layers.foreground

    @property
    def clean(self) -> np.ndarray:
        """(H, W, 3) the plate without the object."""
        return self.layers.clean

    @property
    def seen(self) -> np.ndarray:
        """(H, W) 1 where some frame saw the background, 0 where it is invented."""
        return self.layers.seen

    @property
    def depth(self) -> np.ndarray:
        """(H, W) distance of the object's surface to the image plane, in world units; 1e10 where there is none."""
        return self.layers.depth

    @property
    def normal(self) -> np.ndarray:
        """(H, W, 3) unit normals of the object's surface in world space; 0 where there is none."""
        return self.layers.normal


@dataclass(frozen=True)
class ObjectMesh:
    """The surface of an object, in world space.

    >>> from surface_sos_core import open_shot
    >>> mesh = open_shot("shot").meshes["object"]
    >>> mesh.vertices.shape[1], mesh.faces.shape[1], mesh.colours.dtype
    (3, 3, dtype('uint8'))
    """

    name: str
    ply: Path
    glb: Path | None

    @cached_property
    def _read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        surface, colours = read_ply(self.ply)
        return surface.vertices, surface.faces, colours

    @property
    def vertices(self) -> np.ndarray:
        """(V, 3) float64, world units."""
        return self._read[0]

    @property
    def faces(self) -> np.ndarray:
        """(F, 3) int64, the corners of each triangle by their place in `vertices`."""
        return self._read[1]

    @property
    def colours(self) -> np.ndarray | None:
        """(V, 3) uint8, sRGB; None where the file has none."""
        return self._read[2]


@dataclass(frozen=True)
class Result:
    """A shot as its folder holds it now: what `segment` returns and `open_shot` opens."""

    manifest: Path
    """shot.json, which has everything else that is known."""
    frames: tuple[Frame, ...]
    """Those that have layers, in order."""
    without_layers: tuple[str, ...]
    """Names of the frames that have none: not asked for, without a camera, or not made yet."""
    meshes: dict[str, ObjectMesh]
    """By the object's name; empty where there is none."""
    metrics: dict[str, Any] | None
    """What `measure` found; None where nothing was measured, or something was made since."""
    doubts: dict[str, tuple[str, ...]]
    """By the frame's name, for the frames that have any: what somebody should look at."""
    warnings: tuple[str, ...]
    """Everything that was warned of while the shot was made."""
    settings: dict[str, Any]
    """Every setting that what is here was made with."""
    made: dict[str, MadeEntry]
    """By stage: which version of the code and of each library made its files, and what really ran."""

    @property
    def out(self) -> Path:
        """The shot's folder."""
        return self.manifest.parent

    @property
    def report(self) -> Path | None:
        """The report; None where there is none."""
        report = ShotFolder(self.out).report
        return report if report.is_file() else None

    @cached_property
    def cameras(self) -> CameraModel | None:
        """The cameras, by the file name of their image, and the sparse points; None where there are none yet."""
        folder = ShotFolder(self.out).cameras
        return read_model(folder) if folder.is_dir() else None


def open_shot(out: str | Path) -> Result:
    """A shot that is there, finished or not. Raises InputError where `out` holds none.

    >>> from surface_sos_core import open_shot
    >>> result = open_shot("shot")
    >>> [frame.number for frame in result.frames], len(result.without_layers)
    ([1001, 1002], 22)
    >>> len(result.cameras.cameras), sorted(result.meshes), result.metrics is None, result.manifest.name
    (24, ['object'], True, 'shot.json')
    """
    folder = ShotFolder(Path(out))
    manifest = folder.manifest()
    read = _LayerReader()
    return Result(
        manifest=folder.out / FILE_NAME,
        frames=tuple(
            Frame(entry.name, entry.frame, folder.out / entry.layers, tuple(entry.doubts), read)
            for entry in manifest.frames
            if entry.layers is not None
        ),
        without_layers=tuple(entry.name for entry in manifest.frames if entry.layers is None),
        meshes=_meshes(folder, manifest),
        metrics=manifest.metrics,
        doubts={entry.name: tuple(entry.doubts) for entry in manifest.frames if entry.doubts},
        warnings=tuple(manifest.warnings),
        settings=manifest.settings,
        made=manifest.made,
    )


def _meshes(folder: ShotFolder, manifest: Manifest) -> dict[str, ObjectMesh]:
    if manifest.mesh is None or manifest.mesh.ply is None:
        return {}
    ply, glb = folder.out / manifest.mesh.ply, manifest.mesh.glb
    return {ply.stem: ObjectMesh(ply.stem, ply, folder.out / glb if glb else None)}


@dataclass(frozen=True)
class FoundMask:
    """The coarse mask of one frame."""

    name: str
    """The plate's file name without its suffix."""
    number: int
    """The plate's frame number."""
    path: Path
    """The PNG file."""

    @property
    def mask(self) -> np.ndarray:
        """(H, W) float32 of the plate's size, from 0 to 1, 1 is the object. Raises InputError where the file is gone."""
        if not self.path.is_file():
            raise InputError(f"{self.path} does not exist: find the masks again.")
        return decode(self.path)[..., 0].astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class FoundMasks:
    """Coarse masks as files: `out` may be given to a shot as its masks."""

    out: Path
    frames: tuple[FoundMask, ...]
    """Those that have a mask."""
    unknown: tuple[str, ...]
    """Names of the frames that stay unknown."""
    warnings: tuple[str, ...]
