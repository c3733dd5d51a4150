"""The paper's tables, quoted from docs/results/paper.json, and our figures beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from measure.results import Results
from measure.tables import MATTES, Entry, number, table

LABEL = "default"  # only whole runs by the default preset stand beside the paper's


def table_of(quoted: dict[str, Any], title: str) -> str:
    """One of the paper's tables whole; "-" where it has no figures, and what a row's method started from said so."""
    own = _named(quoted, title)
    rows = [[row["name"], *(_cell(cell) for cell in row["cells"])] for row in own["rows"]]
    return f"Quoted, {own['number']}: {' '.join(quoted['measures'])}.\n\n" + table(
        [own["of"], *own["columns"]], rows
    )


def beside_ours(quoted: dict[str, Any], files: Sequence[Results]) -> str:
    """The rows of the paper's ablation that we have as well, scene by scene; "" where nothing was measured."""
    own, rows = _named(quoted, "ablation"), []
    for column, scene in enumerate(own["columns"]):
        for row in own["rows"]:
            entry = _ours(files, scene.lower(), row.get("ours"))
            if entry is None:
                continue
            theirs = row["cells"][column]["values"]
            ours = [number(MATTES[place].value(entry)) for place in (2, 6)]
            measured = f"{entry['stamp']['commit']}, {entry['stamp']['time'][:10]}"
            rows.append([f"{scene}, {row['name']}", number(theirs[2]), number(theirs[3]), *ours, measured])
    heads = ["scene, row", "mIoU, quoted", "accuracy, quoted", "mIoU, ours", "accuracy, ours", "measured"]
    return table(heads, rows) if rows else ""


def _ours(files: Sequence[Results], scene: str, variant: str | None) -> Entry | None:
    """Our run of that scene: of the ablation, or of the shots as they are for the row of the full method."""
    wanted = [("ablation", variant), *([("quality", "")] if variant == "full" else [])]
    for part, name in wanted:
        for own in files:
            for entry in own.entries if (own.part, own.label) == (part, LABEL) else ():
                if (entry["name"], entry["variant"]) == (scene, name) and entry["ended"] == "done":
                    return entry
    return None


def _named(quoted: dict[str, Any], title: str) -> dict[str, Any]:
    return next(own for own in quoted["tables"] if own["title"] == title)


def _cell(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "-"
    text = " ".join(f"{value:.3f}" for value in cell["values"])
    return f"{text} ({cell['note']})" if cell.get("note") else text
