"""The shots that quality is measured on: development footage, the truth shots, the sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class Case:
    """A shot with truth. Layers are made of the frames that have a matte of truth; all train.

    masks: a folder, or another source as `--masks` takes it. held: clean plates of truth seen by cameras of `cameras` that
    are not in the footage; measured by `render`.
    """

    name: str
    plates: Path
    truth: Path
    masks: Path | str | None = None
    cameras: Path | None = None
    held: Path | None = None


def footage_cases(folder: Path) -> list[Case]:
    """The sets of the footage folder that have truth: NAME/images, coarse_masks, truth, sparse/0, clean_plates."""
    cases = []
    for truth in sorted(folder.glob("*/truth")):
        shot = truth.parent
        case = Case(
            shot.name, shot / "images", truth, _there(shot / "coarse_masks"), _there(shot / "sparse" / "0")
        )
        cases.append(replace(case, held=shot if (shot / "clean_plates").is_dir() else None))
    return cases


def rendered_cases(folder: Path) -> list[Case]:
    """Shots as make_truth.py and make_sample.py write them: NAME/plates, masks, truth."""
    return [
        Case(truth.parent.name, truth.parent / "plates", truth, _there(truth.parent / "masks"))
        for truth in sorted(folder.glob("*/truth"))
    ]


def sample_case(root: Path) -> Case:
    samples = root / "samples"
    return Case("sample", samples / "plates", samples / "truth", samples / "masks")


def without_masks(case: Case) -> Case:
    """The same shot, as if nobody had any masks for it."""
    return replace(case, name=f"{case.name}, no masks", masks=None)


def pictures(folder: Path) -> dict[str, Path]:
    """The images in a folder by their stems, in the order of their names."""
    return {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES}


def mattes_of_truth(case: Case) -> dict[str, Path]:
    """Mattes of truth by the frames' names: in truth/matte, or in the folder itself."""
    inner = case.truth / "matte"
    return pictures(inner if inner.is_dir() else case.truth)


def _there(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None
