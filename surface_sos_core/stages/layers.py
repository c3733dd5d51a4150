"""An EXR of layers for each frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from surface_sos_core.cameras import CameraModel, read_model
from surface_sos_core.footage.exposure import read_gains
from surface_sos_core.footage.sequence import plain_name
from surface_sos_core.layers.at_once import frames_at_once, in_order
from surface_sos_core.layers.fill import network_of
from surface_sos_core.layers.self_check import Witnesses, worst_first
from surface_sos_core.layers.stage import Studio, find_shadow, frame_layers, open_studio
from surface_sos_core.layers.still_shadow import StillShadow
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks
from surface_sos_core.provenance import code_version
from surface_sos_core.shot_folder import file_stamps, fingerprint
from surface_sos_core.stages.correction_files import correction_stamps, read_corrections
from surface_sos_core.stages.frame_files import LayerFiles, begin_layers, keep_chunk, take_chunks
from surface_sos_core.stages.run import Run, inputs_from_fields
from surface_sos_core.train.trainer import Trainer

_NAMED = 8  # frames that a warning names


def layers_code() -> str:
    """The version of the code that makes layers of trained fields."""
    return code_version(__name__)


def layer_inputs(run: Run) -> dict[str, Any]:
    """What layers of the trained fields are made from."""
    inputs = inputs_from_fields(run, "layers", layers_code())
    network = network_of(run.settings.plate.fill)
    inputs["fill"] = None if network is None else file_stamps([network])
    return inputs


def layer_stage(run: Run, trainer: Trainer, consensus: Consensus, again: bool) -> None:
    """An EXR for each selected frame that has a camera; those that are there are kept unless all are made `again`."""
    run.stage("layers")
    folder, entries = run.folder, run.manifest.frames
    todo = _with_cameras(run)
    inputs = layer_inputs(run)
    others = [entry.name for i, entry in enumerate(entries) if entry.layers is not None and i not in todo]
    alike = folder.changes("layers", inputs) == [] if again else run.keeps("layers", inputs)
    if not alike and again and others:
        run.events.warning(
            f"The layers of {len(others)} frames, {others[0]} the first of them, stay as an earlier run made them, from "
            "other settings or by another version; make those of all frames to have them alike."
        )
        folder.forget("layers")
        run.manifest.metrics = None
    elif not alike:
        begin_layers(run, todo, inputs)
    take_chunks(run)
    files = LayerFiles(run, todo, inputs, correction_stamps(run), again=again)
    if files.missing:
        _make_frames(run, trainer, consensus, files)
    if run.worked:
        _tell_doubts(run, todo)
    run.save("layers")


def layer_chunk(run: Run, trained: Callable[[], tuple[Trainer, Consensus]]) -> None:
    """Those of the selected frames that are not there yet, by one of several processes that do so at the same time.

    Nothing but their files is written; `layer_stage` enters them into the manifest. trained: reads the fields and the consensus.
    """
    run.stage("layers")
    files = LayerFiles(run, _with_cameras(run), layer_inputs(run), correction_stamps(run), enters=False)
    if files.missing:
        _make_frames(run, *trained(), files)
        keep_chunk(run)


def _with_cameras(run: Run) -> list[int]:
    return [i for i in run.selected if run.cameras[i] is not None]


def _tell_doubts(run: Run, made: list[int]) -> None:
    """A sentence about those of the frames that somebody should look at, if there are any."""
    named = worst_first([run.manifest.frames[i] for i in made])
    if named:
        first = ", ".join(entry.name for entry in named[:_NAMED])
        more = ", ..." if len(named) > _NAMED else ""
        run.events.warning(
            f"{len(named)} of {len(made)} mattes differ much from what the masks say of their frames; look at them, worst "
            f"first: {first}{more}; the report and shot.json say how."
        )


def _make_frames(run: Run, trainer: Trainer, consensus: Consensus, files: LayerFiles) -> None:
    """The layers of the frames that are missing, in smaller parts where memory runs out."""

    def make(part: int) -> None:
        studio = studio_of(run, trainer, consensus, part)
        if studio.shadow is not None:
            _keep_shadow(run, studio.shadow)
        pixels = run.footage.width * run.footage.height
        at_once = 1 if part > 1 else frames_at_once(pixels, trainer.scene.extent.device)
        with closing(in_order(partial(frame_layers, studio), list(files.missing), at_once)) as made:
            for i, (layers, doubts) in made:
                files.put(i, layers, doubts)

    run.once_smaller("layers", make)


def studio_of(run: Run, trainer: Trainer, consensus: Consensus, part: int = 1) -> Studio:
    """What layers are made from; `part`: rays are rendered in parts so many times as small."""
    points = read_model(run.folder.cameras).points
    corrected = run.folder.corrected_consensus
    masks = SolidMasks.read(corrected if corrected.exists() else run.folder.consensus, len(run.cameras))
    studio = open_studio(
        run.settings,
        trainer.scene,
        dataclasses.replace(trainer.proposals, rays_at_once=trainer.proposals.rays_at_once // part),
        Witnesses(masks, consensus, read_corrections(run)),
        run.footage,
        run.cameras,
        points.xyz[points.track_length >= run.settings.points.least_track],
        read_gains(run.folder.exposure, len(run.cameras)),
        run.progress,
        run.events.warning,
    )
    if not run.settings.still_shadow.find:
        return studio
    # The same for all frames, whichever process makes them and when.
    kept = StillShadow.read(run.folder.still_shadow, _shadow_stamp(run))
    return dataclasses.replace(studio, shadow=find_shadow(studio) if kept is None else kept)


def _keep_shadow(run: Run, shadow: StillShadow) -> None:
    """Keep it for later frames and processes; a warning of it is given once, not whenever some frames are made again."""
    stamp = _shadow_stamp(run)
    if StillShadow.read(run.folder.still_shadow, stamp) is None:
        shadow.write(run.folder.still_shadow, stamp)
        if shadow.doubt:
            run.events.warning(shadow.doubt)


def _shadow_stamp(run: Run) -> str:
    """What tells whether a shadow that was kept is that of these layers."""
    return fingerprint(layer_inputs(run))


def file_names(model: CameraModel) -> list[str]:
    """What the layers of each image are called: its name without folders and suffix, made to differ from all before."""
    names: list[str] = []
    taken: set[str] = set()
    for i, image in enumerate(model.cameras):
        name = plain_name(Path(image.replace("\\", "/")).stem)
        while name.lower() in taken:  # many disks do not tell a from A
            name = f"{name}.{i + 1}"
        names.append(name)
        taken.add(name.lower())
    return names
