"""Cameras from footage: structure from motion by pycolmap, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.cameras.camera import CameraModel
from surface_sos_core.cameras.colmap import read_model
from surface_sos_core.cameras.match import listed
from surface_sos_core.cameras.solver_process import Job, SolvableFootage, run_worker, usable_cores, workplace
from surface_sos_core.errors import InputError, SolveError
from surface_sos_core.settings import SolveSettings
from surface_sos_core.wording import counted

LEAST_FRAMES = 3  # two tell nothing of a lens
_HELP = (
    "more overlap between frames, slower moves, sharper frames and more texture around the object help, "
    "or give cameras solved elsewhere"
)
_PARALLAX = (
    "the method needs parallax: film while walking around the object, "
    "not from one place or by turning the camera; if the subject moves, give --subject moving"
)


def solve_cameras(
    footage: SolvableFootage,
    scratch: Path,
    settings: SolveSettings,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
    warn: Callable[[str], None] | None = None,
    held_out: Callable[[int], np.ndarray] | None = None,
    subject: Callable[[int], np.ndarray] | None = None,
) -> CameraModel:
    """Cameras and sparse points of the footage, images named as Frame.file, all with one SIMPLE_RADIAL lens.

    held_out: (h, w) bool of each frame, of its shape at any size, where no features are taken since something moves there.
    subject: the same where the subject is. Where its matches fit cameras of their own alone, as it turns before a room that
    stands, these are taken, and `warn` is told.

    Works below `scratch` and leaves nothing there. `progress` gets (done, total) steps: one each for the
    features, matches and camera of a frame. `warn` is told which frames could not be registered. Repeatable
    for a seed as far as COLMAP's threads allow. Raises SolveError where too few frames register or the camera
    does not move.
    """
    count = len(footage.frames)
    if count < LEAST_FRAMES:
        raise InputError(
            f"the footage has {counted(count, 'frame')}; solving cameras takes at least {LEAST_FRAMES}."
        )
    with workplace(footage, scratch) as (work, plain):
        size = (footage.width, footage.height)
        masks = "" if held_out is None else _write_masks(work / "held_out", plain, size, lambda i: ~held_out(i))
        shown = "" if subject is None else _write_masks(work / "subject", plain, size, subject)
        job = Job(
            str(work / "images"), plain, str(work), str(work / "model"), seed, usable_cores(), settings,
            held_out=masks, subject=shown,
        )  # fmt: skip
        outcome = run_worker(job, progress, way_out="give cameras solved elsewhere instead")
        registered = int(outcome["registered"])
        if outcome["turns"] and warn is not None:
            warn(
                "The subject moves against a room that stands, as on a turntable: cameras are relative to the subject, by what its "
                "masks hold. --set solve.subject_fits=2 says otherwise."
            )
        if outcome["static"] or outcome["panoramic"]:
            raise SolveError(
                f"{registered} of {count} frames registered since the camera hardly moves; {_PARALLAX}."
            )
        if registered < max(LEAST_FRAMES, settings.least_share * count):
            late = f" in the {settings.most_seconds} seconds that it may take" if outcome["late"] else ""
            raise SolveError(f"{registered} of {count} frames registered{late}; {_HELP}.")
        files = {name: frame.file for name, frame in zip(plain, footage.frames, strict=True)}
        model = read_model(work / "model").renamed(files)
    missing = [frame.file for frame in footage.frames if frame.file not in model.cameras]
    if missing and warn is not None:
        warn(f"{registered} of {count} frames registered; without a camera: {listed(missing)}.")
    return model


def _write_masks(
    folder: Path, names: list[str], size: tuple[int, int], white: Callable[[int], np.ndarray]
) -> str:
    """COLMAP's image masks in a new folder, of so many pixels; returns the folder."""
    folder.mkdir()
    for i, name in enumerate(names):
        mask = white(i).astype(np.uint8) * np.uint8(255)
        whole = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / f"{name}.png"), whole, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return str(folder)
