"""The result of `evaluate_shot` as plain text."""

from __future__ import annotations

from typing import Any

from surface_sos_core.wording import counted

TITLES = {"matte": "matte", "clean": "clean plate", "shadowed": "clean plate, the object's shadow left in"}


def table(measured: dict[str, Any]) -> str:
    """The result of `evaluate_shot` as plain text."""
    lines: list[str] = []
    for part, title in TITLES.items():
        result = measured[part]
        if result is None:
            continue
        more = (
            f"band of {measured['radius']:g} pixels"
            if part == "matte"
            else f"one gain of {result['gain']:.4f}"
        )
        lines.append(f"{title} ({counted(result['frames'], 'frame')}, {more})")
        lines += _rows(result["mean"])
        name, value = result["worst"].values()
        lines.append(f"  {'worst frame':<22}{name} ({value:.4f})")
        first = [key for key in result["per_frame"][0] if key not in ("name", "frame")][:3]
        if part == "matte" and result["worse"] is not None:
            worse = ", ".join(result["worse"]) or "none"
            lines.append(f"  {'worse than the mask':<22}{worse}")
        width = max(len(row["name"]) for row in result["per_frame"])
        lines += [
            f"    {row['name']:<{width}}  " + "  ".join(f"{key} {_number(row[key])}" for key in first)
            for row in result["per_frame"]
        ]
    if measured["mesh"] is not None:
        lines += ["mesh", *_rows(measured["mesh"])]
    for key, text in (("skipped", "truth of frames without layers"), ("unmatched", "truth of no frame")):
        if measured[key]:
            lines.append(f"{text}: {', '.join(measured[key])}")
    return "\n".join(lines + measured["notes"])


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)


def _rows(values: dict[str, Any]) -> list[str]:
    return [f"  {name:<22}{_number(value)}" for name, value in values.items()]
