"""What the refinement makes of other starts than all masks: one box on one frame, nothing, GrabCut in each frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from shots.files import write_grey

from measure.cases import Case, mattes_of_truth, pictures
from measure.run import Plan, Settings

ROOM = 0.02  # of the frame's longer edge, around what a box is drawn around


def start_plans(
    cases: Sequence[Case], settings: Settings, out: Path, chosen: Sequence[str]
) -> Iterator[Plan]:
    """Of each case with mattes of truth the starts of STARTS that are chosen.

    Each finds out by itself what kind of shot it is: cameras of a shot whose subject moves would say that it stands.
    """
    for case in cases:
        if not mattes_of_truth(case):
            continue
        for name in chosen:
            masks = STARTS[name](case, out / f"{case.name} {name} start")
            if masks is not None:
                yield Plan(replace(case, masks=masks, held=None), settings, name)


def middle_frame(case: Case) -> str:
    """The name of the frame that the box is drawn on: of those that have truth, the middle one."""
    names = list(mattes_of_truth(case))
    return names[len(names) // 2]


def one_box(case: Case, file: Path) -> str:
    """`box:FILE` of one box on one frame, the true matte's with ROOM around it; the file is written."""
    name = middle_frame(case)
    file = file.with_suffix(".json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"frame": name, "box": box_around(_read(mattes_of_truth(case)[name]))}))
    return f"box:{file}"


def grab_cuts(case: Case, folder: Path) -> Path | None:
    """A folder of masks: GrabCut in every frame by itself, from a box around its coarse mask; none where that is empty.

    None for a case without a folder of masks.
    """
    from surface_sos_core.masks.sources.flow import grow
    from surface_sos_core.settings import FlowSettings

    settings = FlowSettings()
    if not isinstance(case.masks, Path):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    plates = pictures(case.plates)
    for name, file in pictures(case.masks).items():
        mask = _read(file)
        if name not in plates or not (mask > 0.5).any():
            continue
        plate = cv2.imread(str(plates[name]))
        height, width = plate.shape[:2]
        scale = min(1.0, settings.edge / max(plate.shape))
        size = round(width * scale), round(height * scale)
        region = np.zeros(size[::-1], bool)
        shown = np.array(size * 2) / (mask.shape[1::-1] * 2)
        left, top, right, bottom = np.rint(box_around(mask) * shown).astype(int)
        region[top:bottom, left:right] = True
        small = cv2.cvtColor(cv2.resize(plate, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        write_grey(
            folder / f"{name}.png",
            cv2.resize(grow(small, region, settings).astype(np.float32), (width, height)),
        )
    return folder


def box_around(mask: np.ndarray) -> list[float]:
    """[left, top, right, bottom] in pixels of a mask (H, W) in [0, 1], with ROOM around it, within the frame."""
    rows, columns = np.nonzero(mask > 0.5)
    height, width = mask.shape
    room = ROOM * max(mask.shape)
    low = max(0.0, columns.min() - room), max(0.0, rows.min() - room)
    high = min(float(width), columns.max() + 1 + room), min(float(height), rows.max() + 1 + room)
    return [float(value) for value in (*low, *high)]


def _read(file: Path) -> np.ndarray:
    return cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) / np.float32(255)


# What a row starts from: the case and where files of it may be written -> what --masks takes, or None where it cannot be.
STARTS: dict[str, Callable[[Case, Path], Path | str | None]] = {
    "box": one_box,
    "auto": lambda case, file: "auto",
    "grabcut": grab_cuts,
}
