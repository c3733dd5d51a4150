"""docs/results: what was measured, one JSON file for each part and group of shots; the documents' tables are made of these.

PART.GROUP.LABEL.json holds {"part", "group", "label", "entries": [...]}. The label is the preset, or what a trial was called.
An entry of quality, starts and ablation is what `run` returns; speed, memory, gpu, scaling and farm have their own, see there. Each
has a name and its own stamp, so that a file that was measured in several sittings says so.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environment import ROOT

FOLDER = ROOT / "docs" / "results"
PARTS = ("quality", "starts", "ablation", "speed", "memory", "gpu", "scaling", "farm")
DIGITS = 5  # that count: more would change with every run


@dataclass
class Results:
    """One file."""

    part: str
    group: str
    label: str
    entries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def file_name(self) -> str:
        return f"{self.part}.{self.group.replace(' ', '-')}.{self.label.replace(' ', '-')}.json"

    def put(self, entry: Mapping[str, Any]) -> None:
        """Add an entry in place of the one with the same name and variant, if there is one."""
        rounded = {key: _rounded(value) for key, value in entry.items()}
        named = [(own["name"], own.get("variant")) for own in self.entries]
        name = (entry["name"], entry.get("variant"))
        if name in named:
            self.entries[named.index(name)] = rounded
        else:
            self.entries.append(rounded)

    def write(self, folder: Path = FOLDER) -> Path:
        """Whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.file_name
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        content = {"part": self.part, "group": self.group, "label": self.label, "entries": self.entries}
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        partial.replace(path)
        return path


def opened(part: str, group: str, label: str, folder: Path = FOLDER) -> Results:
    """The results of that part, group and label as they are, or none yet."""
    empty = Results(part, group, label)
    path = folder / empty.file_name
    return read(path) if path.exists() else empty


def read(path: Path) -> Results:
    return Results(**json.loads(path.read_text(encoding="utf-8")))


def read_all(folder: Path = FOLDER) -> list[Results]:
    """Every file, the parts in their order, then by label and group."""
    found = [read(path) for path in sorted(folder.glob("*.json")) if path.name.split(".")[0] in PARTS]
    return sorted(found, key=lambda own: (PARTS.index(own.part), own.label, own.group))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(own) for key, own in value.items()}
    return [_rounded(own) for own in value] if isinstance(value, list) else value
