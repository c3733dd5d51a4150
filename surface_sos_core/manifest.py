"""OUT/shot.json: what a run has written, for the add-on and for later stages.

Paths are relative to OUT, with forward slashes, and never lead out of it. The file (schema 2):

    schema_version  2
    settings        every setting that what is here was made with
    made            {stage: {"code", "software", "ran"}}: what made each finished stage's files: the version of the
                    code, {name: version} of libraries, and what really ran where a setting does not tell (the device,
                    the iterations). Versions of a stage that was made in several runs are listed, as "1.0, 1.1"
    software        {name: version} of all of them together
    colour_space    what the plates were read as, or null where it is not known
    layers_space    the scene-linear space that colours of layers are in, or null where it is Rec.709 or not known
    objects         {name: where its masks came from}
    footage         {"path", "width", "height", "title", "layer", "colour_space", "ocio", "pixel_aspect", "fps"}; path is where
                    the frames were, for people to read; layer (of EXR files), colour_space and ocio, each as it was asked for,
                    and fps may be null
    box             null, or the scene box with "world_to_box", a 4x4 similarity (rows) from world space to
                    [-1, 1]^3
    cameras         folder of the COLMAP text model in use, or null
    frames          [{"name", "frame", "layers", "doubts"}]: stem of the plate, its number, its EXR or null where it
                    got none, and a sentence for each thing in it that somebody should look at
    mesh            null, or {"ply", "glb"}: each a path or null
    metrics         null, or what `eval` measured
    timings         {stage: seconds}
    warnings        every warning of the run
    stages          the stages that are finished

Schema 1 had neither made, colour_space, objects nor doubts; such a file is read as one that has nothing in them.

Standard library only: the Blender add-on ships a copy of this file.
"""

from __future__ import annotations

import json
import math
import os
import re
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE_NAME = "shot.json"
SCHEMA_VERSION = 2


class ManifestError(ValueError):
    """A manifest that is missing, broken, too new, or that points outside its folder."""


@dataclass
class FootageEntry:
    """The plates the shot was made from; `path` may be anywhere."""

    path: str
    width: int
    height: int
    title: str
    layer: str | None = None
    """Which layer of EXR files was asked for."""
    colour_space: str | None = None
    """Which colour space was asked for."""
    ocio: str | None = None
    """The OCIO configuration that was given, by the command line or the environment."""
    pixel_aspect: float = 1.0
    fps: float | None = None


@dataclass
class FrameEntry:
    """One frame of the footage; `layers` is None for a frame that got none, `doubts` what to look at in it."""

    name: str
    frame: int
    layers: str | None = None
    doubts: list[str] = field(default_factory=list)


@dataclass
class MeshEntry:
    """The object's surface; None for a format that was not written."""

    ply: str | None = None
    glb: str | None = None


@dataclass
class MadeEntry:
    """What made a stage's files: the code's version, {name: version} of libraries, and what really ran."""

    code: str
    software: dict[str, str]
    ran: dict[str, Any] = field(default_factory=dict)


@dataclass
class Manifest:
    """The content of shot.json; see the module's own text for the fields."""

    footage: FootageEntry
    frames: list[FrameEntry]
    settings: dict[str, Any] = field(default_factory=dict)
    made: dict[str, MadeEntry] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)
    colour_space: str | None = None
    layers_space: str | None = None
    objects: dict[str, str] = field(default_factory=dict)
    box: dict[str, Any] | None = None
    cameras: str | None = None
    mesh: MeshEntry | None = None
    metrics: dict[str, Any] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)


