"""An EXR of layers for each frame."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from surface_sos_core.cameras import CameraModel, read_model
from surface_sos_core.footage.exposure import read_gains
from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.footage.sequence import plain_name
from surface_sos_core.layers.at_once import frames_at_once, in_order
from surface_sos_core.layers.exr import PlateHeader, write_layers
from surface_sos_core.layers.fill import network_of
from surface_sos_core.layers.self_check import Witnesses, worst_first
from surface_sos_core.layers.stage import Studio, frame_layers, open_studio
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks
from surface_sos_core.provenance import code_version
from surface_sos_core.shot_folder import file_stamps
from surface_sos_core.stages.run import Run, inputs_from_fields
from surface_sos_core.train.trainer import Trainer

_NAMED = 8  # frames that a warning names


def layers_code() -> str:
    """The version of the code that makes layers of trained fields."""
    return code_version(__name__)


def layer_stage(run: Run, trainer: Trainer, consensus: Consensus, again: bool) -> None:
    """An EXR for each selected frame that has a camera; those that are there are kept unless all are made `again`."""
    run.stage("layers")
    folder, entries = run.folder, run.manifest.frames
    todo = [i for i in run.selected if run.cameras[i] is not None]
    code = layers_code()
    inputs = inputs_from_fields(run, "layers", code)
    network = network_of(run.settings.plate.fill)
    inputs["fill"] = None if network is None else file_stamps([network])
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
    names = layer_names(run, todo)
    missing = [
        i for i in todo if again or entries[i].layers != names[i] or not is_whole(folder.out / names[i])
    ]
    run.events.progress(len(todo) - len(missing), len(todo), "frames")
    if missing:
        run.adds_to("layers", code)
        run.once_smaller("layers", lambda part: _write_frames(run, trainer, consensus, names, missing, part))
        _tell_doubts(run, todo)
    run.save("layers")


def begin_layers(run: Run, frames: list[int], inputs: dict[str, Any]) -> None:
    """Note that layers are made of `inputs` from here on: nothing of an earlier run counts, and what `frames` will not replace
    is removed."""
    run.manifest.metrics = None
    for i, entry in enumerate(run.manifest.frames):
        if entry.layers is not None and i not in frames:
            (run.folder.out / entry.layers).unlink(missing_ok=True)
        entry.layers, entry.doubts = None, []
    run.note("layers", inputs)
    run.save()


def layer_names(run: Run, frames: list[int]) -> dict[int, str]:
    """The file of each frame's layers, below the shot's folder."""
    title, padding = run.footage.title, run.footage.padding
    return {i: f"layers/{title}.{run.footage.frames[i].number:0{padding}d}.exr" for i in frames}


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


def _write_frames(
    run: Run, trainer: Trainer, consensus: Consensus, names: dict[int, str], missing: list[int], part: int
) -> None:
    """The layers of the frames that are missing, which leave that list as they are done."""
    studio = studio_of(run, trainer, consensus, part)
    pixels = run.footage.width * run.footage.height
    at_once = 1 if part > 1 else frames_at_once(pixels, trainer.scene.extent.device)
    with closing(in_order(partial(frame_layers, studio), list(missing), at_once)) as made:
        for i, (layers, doubts) in made:
            write_layers(
                run.folder.out / names[i],
                layers,
                run.footage.frames[i].number,
                PlateHeader.of(run.footage, i),
            )
            run.manifest.frames[i].layers, run.manifest.frames[i].doubts = names[i], doubts
            run.save()
            missing.pop(0)
            run.events.progress(len(names) - len(missing), len(names), "frames")


def studio_of(run: Run, trainer: Trainer, consensus: Consensus, part: int = 1) -> Studio:
    """What layers are made from; `part`: rays are rendered in parts so many times as small."""
    points = read_model(run.folder.cameras).points
    masks = SolidMasks.read(run.folder.consensus, len(run.cameras))
    return open_studio(
        run.settings,
        trainer.scene,
        dataclasses.replace(trainer.proposals, rays_at_once=trainer.proposals.rays_at_once // part),
        Witnesses(masks, consensus),
        run.footage,
        run.cameras,
        points.xyz[points.track_length >= run.settings.points.least_track],
        read_gains(run.folder.exposure, len(run.cameras)),
        run.progress,
        run.events.warning,
    )


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


def is_whole(path: Path) -> bool:
    """Whether a layer file is there, to its end."""
    try:
        read_header(path)
    except BadImage:
        return False
    return True
