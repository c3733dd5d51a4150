"""Shots whose subject moves: cameras, masks and layers without fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from surface_sos_core.cameras import Camera, CameraModel, match_cameras, read_model, write_model
from surface_sos_core.cameras.between import bridged
from surface_sos_core.cameras.match import listed
from surface_sos_core.errors import InputError, SetupError, SolveError
from surface_sos_core.layers.at_once import frames_with_room, in_order
from surface_sos_core.layers.exr import FrameLayers
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.auto import AutoSource
from surface_sos_core.masks.sources.box import BoxSource
from surface_sos_core.masks.sources.source import MaskShot, MaskSource
from surface_sos_core.moving.camera_motion import FREE
from surface_sos_core.moving.carried import what_moves_there
from surface_sos_core.moving.found import moving_masks
from surface_sos_core.moving.registration import grown
from surface_sos_core.moving.shot_kind import ShotKind
from surface_sos_core.moving.subject import Subject, follow_subject, moving_layers
from surface_sos_core.provenance import code_version
from surface_sos_core.stages.cameras import solved_cameras
from surface_sos_core.stages.correction_files import correction_stamps, read_corrections
from surface_sos_core.stages.frame_files import LayerFiles, begin_layers, keep_chunk, take_chunks
from surface_sos_core.stages.run import Run, footage_stamp, model_stamp
from surface_sos_core.wording import counted


class CoarseOnce:
    """The coarse masks of a run, found when they are first asked for."""

    def __init__(self, run: Run, source: MaskSource) -> None:
        self._run, self._source = run, source
        self._masks: CoarseMasks | None = None

    @property
    def found(self) -> bool:
        """Whether they are found by how the background moves."""
        return isinstance(self._source, (AutoSource, BoxSource))

    def __call__(self) -> CoarseMasks:
        if self._masks is None:
            self._masks = _coarse(self._run, self._source)
            if not (self._masks.known & ~self._masks.empty).any():
                raise InputError(
                    "All masks are black; paint the subject white in some frames, or draw a box."
                )
        return self._masks


def moving_camera_stage(
    run: Run,
    kind: ShotKind,
    coarse: Callable[[], CoarseMasks],
    given: CameraModel | None,
    inputs: dict[str, Any],
) -> CameraModel | None:
    """Cameras given, those of one that turns or stands, or solved from what the subject leaves free of one that travels.

    Layers do without, so a warning says where there are none. Returned are those that travel.
    """
    run.stage("cameras")
    footage, folder = run.footage, run.folder
    inputs = {
        **inputs,
        "camera": kind.camera.kind,
        "settings": run.settings.of_stage("cameras", moving=True),
        "code": code_version(__name__),
    }
    if not run.keeps("cameras", inputs):
        run.manifest.cameras = None
        model = given
        if given is None and kind.camera.kind == FREE:
            model = _solved(run, coarse())
        elif given is None:
            size = (footage.width, footage.height)
            scale = footage.width / kind.width
            model = kind.camera.model([frame.file for frame in footage.frames], size, scale)
        if model is not None:
            write_model(model, folder.cameras)
            run.manifest.cameras = "cameras"
        run.note("cameras", inputs)
    run.save("cameras")
    travels = kind.camera.kind == FREE and run.manifest.cameras is not None
    return read_model(folder.cameras) if travels else None


def _solved(run: Run, masks: CoarseMasks) -> CameraModel | None:
    """Cameras solved with the subject held out, those that lack among others put between them; None where it cannot be done."""
    own, warning = run.settings.moving_solve, run.events.warning

    def held_out(i: int) -> np.ndarray:
        return grown(masks.probability[i] > 255 * run.settings.moving.maybe, run.settings.moving.grow)

    try:
        model = solved_cameras(
            run.footage,
            run.folder.checkpoint,
            own.instead_of(run.settings.solve),
            run.settings.seed,
            run.events,
            held_out,
        )
    except (InputError, SetupError, SolveError) as told:
        warning(
            f"The camera travels before a subject that moves, and was not solved, so OUT has no cameras: {told} A COLMAP model "
            "as --cameras puts them beside the layers."
        )
        return None
    model, between = bridged(model, [frame.file for frame in run.footage.frames], own.most_between)
    if between:
        warning(
            f"{counted(len(between), 'frame has a camera', 'frames have cameras')} between those before and after, since none "
            f"could be solved: {listed(between)}."
        )
    return model


def subject_stage(
    run: Run,
    kind: ShotKind,
    coarse: CoarseOnce,
    model: CameraModel | None,
    inputs: dict[str, Any],
) -> Subject:
    """Where the subject is in each frame: its masks given or found, mended over time. model: of a camera that travels."""
    run.stage("masks")
    path = run.folder.subject
    inputs = {
        **inputs,
        "camera": kind.camera.kind,
        "model": model_stamp(run) if model is not None else None,
        "settings": run.settings.of_stage("masks", moving=True),
        "code": code_version(__name__),
    }
    cameras: list[Camera | None] = [None] * len(run.footage.frames)
    if model is not None:
        cameras = match_cameras(
            model, run.footage, lambda told: None
        )  # all of it was told by who made the model
    subject = run.read_kept("masks", inputs, lambda: Subject.read(path, cameras, run.settings))
    if subject is None:
        progress = run.progress("steps")
        subject = follow_subject(
            run.footage, coarse(), kind.camera.kind, run.settings, progress, model, cameras, coarse.found
        )
        subject.write(path)
        run.note("masks", inputs)
    run.save("masks")
    return subject


def _coarse(run: Run, source: MaskSource) -> CoarseMasks:
    if isinstance(source, AutoSource):
        return moving_masks(run.footage, run.settings, run.progress("frames"))
    nowhere = [None] * len(run.footage.frames)
    shot = MaskShot(
        run.footage, None, nowhere, None, run.settings, run.events.warning, run.progress("frames")
    )
    if not isinstance(source, BoxSource):
        return source.find(shot)
    try:
        found = moving_masks(run.footage, run.settings, shot.progress)
    except InputError as told:
        run.events.warning(f"The drawing was carried by flow alone: {told}")
        return source.carry(shot)
    return source.carry(shot, partial(what_moves_there, found, run.settings.moving_masks))


def _layer_inputs(run: Run) -> dict[str, Any]:
    return {
        "footage": footage_stamp(run.footage),
        "subject": hashlib.sha256(run.folder.subject.read_bytes()).hexdigest(),
        "settings": run.settings.of_stage("layers", moving=True),
        "code": code_version(__name__),
    }


def moving_layer_stage(run: Run, subject: Subject) -> None:
    """An EXR for each selected frame, all at once as many as there are cores."""
    run.stage("layers")
    inputs = _layer_inputs(run)
    if not run.keeps("layers", inputs):
        begin_layers(run, run.selected, inputs)
    take_chunks(run)
    _make_frames(run, subject, LayerFiles(run, run.selected, inputs, correction_stamps(run)))
    run.save("layers")


def moving_layer_chunk(run: Run) -> None:
    """Those of the selected frames that are not there yet, as `layer_chunk` makes them of a subject that stands."""
    run.stage("layers")
    files = LayerFiles(run, run.selected, _layer_inputs(run), correction_stamps(run), enters=False)
    if files.missing:
        _make_frames(run, Subject.read(run.folder.subject, run.cameras, run.settings), files)
        keep_chunk(run)


def _make_frames(run: Run, subject: Subject, files: LayerFiles) -> None:
    corrections = read_corrections(run)
    subject = subject.corrected(corrections)

    def make(i: int) -> FrameLayers:
        return moving_layers(run.footage, subject, run.settings, i, corrections.get(i))

    at_once = frames_with_room(run.footage.width * run.footage.height)
    with closing(in_order(make, list(files.missing), at_once)) as made:
        for i, layers in made:
            files.put(i, layers, _doubts(layers, run.settings.moving_plate.told_unseen))


def _doubts(layers: FrameLayers, told_unseen: float) -> list[str]:
    alpha = layers.foreground[..., 3]
    if not (alpha > 0.5).any():
        return ["The subject was not found in this frame."]
    unseen = float(np.mean(layers.seen[alpha > 0.5] < 0.5))
    if unseen > told_unseen:
        return [f"{unseen:.0%} of the background behind the subject was never seen."]
    return []
