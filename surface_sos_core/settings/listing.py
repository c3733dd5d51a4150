"""All settings as a table for a person and as JSON for a program."""

from __future__ import annotations

from typing import Any

from surface_sos_core.settings.run import PRESETS, Settings, preset
from surface_sos_core.settings.setting import plain


def as_json() -> list[dict[str, Any]]:
    """One object for each setting: name, type, its value by preset, least, most, unit, choices, text."""
    by_preset = {name: preset(name).groups() for name in PRESETS}
    rows: list[dict[str, Any]] = []
    for group, held in Settings().groups().items():
        for name, about in held.about().items():
            rows.append(
                {
                    "name": f"{group}.{name}",
                    "type": type(getattr(held, name)).__name__,
                    **{chosen: getattr(groups[group], name) for chosen, groups in by_preset.items()},
                    "least": about.least,
                    "most": about.most,
                    "unit": about.unit,
                    "choices": list(about.choices),
                    "text": about.text,
                }
            )
    return rows


def as_table() -> str:
    """The name, the value (of each preset where they differ), range, unit and sentence of each setting."""
    lines = ["A value that differs by preset is shown as preview / default / quality.", ""]
    group = ""
    for name, held in ((row["name"], row) for row in as_json()):
        if (now := name.partition(".")[0]) != group:
            lines += [""] * bool(group) + [f"[{now}]"]
            group = now
        values = [_shown(held[chosen]) for chosen in PRESETS]
        value = values[0] if len(set(values)) == 1 else " / ".join(values)
        about = getattr(Settings(), group).about()[name.partition(".")[2]]
        bounds = f" ({about.range}{f' {about.unit}' if about.unit else ''})" if about.range else ""
        lines.append(f"{name} = {value}{bounds}")
        lines.append(f"    {about.text}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else plain(value)
        if isinstance(value, float)
        else str(value)
    )
