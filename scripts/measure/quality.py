"""The quality table: every shot with truth, the same settings for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure.cases import Case, footage_cases, rendered_cases, sample_case, without_masks
from measure.run import run
from measure.tables import QUALITY_COLUMNS, number, quality_row, table

MASKLESS = "teddy"  # is measured without its masks as well


def quality_cases(root: Path, footage: Path | None, shots: Path) -> list[Case]:
    """The footage, the truth shots that are in the cache, and the sample."""
    cases = [*(footage_cases(footage) if footage else []), *rendered_cases(shots), sample_case(root)]
    return [
        part for case in cases for part in ((case, without_masks(case)) if case.name == MASKLESS else (case,))
    ]


def quality(cases: Sequence[Case], settings: dict[str, Any], out: Path) -> str:
    """Measure all cases, printing each row as it comes; returns the table and what stands below it."""
    rows, notes = [], []
    print(table(QUALITY_COLUMNS, []), flush=True)
    for case in cases:
        result = run(case, settings, out / case.name)
        rows.append(quality_row(case.name, result))
        print(table(rows[-1], []).splitlines()[0], flush=True)
        if result["held"]:
            clean = result["held"]["clean"]
            mean = clean["mean"]
            notes.append(
                f"{case.name}: {clean['frames']} photographs without the object, from other cameras, in its place and after "
                f"one gain of {clean['gain']:.3f}: {number(mean['psnr_gain'], 1)} dB "
                f"(seen {number(mean['psnr_seen_gain'], 1)}, unseen {number(mean['psnr_unseen_gain'], 1)})."
            )
    notes.append(
        f"SAD in thousands of pixels, of the soft matte and of the one cut at 0.5; the band is "
        f"{result['measured']['radius']:g} pixels around the outline; plates as PSNR and SSIM in the hole, against truth "
        "without the object's shadow and with it; F-score at 1 % of the object's size; chamfer as a share of it."
    )
    return table(QUALITY_COLUMNS, rows) + "\n\n" + "\n\n".join(notes)
