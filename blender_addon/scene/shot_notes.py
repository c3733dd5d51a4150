"""What is known of a loaded result beside its objects, kept with its root: the layers' files, and frames in doubt."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import bpy

from . import shot_objects

_NOTES = "surface_sos_notes"  # custom property of a root: JSON
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class ShotNotes:
    """layers: the file of frame `first`, to `last`, whose numbers are `shift` higher; empty where none can be played.

    space: of their colours, by its interop id or name. doubts: sentences by frame. footage, out: of the shot.
    """

    layers: str
    first: int
    last: int
    shift: int
    space: str
    doubts: dict[int, list[str]]
    footage: str = ""
    out: str = ""

    def file_of(self, frame: int) -> Path | None:
        """The layers' file of a frame of the scene; None for one before the first or after the last."""
        if not self.layers or not self.first <= frame <= self.last:
            return None
        first = Path(self.layers)
        number = list(_NUMBER.finditer(first.stem))[-1]
        shown = f"{frame + self.shift:0{len(number.group())}d}"
        return first.with_name(f"{first.stem[: number.start()]}{shown}{first.stem[number.end() :]}{first.suffix}")


def write(root: bpy.types.Object, notes: ShotNotes) -> None:
    root[_NOTES] = json.dumps(asdict(notes))


def read(scene: bpy.types.Scene) -> ShotNotes | None:
    """Of the shot whose camera the scene looks through, else of the one that came last; None where no result is loaded."""
    root = shot_objects.find(scene, None, shot_objects.ROOT)
    if root is None or _NOTES not in root.keys():  # noqa: SIM118 (of an ID)
        return None
    kept = json.loads(root[_NOTES])
    return ShotNotes(**kept | {"doubts": {int(frame): told for frame, told in kept["doubts"].items()}})
