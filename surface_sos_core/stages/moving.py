"""Shots whose subject moves: cameras, masks and layers without fields."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import Any

import numpy as np

from surface_sos_core.cameras import CameraModel, match_cameras, read_model, write_model
from surface_sos_core.errors import InputError
from surface_sos_core.layers.at_once import frames_with_room, in_order
from surface_sos_core.layers.exr import FrameLayers, PlateHeader, write_layers
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.auto import AutoSource
from surface_sos_core.masks.sources.box import BoxSource
from surface_sos_core.masks.sources.source import MaskShot, MaskSource
from surface_sos_core.moving.camera_motion import FREE
from surface_sos_core.moving.found import follow_what_moves, moving_masks
from surface_sos_core.moving.shot_kind import ShotKind
from surface_sos_core.moving.subject import Subject, follow_subject, moving_layers
from surface_sos_core.provenance import code_version
from surface_sos_core.stages.layers import begin_layers, is_whole, layer_names
from surface_sos_core.stages.run import Run, footage_stamp


def moving_camera_stage(run: Run, kind: ShotKind, given: CameraModel | None, inputs: dict[str, Any]) -> None:
    """Cameras given, or those of one that turns or stands; none are made of one that travels."""
    run.stage("cameras")
    footage, folder = run.footage, run.folder
    inputs = {
        **inputs,
        "camera": kind.camera.kind,
        "settings": run.settings.of_stage("cameras", moving=True),
        "code": code_version(__name__),
    }
    if not run.keeps("cameras", inputs):
        if given is None and kind.camera.kind != FREE:
            size = (footage.width, footage.height)
            scale = footage.width / kind.width
            given = kind.camera.model([frame.file for frame in footage.frames], size, scale)
        if given is not None:
            write_model(given, folder.cameras)
            run.manifest.cameras = "cameras"
        else:
            run.events.warning(
                "The camera travels before a subject that moves, and was not solved: OUT has no cameras; give a COLMAP "
                "model as --cameras to have them beside the layers."
            )
        run.note("cameras", inputs)
    if run.manifest.cameras is not None:
        run.cameras = match_cameras(read_model(folder.cameras), footage, run.events.warning)
    run.save("cameras")


def subject_stage(run: Run, kind: ShotKind, source: MaskSource, inputs: dict[str, Any]) -> Subject:
    """Where the subject is in each frame: its masks given or found, mended over time."""
    run.stage("masks")
    count, path = len(run.footage.frames), run.folder.subject
    inputs = {
        **inputs,
        "camera": kind.camera.kind,
        "settings": run.settings.of_stage("masks", moving=True),
        "code": code_version(__name__),
    }
    subject = run.read_kept("masks", inputs, lambda: Subject.read(path, count, run.settings))
    if subject is None:
        masks = _coarse(run, source)
        if not (masks.known & ~masks.empty).any():
            raise InputError("All masks are black; paint the subject white in some frames, or draw a box.")
        subject = follow_subject(run.footage, masks, kind.camera.kind, run.settings, run.progress("steps"))
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
    masks = source.find(shot)
    if isinstance(source, BoxSource):
        try:
            found = moving_masks(run.footage, run.settings, shot.progress)
            masks = follow_what_moves(masks, found, run.settings.moving_masks)
        except InputError as told:
            run.events.warning(f"The drawing was carried by flow alone: {told}")
    return masks


def moving_layer_stage(run: Run, subject: Subject) -> None:
    """An EXR for each selected frame, all at once as many as there are cores."""
    run.stage("layers")
    footage, entries, folder = run.footage, run.manifest.frames, run.folder
    code = code_version(__name__)
    inputs = {
        "footage": footage_stamp(footage),
        "subject": hashlib.sha256(folder.subject.read_bytes()).hexdigest(),
        "settings": run.settings.of_stage("layers", moving=True),
        "code": code,
    }
    if not run.keeps("layers", inputs):
        begin_layers(run, run.selected, inputs)
    names = layer_names(run, run.selected)
    missing = [
        i for i in run.selected if entries[i].layers != names[i] or not is_whole(folder.out / names[i])
    ]
    done = len(names) - len(missing)
    run.events.progress(done, len(names), "frames")
    if missing:
        run.adds_to("layers", code)

    def make(i: int) -> FrameLayers:
        return moving_layers(footage, subject, run.settings, i)

    at_once = frames_with_room(footage.width * footage.height)
    with closing(in_order(make, missing, at_once)) as made:
        for i, layers in made:
            write_layers(folder.out / names[i], layers, footage.frames[i].number, PlateHeader.of(footage, i))
            entries[i].layers = names[i]
            entries[i].doubts = _doubts(layers, run.settings.moving_plate.told_unseen)
            run.save()
            done += 1
            run.events.progress(done, len(names), "frames")
    run.save("layers")


def _doubts(layers: FrameLayers, told_unseen: float) -> list[str]:
    alpha = layers.foreground[..., 3]
    if not (alpha > 0.5).any():
        return ["The subject was not found in this frame."]
    unseen = float(np.mean(layers.seen[alpha > 0.5] < 0.5))
    if unseen > told_unseen:
        return [f"{unseen:.0%} of the background behind the subject was never seen."]
    return []