def write_manifest(out: Path, manifest: Manifest) -> Path:
    """Write OUT/shot.json, whole or not at all, and return its path.

    Raises ManifestError for content that `read_manifest` would refuse, so that no broken file is left behind.
    """
    data = {"schema_version": SCHEMA_VERSION, **asdict(manifest)}
    _parse(data, FILE_NAME)
    try:
        text = json.dumps(data, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ManifestError(f"{FILE_NAME}: a value cannot be written as JSON ({error})") from error
    path = Path(out) / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{FILE_NAME}.{uuid.uuid4().hex[:8]}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def read_manifest(out: Path) -> Manifest:
    """Read OUT/shot.json (`out` is the folder, or the file itself).

    Raises ManifestError that names the file and the field. Fields that this version does not know are left
    out.
    """
    path = Path(out)
    if path.suffix != ".json":
        path = path / FILE_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ManifestError(f"{path} does not exist: this folder holds no shot") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    return _parse(data, str(path))


def _parse(data: Any, source: str) -> Manifest:
    root = _Reader(data, source, "")
    version = root.take("schema_version", int)
    if version > SCHEMA_VERSION:
        raise ManifestError(
            f"{source}: schema_version {version} is newer than {SCHEMA_VERSION}: update Surface-SOS to open it"
        )
    if version < 1:
        raise ManifestError(f"{source}: schema_version is {version}, expected 1 or more")
    footage = root.child("footage")
    mesh = root.child("mesh") if root.take("mesh", dict, optional=True) is not None else None
    frames = [
        _Reader(entry, source, f"frames[{index}]") for index, entry in enumerate(root.take("frames", list))
    ]
    if version < 2:
        root.assume(made={}, colour_space=None, objects={})
        for frame in frames:
            frame.assume(doubts=[])
    return Manifest(
        footage=FootageEntry(
            path=footage.take("path", str),
            width=footage.take("width", int),
            height=footage.take("height", int),
            title=footage.take("title", str),
            layer=footage.take("layer", str, optional=True),
            colour_space=footage.take("colour_space", str, optional=True),
            ocio=footage.take("ocio", str, optional=True),
            pixel_aspect=footage.take("pixel_aspect", float, optional=True) or 1.0,
            fps=footage.take("fps", float, optional=True),
        ),
        frames=[
            FrameEntry(
                frame.take("name", str),
                frame.take("frame", int),
                frame.path("layers"),
                frame.strings("doubts"),
            )
            for frame in frames
        ],
        settings=root.take("settings", dict),
        made={stage: _made(root.child("made").child(stage)) for stage in root.take("made", dict)},
        software=root.mapping("software", str),
        colour_space=root.take("colour_space", str, optional=True),
        layers_space=root.take("layers_space", str, optional=True),
        objects=root.mapping("objects", str),
        box=_box(root),
        cameras=root.path("cameras"),
        mesh=MeshEntry(mesh.path("ply"), mesh.path("glb")) if mesh else None,
        metrics=root.take("metrics", dict, optional=True),
        timings=root.mapping("timings", float),
        warnings=root.strings("warnings"),
        stages=root.strings("stages"),
    )


def _made(entry: _Reader) -> MadeEntry:
    return MadeEntry(entry.take("code", str), entry.mapping("software", str), entry.take("ran", dict))


def _box(root: _Reader) -> dict[str, Any] | None:
    if root.take("box", dict, optional=True) is None:
        return None
    box = root.child("box")
    matrix = box.take("world_to_box", list)
    rows_fit = len(matrix) == 4 and all(isinstance(row, list) and len(row) == 4 for row in matrix)
    if not rows_fit or not all(_is(value, float) and math.isfinite(value) for row in matrix for value in row):
        raise box.error("world_to_box", "expected 4 rows of 4 finite numbers")
    return dict(box.data)


class _Reader:
    """Takes typed fields out of one JSON object and names what is wrong."""

    def __init__(self, data: Any, source: str, where: str) -> None:
        if not isinstance(data, dict):
            raise ManifestError(f"{source}: {where or 'the file'} is not a JSON object")
        self.data, self._source, self._where = data, source, where

    def error(self, name: str, problem: str) -> ManifestError:
        where = f"{self._where}.{name}" if self._where else name
        return ManifestError(f"{self._source}: {where}: {problem}")

    def assume(self, **values: Any) -> None:
        """What the object says where it does not know these names yet."""
        self.data = {**values, **self.data}

    def take(self, name: str, kind: type, optional: bool = False) -> Any:
        value = self.data.get(name)
        if value is None and optional:
            return None
        if name not in self.data:
            raise self.error(name, "is missing")
        if not _is(value, kind):
            raise self.error(
                name, f"expected {_KIND_NAMES[kind]}, found {json.dumps(value, default=str)[:60]}"
            )
        return value

    def child(self, name: str) -> _Reader:
        return _Reader(self.take(name, dict), self._source, f"{self._where}.{name}" if self._where else name)

    def mapping(self, name: str, kind: type) -> dict[str, Any]:
        inner = self.child(name)
        return {key: inner.take(key, kind) for key in inner.data}

    def strings(self, name: str) -> list[str]:
        values = self.take(name, list)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.error(f"{name}[{index}]", "expected text")
        return list(values)

    def path(self, name: str) -> str | None:
        """A path below OUT, or None; anything that could lead elsewhere on any system is refused."""
        value = self.take(name, str, optional=True)
        if value is None:
            return None
        steps = value.split("/")
        if not value or "\\" in value or "\0" in value or re.match(r"[A-Za-z]:", value):
            raise self.error(name, f"{value!r} is not a relative path with forward slashes")
        if any(step in ("", ".", "..") for step in steps):
            raise self.error(name, f"{value!r} leads out of the shot's folder or is not in its simplest form")
        return str(value)


_KIND_NAMES = {int: "a whole number", float: "a number", str: "text", dict: "an object", list: "a list"}


def _is(value: Any, kind: type) -> bool:
    """isinstance for JSON: true, false, NaN and Infinity are no numbers, a whole number is a number too."""
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    return isinstance(value, (int, float) if kind is float else kind)
