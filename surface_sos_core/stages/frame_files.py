"""Which frames have their layers. Each file tells what it was made from, so that any machine may make any frame, and nobody
has to keep a list meanwhile: two that make the same frame put the same file into the same place."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import OpenEXR

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.layers.exr import FrameLayers, PlateHeader, write_layers
from surface_sos_core.provenance import software_versions
from surface_sos_core.shot_folder import fingerprint
from surface_sos_core.stages.run import Run

ATTRIBUTE = "surfaceSos"
"""Of the EXR header, which holds the note."""

_CHUNKS = "chunks"


@dataclass(frozen=True)
class FrameNote:
    """What a layer file says of its making."""

    inputs: str
    """Fingerprint of all that its layers were made from."""
    code: str
    software: dict[str, str] = field(default_factory=software_versions)
    doubts: list[str] = field(default_factory=list)

    def attributes(self) -> dict[str, str]:
        """Of the header."""
        return {ATTRIBUTE: json.dumps(asdict(self), sort_keys=True)}

    @staticmethod
    def read(path: Path) -> FrameNote | None:
        """The note of a layer file; None where it has none, or is not there to its end."""
        try:
            read_header(path)
            with OpenEXR.File(str(path), header_only=True) as file:
                note = FrameNote(**json.loads(str(file.header()[ATTRIBUTE])))
        except (BadImage, OSError, RuntimeError, KeyError, TypeError, ValueError, RecursionError):
            return None
        return note if note._is_sound() else None

    def _is_sound(self) -> bool:
        """Whether its parts are of their kinds, since the file may be a stranger's."""
        if not isinstance(self.software, dict) or not isinstance(self.doubts, list):
            return False
        texts = (self.inputs, self.code, *self.software, *self.software.values(), *self.doubts)
        return all(isinstance(text, str) for text in texts)


class LayerFiles:
    """The layer files of some frames of a run, all from the same inputs: which are missing, and how one comes into its place.

    names: of each frame's file, below the shot's folder. own: what single frames are made from besides. missing: frames whose file is not there, or is from other inputs; all,
    where they are made `again`. enters: whether this process writes the manifest, into which goes whatever is there, whoever
    made it.
    """

    def __init__(
        self,
        run: Run,
        frames: list[int],
        inputs: dict[str, Any],
        own: Mapping[int, Any],
        enters: bool = True,
        again: bool = False,
    ) -> None:
        title, padding = run.footage.title, run.footage.padding
        self.names = {i: f"layers/{title}.{run.footage.frames[i].number:0{padding}d}.exr" for i in frames}
        self._run, self._enters = run, enters
        whole, self._code = fingerprint(inputs), inputs["code"]
        self._inputs = {i: fingerprint([whole, own[i]]) if i in own else whole for i in frames}
        there = {} if again else self._there()
        self.missing = [i for i in frames if i not in there]
        if enters:
            for i, note in there.items():
                if run.manifest.frames[i].layers != self.names[i]:
                    self._enter(i, note)
                    run.adds_to("layers", note.code, note.software)
            if self.missing:
                run.adds_to("layers", self._code)
        self._tell()

    def put(self, i: int, layers: FrameLayers, doubts: list[str]) -> None:
        """Write the layers of a frame that is missing, whole or not at all."""
        run, note = self._run, FrameNote(self._inputs[i], self._code, doubts=doubts)
        header = PlateHeader.of(run.footage, i)
        path = run.folder.out / self.names[i]
        write_layers(path, layers, run.footage.frames[i].number, header, note.attributes())
        if self._enters:
            self._enter(i, note)
            run.save()
        self.missing.remove(i)
        self._tell()

    def _there(self) -> dict[int, FrameNote]:
        notes = {i: FrameNote.read(self._run.folder.out / name) for i, name in self.names.items()}
        return {i: note for i, note in notes.items() if note is not None and note.inputs == self._inputs[i]}

    def _enter(self, i: int, note: FrameNote) -> None:
        entry = self._run.manifest.frames[i]
        entry.layers, entry.doubts = self.names[i], note.doubts

    def _tell(self) -> None:
        self._run.events.progress(len(self.names) - len(self.missing), len(self.names), "frames")


def begin_layers(run: Run, frames: list[int], inputs: dict[str, Any]) -> None:
    """Note that layers are made of `inputs` from here on: nothing of an earlier run counts, and what `frames` will not replace
    is removed."""
    run.manifest.metrics = None
    for i, entry in enumerate(run.manifest.frames):
        if entry.layers is not None and i not in frames:
            (run.folder.out / entry.layers).unlink(missing_ok=True)
        entry.layers, entry.doubts = None, []
    run.note("layers", inputs)
    run.save()


def keep_chunk(run: Run) -> None:
    """Note for who writes the manifest how long this process made layers, and what it warned of."""
    run.events.end_stage()
    told = {"seconds": run.events.timings.get("layers", 0.0), "warnings": run.events.warnings}
    with write_atomically(run.folder.checkpoint / _CHUNKS / f"{uuid.uuid4().hex}.json") as partial:
        partial.write_text(json.dumps(told), encoding="utf-8")


def take_chunks(run: Run) -> None:
    """Bring what others noted of their chunks into the manifest."""
    notes = sorted((run.folder.checkpoint / _CHUNKS).glob("*.json"))
    for path in notes:
        try:
            seconds, warnings = read_chunk(path)
        except InputError as error:
            run.events.warning(str(error))
            continue
        run.manifest.timings["layers"] = round(run.manifest.timings.get("layers", 0.0) + seconds, 2)
        for message in warnings:
            run.events.warning(message)
    run.save()
    for path in notes:
        path.unlink(missing_ok=True)


def read_chunk(path: Path) -> tuple[float, list[str]]:
    """Seconds and warnings of a chunk. Raises InputError for a file that is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        seconds, warnings = float(told["seconds"]), list(told["warnings"])
        if not (math.isfinite(seconds) and all(isinstance(message, str) for message in warnings)):
            raise ValueError("its values are not those of a chunk")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is damaged, so the time of its layers is not known.") from error
    return seconds, warnings
