"""The corrections that a shot has, as stages after training read them."""

from __future__ import annotations

from surface_sos_core.corrections.correction import Correction, correction_files, read_correction
from surface_sos_core.stages.run import Run


def correction_stamps(run: Run) -> dict[int, str]:
    """What each corrected frame's correction is, by the content of its file."""
    return {i: run.stamps.of(path) for i, path in correction_files(run.folder.corrections, run.footage).items()}


def read_corrections(run: Run) -> dict[int, Correction]:
    """Of the frames that have one, by position; InputError for a file that is none."""
    files = correction_files(run.folder.corrections, run.footage)
    return {i: read_correction(path, run.footage) for i, path in files.items()}
