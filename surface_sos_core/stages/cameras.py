"""Cameras read or solved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras import (
    CameraModel,
    check_parallax,
    match_cameras,
    read_model,
    solve_cameras,
    triangulate_points,
    write_model,
)
from surface_sos_core.cameras.solver_process import SolvableFootage
from surface_sos_core.cameras.square_pixels import Stretched
from surface_sos_core.events import Events
from surface_sos_core.footage import Footage
from surface_sos_core.provenance import code_version
from surface_sos_core.settings import SolveSettings
from surface_sos_core.stages.run import Run

_SQUARE = 1e-3  # pixels are square whose aspect differs by less from 1


def camera_stage(
    run: Run,
    given: CameraModel | None,
    subject: Callable[[int], np.ndarray] | None,
    inputs: dict[str, Any],
) -> CameraModel:
    """Cameras read or solved, with sparse points, and one for each frame that has one.

    subject: gives (h, w) bool of a frame where masks say it is; where it turns before a room that stands, cameras are
    relative to it.
    """
    run.stage("cameras")
    folder, events = run.folder, run.events
    inputs = {
        **inputs,
        "subject": subject is not None,  # other masks of it leave cameras as good as they were
        "settings": run.settings.of_stage("cameras"),
        "code": code_version(__name__),
    }
    model = run.read_kept("cameras", inputs, lambda: read_model(folder.cameras))
    if model is None:
        settings, seed, scratch = run.settings, run.settings.seed, folder.checkpoint
        if given is None:
            model = solved_cameras(run.footage, scratch, settings.solve, seed, events, subject=subject)
        else:
            model = triangulate_points(
                run.footage,
                given,
                scratch,
                settings.points,
                settings.solve,
                run.progress("steps"),
                seed,
                events.warning,
            )
        write_model(model, folder.cameras)
        run.note("cameras", inputs)
        model = read_model(folder.cameras)  # digit for digit what a run that goes on from here reads
    run.cameras = match_cameras(model, run.footage, events.warning)
    check_parallax(model, run.settings.solve.least_spread)
    run.manifest.cameras = "cameras"
    run.save("cameras")
    return model


def solved_cameras(
    footage: Footage,
    scratch: Path,
    settings: SolveSettings,
    seed: int,
    events: Events,
    held_out: Callable[[int], np.ndarray] | None = None,
    subject: Callable[[int], np.ndarray] | None = None,
) -> CameraModel:
    """Solved from the frames; `scratch`: a folder for what the solver keeps meanwhile; held_out, subject: see `solve_cameras`."""

    def solved(frames: SolvableFootage) -> CameraModel:
        return solve_cameras(
            frames,
            scratch,
            settings,
            lambda done, total: events.progress(done, total, "steps"),
            seed,
            events.warning,
            held_out,
            subject,
        )

    aspect = footage.tags(0).pixel_aspect
    if abs(aspect - 1) < _SQUARE:
        return solved(footage)
    stretched = Stretched(footage, aspect)
    return stretched.told_in_stored_pixels(solved(stretched))
