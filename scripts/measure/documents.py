"""The tables in the documents: each stands between two marks, and is made from docs/results alone.

<!-- table: mattes -->
...
<!-- end of table -->
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from environment import ROOT

from measure import paper
from measure.results import FOLDER, Results, read_all
from measure.tables import (
    COSTS,
    HELD,
    IN_AND_OUT,
    MATTES,
    MESHES,
    PLATES,
    STARTS,
    Column,
    Entry,
    endings,
    labelled,
    number,
    provenance,
    shots_table,
    stamp_line,
    summary_table,
    table,
    variants_table,
    worse_frames,
    worst_frames,
)

DOCUMENTS = ("README.md", "docs/results.md", "docs/comparison.md", "docs/farm.md")
NOTHING = "Not measured yet."
MARKED = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
Section = Callable[[Sequence[Results]], str]


def filled(text: str, results: Sequence[Results]) -> str:
    """The document with every marked table made anew. ValueError for a mark that names no table."""

    def make(found: re.Match[str]) -> str:
        if found[2] not in SECTIONS:
            raise ValueError(f"there is no table {found[2]!r}; there are {', '.join(SECTIONS)}")
        return f"{found[1]}\n{SECTIONS[found[2]](results).strip() or NOTHING}\n\n{found[3]}"

    return MARKED.sub(make, text)


def stale(folder: Path = FOLDER, root: Path = ROOT) -> list[str]:
    """Names of the documents whose tables are not those of the results."""
    return [name for name, (before, after) in _documents(folder, root).items() if before != after]


def write(folder: Path = FOLDER, root: Path = ROOT) -> list[str]:
    """Bring the documents' tables up to date; returns the names of those that changed."""
    changed = stale(folder, root)
    for name, (_, after) in _documents(folder, root).items():
        (root / name).write_text(after, encoding="utf-8")
    return changed


def _documents(folder: Path, root: Path) -> Mapping[str, tuple[str, str]]:
    """Each document as it is and as it should be."""
    results = read_all(folder)
    texts = {name: (root / name).read_text(encoding="utf-8") for name in DOCUMENTS}
    return {name: (text, filled(text, results)) for name, text in texts.items()}


def _by_label(files: Sequence[Results], part: str, show: Callable[[list[tuple[str, Entry]]], str]) -> str:
    """What `show` makes of the part's entries, under a heading where there is more than one label."""
    found = {label: show(named) for label, named in labelled(files, part).items()}
    shown = {label: text for label, text in found.items() if text}
    return "\n\n".join(text if len(shown) == 1 else f"**{label}**\n\n{text}" for label, text in shown.items())


def _summary(files: Sequence[Results]) -> str:
    rendered = {e["name"] for own in files if own.group != "footage" for e in own.entries}

    def show(named: list[tuple[str, Entry]]) -> str:
        soft = {name for name, entry in named if entry["name"] in rendered}
        return _joined(summary_table(named, soft), endings(named), provenance(named))

    return _by_label(files, "quality", show)


