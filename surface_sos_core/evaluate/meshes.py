"""The surface of a shot against that of truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.evaluate import metrics
from surface_sos_core.evaluate.truth_files import Truth, camera_centres, read_mesh
from surface_sos_core.manifest import Manifest

SURFACE_SAMPLES = 100_000
F_SCORE_THRESHOLD = 0.01  # of the diagonal of the truth's bounding box


def measure_mesh(out: Path, manifest: Manifest, truth: Truth, notes: list[str]) -> dict[str, Any] | None:
    """The "mesh" of `evaluate_shot`; what could not be measured goes into `notes`."""
    if truth.mesh is None:
        return None
    if manifest.mesh is None or manifest.mesh.ply is None:
        notes.append("the shot has no mesh to compare with the truth's")
        return None
    vertices, faces = read_mesh(out / manifest.mesh.ply)
    true_vertices, true_faces = read_mesh(truth.mesh)
    camera_rms = None
    if truth.cameras is not None and manifest.cameras is not None:
        source, target = camera_centres(out / manifest.cameras, truth.cameras)
        try:
            scale, rotation, translation = metrics.align_similarity(source, target)
        except ValueError as error:
            raise InputError(
                f"{truth.cameras} cannot be aligned with the shot's cameras by name ({error}): "
                "give truth cameras for at least 3 frames that are not on a line"
            ) from error
        vertices = scale * vertices @ rotation.T + translation
        apart = scale * source @ rotation.T + translation - target
        camera_rms = float(np.sqrt(np.mean(np.sum(apart**2, axis=1))))
    else:
        notes.append("no cameras of truth: the mesh was compared in the world it is in")
    size = float(np.linalg.norm(np.ptp(true_vertices[true_faces].reshape(-1, 3), axis=0)))
    chamfer, f_score, precision, recall = metrics.chamfer_and_f_score(
        metrics.sample_surface(vertices, faces, SURFACE_SAMPLES, seed=0),
        metrics.sample_surface(true_vertices, true_faces, SURFACE_SAMPLES, seed=1),
        F_SCORE_THRESHOLD * size,
    )
    return {
        "chamfer": chamfer,
        "chamfer_relative": chamfer / size,
        "f_score": f_score,
        "precision": precision,
        "recall": recall,
        "threshold": F_SCORE_THRESHOLD * size,
        "aligned": camera_rms is not None,
        "camera_rms": camera_rms,
    }
