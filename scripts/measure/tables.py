"""Tables of results in Markdown, and where they go in a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

QUALITY_COLUMNS = (
    "shot", "coarse in", "mIoU", "accuracy", "worst frame", "SAD soft / cut", "SAD in band", "MSE in band",
    "gradient", "connectivity", "dtSSD", "plate seen", "plate unseen", "plate seen, shadow in", "F-score",
    "chamfer", "seconds", "MB",
)  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def quality_row(name: str, result: dict[str, Any]) -> list[str]:
    """The cells of QUALITY_COLUMNS from a result of `run`."""
    measured = result["measured"]
    matte, mesh, worst = _mean(measured["matte"]), measured["mesh"] or {}, "-"
    if measured["matte"]:
        worst = f"{number(measured['matte']['worst']['iou'])} ({measured['matte']['worst']['name']})"
    clean, shadowed = _mean(measured["clean"]), _mean(measured["shadowed"])
    return [
        name,
        number(result["coarse"]),
        number(matte.get("miou")),
        number(matte.get("accuracy")),
        worst,
        f"{number(matte.get('sad'))} / {number(matte.get('sad_thresholded'))}",
        *(
            number(matte.get(key), digits)
            for key, digits in (
                ("sad_band", 3),
                ("mse_band", 4),
                ("gradient", 2),
                ("connectivity", 3),
                ("dtssd", 3),
            )
        ),
        _plate(clean, "_seen"),
        _plate(clean, "_unseen"),
        _plate(shadowed, "_seen"),
        number(mesh.get("f_score")),
        number(mesh.get("chamfer_relative"), 4),
        number(result["seconds"], 0),
        number(result["memory_mb"], 0),
    ]


def replace_section(text: str, heading: str, body: str) -> str:
    """`text` with the section under `heading` ("## ...") replaced by `body`, or added at the end."""
    section = f"{heading}\n\n{body.strip()}\n"
    lines = text.splitlines(keepends=True)
    starts = [i for i, line in enumerate(lines) if line.rstrip() == heading]
    if not starts:
        return f"{text.rstrip()}\n\n{section}" if text.strip() else section
    level = heading.split(" ")[0]
    end = next((i for i in range(starts[0] + 1, len(lines)) if lines[i].startswith(level + " ")), len(lines))
    after = "".join(lines[end:])
    return "".join(lines[: starts[0]]) + section + ("\n" + after if after else "")


def number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _mean(part: dict[str, Any] | None) -> dict[str, Any]:
    return part["mean"] if part else {}


def _plate(mean: dict[str, Any], split: str) -> str:
    value = mean.get(f"psnr{split}")
    return "-" if value is None else f"{value:.1f} dB, {number(mean.get(f'ssim{split}'), 2)}"
