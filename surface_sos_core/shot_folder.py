"""The output folder of a shot: what lies where, whose it is, and which of it is finished."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.manifest import FILE_NAME, Manifest, ManifestError, read_manifest

_SOFTWARE = ("surface-sos-core", "torch", "numpy", "numba", "pycolmap", "opencv-python-headless", "OpenEXR")


@dataclass(frozen=True)
class ShotFolder:
    """OUT and the names in it (DESIGN: the output folder)."""

    out: Path

    @property
    def cameras(self) -> Path:
        return self.out / "cameras"

    @property
    def layers(self) -> Path:
        return self.out / "layers"

    @property
    def mesh(self) -> Path:
        return self.out / "mesh"

    @property
    def report(self) -> Path:
        return self.out / "report.html"

    @property
    def evaluation(self) -> Path:
        return self.out / "evaluation"

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint"

    @property
    def consensus(self) -> Path:
        return self.checkpoint / "consensus.npz"

    @property
    def fields(self) -> Path:
        return self.checkpoint / "fields.npz"

    @property
    def plates(self) -> Path:
        return self.checkpoint / "plates.npy"

    @property
    def preview(self) -> Path:
        return self.checkpoint / "preview.png"

    @property
    def state(self) -> Path:
        return self.checkpoint / "state.json"

    def check(self, mode: str) -> None:
        """Refuse a folder that `mode` (new, resume or overwrite) must not touch; changes nothing.

        Raises InputError for a file, a folder that holds anything but a shot, a shot without --resume or --overwrite, and
        --resume where there is nothing to resume.
        """
        for parent in self.out.parents:
            if parent.exists() and not parent.is_dir():
                raise InputError(f"{self.out} lies below {parent}, which is a file; choose another --out.")
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"{self.out} is a file; give a folder to --out.")
        if not self.out.exists() or not any(self.out.iterdir()):
            if mode == "resume":
                raise InputError(f"{self.out} holds no shot to resume; leave --resume out to start one.")
            return
        if not (self.out / FILE_NAME).exists():
            raise InputError(
                f"{self.out} is not empty and holds no shot; choose an empty or new folder for --out."
            )
        try:
            read_manifest(self.out)
        except ManifestError as error:
            raise InputError(
                f"{self.out} holds a {FILE_NAME} that is not ours ({error}); choose another --out."
            ) from error
        if mode == "new":
            raise InputError(
                f"{self.out} already holds a shot; add --resume to go on with it or --overwrite to redo it."
            )

    def clear(self) -> None:
        """Remove what an earlier run has written here, and nothing else."""
        for entry in read_manifest(self.out).frames:
            if entry.layers:
                (self.out / entry.layers).unlink(missing_ok=True)
        if self.layers.is_dir() and not any(self.layers.iterdir()):
            self.layers.rmdir()
        for folder in (self.cameras, self.checkpoint, self.evaluation):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.mesh / "object.ply", self.mesh / "object.glb", self.report):
            file.unlink(missing_ok=True)

    def manifest(self) -> Manifest:
        """What shot.json says; InputError where there is none."""
        try:
            return read_manifest(self.out)
        except ManifestError as error:
            raise InputError(str(error)) from error

    def finished(self, stage: str, inputs: Any) -> bool:
        """Whether `stage` was finished here with exactly these inputs."""
        return self._stages().get(stage) == fingerprint(inputs)

    def finish(self, stage: str, inputs: Any) -> None:
        """Note that `stage` is finished."""
        stages = {**self._stages(), stage: fingerprint(inputs)}
        with write_atomically(self.state) as partial:
            partial.write_text(json.dumps(stages, indent=1))

    def _stages(self) -> dict[str, str]:
        try:
            stages = json.loads(self.state.read_text())
        except (OSError, ValueError):
            return {}
        return stages if isinstance(stages, dict) else {}


def fingerprint(inputs: Any) -> str:
    """A short hash of JSON-ready values."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:16]


def folder_stamp(folder: Path | None) -> list[Any]:
    """What changes when the files of a folder change: names, sizes and times."""
    if folder is None:
        return []
    if not folder.is_dir():
        return (
            [str(folder.resolve()), folder.stat().st_size, folder.stat().st_mtime_ns]
            if folder.exists()
            else [str(folder)]
        )
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return [str(folder.resolve())] + [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]


def software_versions() -> dict[str, str]:
    """Versions of what shapes the results."""
    versions = {}
    for name in _SOFTWARE:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return versions
