"""TUM RGB-D (Sturm et al. 2012): rgb.txt, groundtruth.txt and the camera of freiburg1, 2 or 3.

A line of groundtruth.txt is a time, the camera's centre, and a quaternion x y z w that turns camera axes (right, down,
forward) into the world. Images have times of their own: poses are interpolated. The calibrations are those of the set's
page "Intrinsic Camera Calibration" (OpenCV's model; pixels count from the centre of the first one).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from surface_sos_core.cameras import Lens
from surface_sos_core.datasets.dataset import DataSet, View
from surface_sos_core.datasets.parts import HALF_PIXEL, below, camera_at, floats, need
from surface_sos_core.errors import InputError
from surface_sos_core.wording import counted

LONGEST_GAP = 0.1  # seconds between poses that are interpolated
SIZE = (640, 480)
# fx, fy, cx, cy, k1, k2, p1, p2, k3
CALIBRATIONS = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "freiburg2": (520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    "freiburg3": (535.4, 539.2, 320.1, 247.6, 0.0, 0.0, 0.0, 0.0, 0.0),
}


def read(path: Path) -> DataSet:
    """path: the folder of a sequence, whose name says which camera it was."""
    lens = _lens(path)
    times, poses = _poses(need(path / "groundtruth.txt", "the cameras"))
    turn = Slerp(times, Rotation.from_quat(poses[:, 3:]))
    views, without = [], 0
    for line in _lines(need(path / "rgb.txt", "the list of images")):
        words = line.split()
        if len(words) != 2:
            raise InputError(
                f"{path / 'rgb.txt'} has the line {line!r}, not a time and a file; get the set again."
            )
        time = float(floats(words[0], (1,), str(path / "rgb.txt"))[0])
        after = int(np.searchsorted(times, time))
        camera = None
        if 0 < after < len(times) and times[after] - times[after - 1] <= LONGEST_GAP:
            centre = [np.interp(time, times, poses[:, axis]) for axis in range(3)]
            camera = camera_at(lens, turn(time).as_matrix(), np.array(centre), f"{path}, {words[1]}")
        without += camera is None
        views.append(View(below(path, words[1], str(path / "rgb.txt")), camera))
    notes = (
        (f"{without} of {counted(len(views), 'image')} without a camera: their times are not covered.",)
        if without
        else ()
    )
    return DataSet(views, notes=notes)


def _lens(path: Path) -> Lens:
    for name, (fx, fy, cx, cy, *distortion) in CALIBRATIONS.items():
        if name in path.resolve().name:
            centre = (cx + HALF_PIXEL, cy + HALF_PIXEL)
            if not any(distortion):
                return Lens("PINHOLE", *SIZE, (fx, fy, *centre))
            return Lens("FULL_OPENCV", *SIZE, (fx, fy, *centre, *distortion, 0.0, 0.0, 0.0))
    raise InputError(
        f"{path.name} does not say which camera it was: the folder's name must hold freiburg1, 2 or 3."
    )


def _poses(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) and poses (N, 7), in order of time."""
    rows = [floats(line, (8,), f"{file}, {line[:20]!r}") for line in _lines(file)]
    if len(rows) < 2:
        raise InputError(f"{file} holds fewer than two poses; get the set again.")
    table = np.array(rows)
    _, first = np.unique(table[:, 0], return_index=True)
    if len(first) < 2 or np.linalg.norm(table[:, 4:], axis=1).min() < 1e-6:
        raise InputError(f"{file} holds poses that are none; get the set again.")
    return table[first, 0], table[first, 1:]


def _lines(file: Path) -> list[str]:
    lines = (line.strip() for line in file.read_text(errors="replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