def _mattes(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        rows = shots_table(named, MATTES)
        return _joined(rows, worst_frames(named), worse_frames(named)) if rows else ""

    return _by_label(files, "quality", show)


def _of_shots(*columns: Column) -> Section:
    return lambda files: _by_label(files, "quality", lambda named: shots_table(named, columns))


def _variants(
    part: str, columns: Sequence[Column], chosen: Callable[[str], bool] = lambda name: True
) -> Section:
    def show(named: list[tuple[str, Entry]]) -> str:
        kept = [(name, entry) for name, entry in named if chosen(entry["variant"])]
        order = list(dict.fromkeys(entry["variant"] for _, entry in kept))
        rows = variants_table(kept, order, columns)
        return _joined(rows, endings(kept), provenance(kept)) if rows else ""

    return lambda files: _by_label(files, part, show)


def _starts(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        tables = []
        for start in dict.fromkeys(entry["variant"] for _, entry in named):
            own = [(name, entry) for name, entry in named if entry["variant"] == start]
            if rows := shots_table(own, STARTS):
                tables.append(f"`{start}`:\n\n{rows}")
        return _joined(*tables, endings(named), provenance(named))

    return _by_label(files, "starts", show)


def _speed(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        heads = ("median_ms", "quickest_ms", "processor_ms")
        rows = [
            [
                name,
                *(number(entry[head], 1) for head in heads),
                number(entry.get("times_plain"), 1),
                number(entry.get("times_plain_by_processor"), 1),
            ]
            for name, entry in named
        ]
        columns = ["what", "median, ms", "quickest", "processor", "x plain PyTorch", "by processor"]
        return _joined(table(columns, rows), provenance(named))

    return _by_label(files, "speed", show)


def _memory(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        stages = [stage for stage in named[0][1]["before_mb"] if stage != "start"]
        rows = [
            [name, number(e["peak_mb"], 0), *(number(e["before_mb"].get(stage), 0) for stage in stages)]
            for name, e in named
        ]
        return _joined(table(["shot", "peak, MB", *(f"before {s}" for s in stages)], rows), provenance(named))

    return _by_label(files, "memory", show)


def _gpu(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        rows = [
            [
                name,
                e["ended"] + (f": {e['sentence']}" if e["sentence"] else ""),
                number(e["seconds"], 0),
                figures(e),
            ]
            for name, e in named
        ]
        return _joined(
            table(["part", "ended", "seconds", "figures"], rows), f"On {stamp_line(named[0][1]['stamp'])}."
        )

    def figures(entry: Entry) -> str:
        return "; ".join(f"{key} {_short(value)}" for key, value in entry["figures"].items()) or "-"

    return _by_label(files, "gpu", show)


def _scaling(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        rows = [
            [
                name,
                number(e["hours"], 2),
                number(e["shots_an_hour"], 0),
                number(e["chunks"], 0),
                number(e["efficiency"], 2),
                number(e["limit"], 2),
            ]
            for name, e in named
        ]
        heads = ["", "hours", "shots an hour", "chunks", "efficiency", "the longest shot allows"]
        return _joined(table(heads, rows), f"Simulated with {named[0][1]['shots']} shots.")

    return _by_label(files, "scaling", show)


def _farm(files: Sequence[Results]) -> str:
    def show(named: list[tuple[str, Entry]]) -> str:
        heads = ("seconds", "shots_an_hour", "efficiency", "busy")
        digits = (0, 1, 2, 2)
        rows = [[name, *(number(e[head], places) for head, places in zip(heads, digits, strict=True))] for name, e in named]
        first = named[0][1]
        told = f"{first['shots']} shots of the sample, frames {first['frames']}."
        return _joined(
            table(["", "seconds", "shots an hour", "efficiency", "in tasks"], rows), told, provenance(named)
        )

    return _by_label(files, "farm", show)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _paper(title: str) -> Section:
    return lambda files: paper.table_of(_quoted(), title)


def _beside(files: Sequence[Results]) -> str:
    return paper.beside_ours(_quoted(), files)


def _quoted() -> dict[str, Any]:
    quoted: dict[str, Any] = json.loads((FOLDER / "paper.json").read_text(encoding="utf-8"))
    return quoted


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _is_of_masks(variant: str) -> bool:
    return variant.startswith("masks ") or variant == "full"


# The marks' names.
SECTIONS: dict[str, Section] = {
    "summary": _summary,
    "mattes": _mattes,
    "plates": _of_shots(*PLATES),
    "held plates": _of_shots(*HELD),
    "meshes": _of_shots(*MESHES),
    "costs": _of_shots(*COSTS),
    "starts": _starts,
    "parts": _variants("ablation", (MATTES[2], MATTES[6]), lambda variant: not variant.startswith("masks ")),
    "masks": _variants("ablation", IN_AND_OUT, _is_of_masks),
    "speed": _speed,
    "memory": _memory,
    "gpu": _gpu,
    "scaling": _scaling,
    "farm": _farm,
    "paper static scenes": _paper("static scenes"),
    "paper ablation": _paper("ablation"),
    "paper starts": _paper("starts"),
    "beside the paper": _beside,
}
