"""The shots that results are measured on: development footage, rendered shots, the sample."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from environment import ROOT, venv_python

SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class Case:
    """A shot, mostly with truth. All frames train; of which ones layers are made is `layer_frames`' business.

    group: what it belongs to, "sample", "footage" or "rendered 640x360"; results of one group go into one file. truth: as
    `surface-sos eval` takes it. masks: a folder, or another source as `--masks` takes it; None: nothing is given. held: a
    truth folder of clean plates seen by cameras of `cameras` that are not in the footage; measured by `render`.
    """

    name: str
    group: str
    plates: Path
    truth: Path | None = None
    masks: Path | str | None = None
    cameras: Path | None = None
    held: Path | None = None


def footage_cases(folder: Path) -> list[Case]:
    """The sets of a footage folder, found by what they hold: NAME/images, and coarse_masks (or masks...), truth, sparse/0,
    clean_plates where they are there."""
    cases = []
    for images in sorted(folder.glob("*/images")):
        shot = images.parent
        masks = [_there(shot / "coarse_masks"), *sorted(shot.glob("masks*"))]
        cases.append(
            Case(
                shot.name,
                "footage",
                images,
                truth=_there(shot / "truth"),
                masks=next((found for found in masks if found is not None), None),
                cameras=_there(shot / "sparse" / "0"),
                held=shot if (shot / "clean_plates").is_dir() else None,
            )
        )
    return cases


def rendered_cases(folder: Path, group: str) -> list[Case]:
    """Shots as make_truth.py and make_sample.py write them: NAME/plates, masks, truth."""
    return [
        Case(truth.parent.name, group, truth.parent / "plates", truth, _there(truth.parent / "masks"))
        for truth in sorted(folder.glob("*/truth"))
    ]


def rendered_at(size: str, out: Path, only: Sequence[str] = ()) -> list[Case]:
    """The shots of make_truth.py, all or those named, at a size like 640x360, rendered into `out` where they are not there yet.

    SystemExit with one sentence where there is no bpy to render with.
    """
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise SystemExit(f"--truth {size} is no size: write it like 640x360.")
    script, python = ROOT / "scripts" / "make_truth.py", venv_python(ROOT / ".venv-bpy45")
    if not python.exists():
        raise SystemExit(
            f"{python} is missing: scripts/test.py --all-blenders makes it, and the truth shots are rendered by it."
        )
    command = [str(python), str(script), *only, "--cache", str(out), "--size", width, height]
    if code := subprocess.run(command, check=False).returncode:
        raise SystemExit(f"The truth shots could not be rendered (code {code}), see above.")
    return [case for case in rendered_cases(out, f"rendered {size}") if not only or case.name in only]


def sample_case() -> Case:
    samples = ROOT / "samples"
    return Case("sample", "sample", samples / "plates", samples / "truth", samples / "masks")


def pictures(folder: Path) -> dict[str, Path]:
    """The images in a folder by their stems, in the order of their names."""
    return {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES}


def mattes_of_truth(case: Case) -> dict[str, Path]:
    """Mattes of truth by the frames' names: in truth/matte, or in the folder itself; none without truth."""
    if case.truth is None:
        return {}
    inner = case.truth / "matte"
    return pictures(inner if inner.is_dir() else case.truth)


def layer_frames(names: list[str], with_truth: set[str], every: int) -> list[str]:
    """Which of a shot's frames get layers: of those with truth every `every`-th and the one after it, so that what changes
    from frame to frame is measured too. Of a shot without truth five, to be looked at."""
    if not with_truth:
        return names[:: max(1, len(names) // 5)][:5]
    known = [i for i, name in enumerate(names) if name in with_truth]
    if every == 1:
        return [names[i] for i in known]
    chosen = {i + step for i in known[::every] for step in (0, 1)} & set(known)
    return [names[i] for i in sorted(chosen)]


def _there(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None
