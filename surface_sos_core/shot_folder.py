"""The output folder of a shot: what lies where, whose it is, and which of it is finished."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.manifest import FILE_NAME, Manifest, ManifestError, read_manifest
from surface_sos_core.out_folder import OutFolder

Mode = Literal["new", "resume", "overwrite"]
"""What is done with a shot that is there already: it is refused, gone on with, or begun anew."""


@dataclass(frozen=True)
class ModelFolder(OutFolder):
    """A folder that holds nothing but a COLMAP text model."""

    def check(self, overwrite: bool) -> None:
        """Refuse a folder that must not be written to; changes nothing. Raises InputError."""
        self.refuse_file()
        held = {path.name for path in self.contents()}
        if held and held != {"cameras.txt", "images.txt", "points3D.txt"}:
            raise InputError(
                f"{self.out} holds files that are not a camera model; choose an empty or new folder for --out."
            )
        if held and not overwrite:
            raise InputError(f"{self.out} already holds a camera model; add --overwrite to replace it.")


@dataclass(frozen=True)
class ShotFolder(OutFolder):
    """OUT and the names in it (DESIGN: the output folder)."""

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
    def subject(self) -> Path:
        return self.checkpoint / "subject.npz"

    @property
    def consensus(self) -> Path:
        return self.checkpoint / "consensus.npz"

    @property
    def fields(self) -> Path:
        return self.checkpoint / "fields.npz"

    @property
    def corrections(self) -> Path:
        return self.out / "corrections"

    @property
    def corrected_consensus(self) -> Path:
        return self.checkpoint / "corrected_consensus.npz"

    @property
    def corrected_fields(self) -> Path:
        return self.checkpoint / "corrected_fields.npz"

    @property
    def exposure(self) -> Path:
        return self.checkpoint / "exposure.npz"

    @property
    def still_shadow(self) -> Path:
        return self.checkpoint / "shadow.npz"

    @property
    def preview(self) -> Path:
        return self.checkpoint / "preview.png"

    @property
    def state(self) -> Path:
        return self.checkpoint / "state.json"

    def check(self, mode: Mode) -> None:
        """Refuse a folder that `mode` must not touch; changes nothing.

        Raises InputError for a file, a folder that holds anything but a shot, a shot without --resume or --overwrite, and
        --resume where there is nothing to resume.
        """
        if mode not in get_args(Mode):
            raise InputError(f"There is no mode {mode!r}; choose {', '.join(get_args(Mode))}.")
        self.refuse_file()
        if not self.contents():
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
        self.state.unlink(missing_ok=True)  # first: nothing counts as finished from here on
        for entry in read_manifest(self.out).frames:
            if entry.layers:
                (self.out / entry.layers).unlink(missing_ok=True)
        if self.layers.is_dir() and not any(self.layers.iterdir()):
            self.layers.rmdir()
        for folder in (self.cameras, self.checkpoint, self.evaluation, self.corrections):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.mesh / "object.ply", self.mesh / "object.glb", self.report):
            file.unlink(missing_ok=True)

    def manifest(self) -> Manifest:
        """What shot.json says; InputError where there is none."""
        try:
            return read_manifest(self.out)
        except ManifestError as error:
            raise InputError(str(error)) from error

    def changes(self, stage: str, inputs: dict[str, Any]) -> list[str] | None:
        """Which of the inputs are not those that `stage` was noted with; None where it was not noted here."""
        noted, now = self._stages().get(stage), _parts(inputs)
        if noted is None:
            return None
        return sorted(name for name in noted.keys() | now.keys() if noted.get(name) != now.get(name))

    def note(self, stage: str, inputs: dict[str, Any]) -> None:
        """Note the inputs that `stage` was finished with, or, where it keeps what is half done, begun with."""
        self._write({**self._stages(), stage: _parts(inputs)})

    def forget(self, stage: str) -> None:
        """Note that `stage` is not finished."""
        stages = self._stages()
        if stages.pop(stage, None) is not None:
            self._write(stages)

    def _write(self, stages: dict[str, dict[str, str]]) -> None:
        with write_atomically(self.state) as partial:
            partial.write_text(json.dumps(stages, indent=1), encoding="utf-8")

    def _stages(self) -> dict[str, dict[str, str]]:
        try:
            stages = json.loads(self.state.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(stages, dict):
            return {}
        return {stage: parts for stage, parts in stages.items() if isinstance(parts, dict)}


def _parts(inputs: dict[str, Any], above: str = "") -> dict[str, str]:
    """A fingerprint of each input, those of nested ones under dotted names."""
    parts: dict[str, str] = {}
    for name, value in inputs.items():
        if isinstance(value, dict):
            parts |= _parts(value, f"{above}{name}.")
        else:
            parts[above + name] = fingerprint(value)
    return parts


def fingerprint(inputs: Any) -> str:
    """A short hash of JSON-ready values."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:16]


class ContentStamps:
    """Hashes of what files hold, each taken once for all stages of a run, as long as its file is not written again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], str]] = {}

    def of(self, path: Path) -> str:
        """SHA-256 of the file, as hexadecimal digits."""
        state = path.stat()
        now = state.st_size, state.st_mtime_ns
        known = self._known.get(path)
        if known is None or known[0] != now:
            with path.open("rb") as file:
                known = now, hashlib.file_digest(file, "sha256").hexdigest()
            self._known[path] = known
        return known[1]


def file_stamps(files: Iterable[Path]) -> list[Any]:
    """What changes when files change: their paths, sizes and times."""
    stamps: list[Any] = []
    for file in sorted(files):
        known = file.stat()
        stamps.append([str(file.resolve()), known.st_size, known.st_mtime_ns])
    return stamps
