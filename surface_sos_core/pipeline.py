"""The product's table of contents: each stage in order, from footage to report.

Every function takes `on_event`, which is called with each event as a dict (see events.py), and `cancel`, a token by which
another thread ends it. They raise the errors of errors.py. Where settings are None they are the default preset's, or the
shot's own.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from surface_sos_core.cameras import (
    Camera,
    CameraModel,
    box_to_json,
    framed_model,
    match_cameras,
    model_files,
    read_box,
    read_model,
    write_model,
)
from surface_sos_core.corrections.correction import remove_corrections
from surface_sos_core.corrections.given import read_given
from surface_sos_core.datasets.dataset import write_shot
from surface_sos_core.datasets.read import read_dataset
from surface_sos_core.errors import InputError
from surface_sos_core.evaluate.pictures import write_worst_pictures
from surface_sos_core.evaluate.report import write_report
from surface_sos_core.evaluate.summary import report_data
from surface_sos_core.evaluate.truth import evaluate_shot
from surface_sos_core.events import Events, Listener
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import ColourRequest, Footage, open_footage, parse_frames
from surface_sos_core.inspect_shot import described, in_words, read_inputs
from surface_sos_core.interruption import CancelToken
from surface_sos_core.layers.exr import read_layers, write_layers
from surface_sos_core.layers.fill import open_fills
from surface_sos_core.layers.stage import view_layers
from surface_sos_core.manifest import FrameEntry, MadeEntry, write_manifest
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks
from surface_sos_core.masks.sources.arrays import MaskArrays
from surface_sos_core.masks.sources.box import BoxSource
from surface_sos_core.masks.sources.files import FilesSource
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.masks.write import check_masks_folder, mask_file, reasons_told, write_masks
from surface_sos_core.moving.shot_kind import doubt_that_it_stands, shot_kind
from surface_sos_core.moving.subject import Subject
from surface_sos_core.provenance import software_versions
from surface_sos_core.result import FoundMask, FoundMasks, Result, open_shot
from surface_sos_core.settings import Settings, preset, settings_from_dict
from surface_sos_core.shot_folder import Mode, ModelFolder, ShotFolder, file_stamps
from surface_sos_core.stages.cameras import camera_stage, solved_cameras
from surface_sos_core.stages.corrections import correct_frames, corrected_fields
from surface_sos_core.stages.layers import file_names, layer_chunk, layer_stage, layers_code, studio_of
from surface_sos_core.stages.masks import mask_stage
from surface_sos_core.stages.mesh import mesh_stage
from surface_sos_core.stages.moving import (
    CoarseOnce,
    moving_camera_stage,
    moving_layer_chunk,
    moving_layer_stage,
    subject_stage,
)
from surface_sos_core.stages.report import report_stage
from surface_sos_core.stages.run import (
    STAGES,
    Run,
    all_software,
    existing_shot,
    footage_stamp,
    for_stage,
    frames_kept,
    is_moving,
    kept_consensus,
    new_manifest,
    prepare_device,
    reopened,
    reopened_run,
    take_over,
)
from surface_sos_core.stages.training import trained_fields, training_stage
from surface_sos_core.train.trainer import Trainer

Until = Literal["footage", "cameras", "masks", "train"]
"""Stages after which `segment` may end, for others to go on."""


@dataclass(frozen=True)
class Shot:
    """What a person has: footage, where the results go, and whatever else is known of it.

    footage: a folder, a pattern or a movie. masks: where coarse masks come from, as `--masks` takes it (None: automatic),
    with the weights and the pick of some sources; or the masks themselves (see MaskArrays): a dict of arrays by frame name
    or number, or a list with one for each frame, None where it has none. cameras: a COLMAP model. box: a JSON file of the
    scene box. frames: which frames get layers ("1001-1040x2,1055"); all of them train. layer: which one of EXR files is the
    picture. colour_space: what the plates are in, by a name of the OCIO configuration; ocio: that, a file or `ocio://NAME`
    (None: $OCIO, else one for ACES and cameras). subject: whether it stands still or moves, "still", "moving" or "auto";
    camera_move: "free", "turning", "locked" or "auto". A subject that moves gets no mesh.

    >>> import numpy as np
    >>> from surface_sos_core import Shot
    >>> drawn = np.zeros((180, 320), bool)
    >>> drawn[50:160, 110:230] = True
    >>> shot = Shot("samples/plates", "shot", masks={1001: drawn, 1012: drawn}, frames="1001-1002")
    """

    footage: str | Path
    out: str | Path
    masks: str | Path | MaskArrays | None = None
    cameras: str | Path | None = None
    box: str | Path | None = None
    frames: str | None = None
    skip_bad_frames: bool = False
    weights: str | Path | None = None
    pick: str | None = None
    layer: str | None = None
    subject: str = "auto"
    camera_move: str = "auto"
    colour_space: str | None = None
    ocio: str | Path | None = None

    def mask_request(self) -> MaskRequest:
        """Where the masks come from; raises InputError for what is none."""
        return _mask_request("auto" if self.masks is None else self.masks, self.weights, self.pick)


def _mask_request(
    masks: str | Path | MaskArrays, weights: str | Path | None, pick: str | None
) -> MaskRequest:
    if isinstance(masks, str | Path):
        return MaskRequest.parse(str(masks), Path(weights) if weights is not None else None, pick)
    if weights is not None or pick is not None:
        raise InputError("Masks that are given as arrays need neither weights nor a pick.")
    return MaskRequest("arrays", arrays=masks)


def _events(on_event: Listener | None, cancel: CancelToken | None) -> Events:
    return Events(on_event, cancel.check if cancel is not None else None)


def segment(
    shot: Shot,
    settings: Settings | None = None,
    on_event: Listener | None = None,
    mode: Mode = "new",
    cancel: CancelToken | None = None,
    *,
    until: Until | None = None,
) -> Result:
    """Everything: cameras, mattes, clean plates, mesh, report.

    mode: new, resume (finished stages whose inputs and whose code are unchanged are kept) or overwrite. Nothing in OUT is
    touched before the inputs have been read. Where it is cancelled, or `on_event` raises, what is finished and a checkpoint
    are kept for "resume". until: the last stage that is done; "resume" goes on from there, be it on another machine.

    >>> from surface_sos_core import Shot, preset, segment
    >>> shot = Shot(
    ...     "samples/plates", "shot", masks="samples/masks", cameras="samples/truth/cameras", frames="1001-1002"
    ... )
    >>> few = preset("preview", "cpu").with_values(
    ...     {"train.iterations": 40, "train.image_edge": 160, "layers.sources": 4, "mesh.resolution": 48}
    ... )
    >>> stages = []
    >>> result = segment(shot, few, lambda event: stages.append(event["stage"]) if event["event"] == "stage" else None)
    >>> stages
    ['footage', 'cameras', 'masks', 'train', 'layers', 'mesh', 'report']
    >>> [(frame.number, frame.alpha.shape, frame.clean.shape) for frame in result.frames]
    [(1001, (180, 320), (180, 320, 3)), (1002, (180, 320), (180, 320, 3))]
    """
    settings, events = settings or preset("default"), _events(on_event, cancel)
    started = time.monotonic()
    folder = ShotFolder(Path(shot.out))
    folder.check(mode)
    request = shot.mask_request()
    open_fills(settings)  # what cannot be used is told now, not after hours of training
    device = prepare_device(settings)

    events.stage("footage", 1, len(STAGES))
    given = read_inputs(
        shot.footage, request, settings, events.warning, cameras=shot.cameras, box=shot.box, frames=shot.frames,
        skip_bad_frames=shot.skip_bad_frames, layer=shot.layer, colour_space=shot.colour_space, ocio=shot.ocio,
        standing=shot.subject != "moving",
    )  # fmt: skip
    footage = given.footage
    told = described(given, str(shot.cameras) if shot.cameras is not None else None)
    events.inputs(told, in_words(told))
    kind = None
    masks = drawn = given.source.masks if isinstance(given.source, FilesSource) else None
    if shot.subject == "moving" or (shot.subject == "auto" and given.cameras is None and given.box is None):
        if isinstance(given.source, BoxSource):
            masks = given.source.nearby(footage, settings)
        kind = shot_kind(
            footage, masks, shot.subject, shot.camera_move, settings,
            lambda done, total: events.progress(done, total, "frames"), isinstance(given.source, BoxSource),
        )  # fmt: skip

    with folder.locked(events), frames_kept(footage, settings, folder.checkpoint) as footage:
        folder.check(mode)  # again, since another run may have been faster
        if mode == "overwrite" and folder.contents():
            folder.clear()
        manifest = new_manifest(footage, settings, request.text)
        run = Run(folder, settings, events, footage, manifest, [], given.selected)
        if mode == "resume":
            take_over(run, folder.manifest())
        run.save("footage")
        if until == "footage":
            return open_shot(folder.out)
        if masks is not None and kind is None and shot.subject == "auto" and given.cameras is not None:
            doubt_that_it_stands(footage, masks, settings, events.warning)
        inputs: dict[str, Any] = {
            "footage": footage_stamp(footage),
            "cameras": file_stamps(model_files(Path(shot.cameras))) if shot.cameras is not None else None,
            "seed": settings.seed,
        }
        if kind is not None and kind.moving:
            events.warning(kind.told)
            inputs["masks"] = request.stamp()
            coarse = CoarseOnce(run, given.source)
            model = moving_camera_stage(run, kind, coarse, given.cameras, inputs)
            if until == "cameras":
                return open_shot(folder.out)
            subject = subject_stage(run, kind, coarse, model, inputs)
            if until is not None:
                return open_shot(folder.out)
            moving_layer_stage(run, subject)
            report_stage(run)
            events.done(folder.out / "shot.json", folder.report, round(time.monotonic() - started, 2))
            return open_shot(folder.out)
        model = camera_stage(run, given.cameras, None if drawn is None else drawn.between(), inputs)
        if until == "cameras":
            return open_shot(folder.out)
        inputs |= {
            "masks": request.stamp(),
            "box": box_to_json(given.box) if given.box is not None else None,
        }
        consensus = mask_stage(run, model, given.source, given.box, inputs)
        if until == "masks":
            return open_shot(folder.out)
        trainer = training_stage(run, consensus, model, device)
        trainer, consensus = corrected_fields(run, lambda: trainer, consensus)
        if until is not None:
            return open_shot(folder.out)
        layer_stage(run, trainer, consensus, again=False)
        mesh_stage(run, trainer, consensus, again=False)
        report_stage(run)
        events.done(folder.out / "shot.json", folder.report, round(time.monotonic() - started, 2))
    return open_shot(folder.out)


def solve(
    footage: str | Path,
    out: str | Path,
    settings: Settings | None = None,
    on_event: Listener | None = None,
    *,
    skip_bad_frames: bool = False,
    overwrite: bool = False,
    layer: str | None = None,
    colour_space: str | None = None,
    ocio: str | Path | None = None,
    cancel: CancelToken | None = None,
) -> CameraModel:
    """Cameras only, written to `out` as a COLMAP text model. Raises SolveError where they cannot be solved.

    >>> from surface_sos_core import solve
    >>> model = solve("samples/plates", "model")
    >>> len(model.cameras), model.cameras["plate.1001.jpg"].rotation.shape, len(model.points) > 100
    (24, (3, 3), True)
    """
    settings = settings or preset("default")
    events, folder = _events(on_event, cancel), ModelFolder(Path(out))
    folder.check(overwrite)
    events.stage("cameras", 1, 1)
    colour = ColourRequest.asked(colour_space, ocio)
    opened = open_footage(footage, skip_bad_frames, events.warning, layer, colour)
    with folder.locked(events):
        folder.check(overwrite)
        model = solved_cameras(opened, folder.out, settings.solve, settings.seed, events)
        write_model(model, folder.out)
    events.end_stage()
    return model


def find_masks(
    footage: str | Path,
    out: str | Path,
    source: str | Path | MaskArrays = "auto",
    settings: Settings | None = None,
    on_event: Listener | None = None,
    *,
    cameras: str | Path | None = None,
    box: str | Path | None = None,
    weights: str | Path | None = None,
    pick: str | None = None,
    skip_bad_frames: bool = False,
    overwrite: bool = False,
    layer: str | None = None,
    colour_space: str | None = None,
    ocio: str | Path | None = None,
    cancel: CancelToken | None = None,
) -> FoundMasks:
    """Coarse masks only, written to `out` as PNG files that a shot takes; a frame that stays unknown gets none.

    source, weights, pick: as a shot's masks. cameras: a COLMAP model; without one they are solved for a source that needs
    them, others do without.

    >>> import json
    >>> from pathlib import Path
    >>> from surface_sos_core import find_masks
    >>> _ = Path("box.json").write_text(json.dumps({"frame": 1012, "box": [110, 50, 230, 160]}))
    >>> found = find_masks("samples/plates", "roto", "box:box.json")  # without cameras, by optical flow
    >>> found.frames[11].name, found.frames[11].mask.shape
    ('plate.1012', (180, 320))
    """
    settings = settings or preset("default")
    events, out = _events(on_event, cancel), Path(out)
    request = _mask_request(source, weights, pick)
    colour = ColourRequest.asked(colour_space, ocio)
    opened = open_footage(footage, skip_bad_frames, events.warning, layer, colour)
    check_masks_folder(out, opened, overwrite)
    given_box = read_box(Path(box)) if box is not None else None
    model = read_model(Path(cameras)) if cameras is not None else None
    held: list[Camera | None] = [None] * len(opened.frames)
    if model is not None:
        model = framed_model(model, opened)
        held = match_cameras(model, opened, events.warning)
    ready = open_source(request, opened, settings, events.warning)
    count = 1 + (model is None and ready.needs_cameras)
    if model is None and ready.needs_cameras:
        events.stage("cameras", 1, count)
        with tempfile.TemporaryDirectory() as scratch:
            model = solved_cameras(opened, Path(scratch), settings.solve, settings.seed, events)
        held = match_cameras(model, opened, events.warning)
    events.stage("masks", count, count)

    def progress(done: int, total: int) -> None:
        events.progress(done, total, "frames")

    with frames_kept(opened, settings, out.parent) as kept:
        found = ready.find(MaskShot(kept, model, held, given_box, settings, events.warning, progress))
    for note in reasons_told(found, opened):
        events.warning(note)
    write_masks(found, opened, out)
    events.end_stage()
    return _found_masks(found, opened, out, events.warnings)


def _found_masks(masks: CoarseMasks, footage: Footage, out: Path, warnings: list[str]) -> FoundMasks:
    known = [frame for frame, is_known in zip(footage.frames, masks.known, strict=True) if is_known]
    return FoundMasks(
        out,
        tuple(FoundMask(frame.name, frame.number, mask_file(out, frame.name)) for frame in known),
        tuple(frame.name for frame in footage.frames if frame not in known),
        tuple(warnings),
    )


def import_dataset(
    kind: str,
    path: str | Path,
    out: str | Path,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
) -> list[Path]:
    """A data set of others, brought to `out` whole or not at all; returns the folders and files that it became.

    kind: llff, co3d, blendedmvs, tum, neus or transforms.

    >>> from surface_sos_core import InputError, import_dataset
    >>> try:
    ...     import_dataset("llff", "samples", "imported")
    ... except InputError as told:
    ...     print(told)
    samples/poses_bounds.npy is missing, the cameras; get the whole set.
    """
    events = _events(on_event, cancel)
    events.stage("import", 1, 1)
    dataset = read_dataset(kind, Path(path))
    write_shot(dataset, Path(out), lambda done, total: events.progress(done, total, "frames"))
    for note in dataset.notes:
        events.warning(f"{path}: {note}")
    events.end_stage()
    return sorted(Path(out).iterdir())


def train_fields(
    out: str | Path,
    settings: Settings | None = None,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Train the fields of a shot folder whose cameras and masks are there; goes on from its checkpoint.

    Of the settings those of fields and training count. Layers and mesh stay as they are until they are made again.

    >>> from surface_sos_core import train_fields
    >>> train_fields("shot").made["train"].ran  # they are trained, so nothing is left to do
    {'iterations': 40, 'device': 'cpu'}
    """
    events = _events(on_event, cancel)
    with existing_shot(out).locked(events):
        run, consensus = reopened(Path(out), settings, events, "train")
        model = read_model(run.folder.cameras)
        with frames_kept(run.footage, run.settings, run.folder.checkpoint) as run.footage:
            trainer = training_stage(run, consensus, model, prepare_device(run.settings))
        corrected_fields(run, lambda: trainer, consensus)
    return open_shot(out)


def make_layers(
    out: str | Path,
    settings: Settings | None = None,
    on_event: Listener | None = None,
    frames: str | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Write the layers of a trained shot, all or those of the frames asked for, from the fields as they were trained.

    Of the settings those of layers count, whatever preset they are of.

    >>> from surface_sos_core import make_layers, preset
    >>> finer = preset("quality", "cpu").with_values({"layers.sources": 2})
    >>> result = make_layers("shot", finer, frames="1001-1002")
    >>> result.settings["layers"]["samples"], result.settings["train"]["iterations"]
    (96, 40)
    """
    events = _events(on_event, cancel)
    with existing_shot(out).locked(events):
        run, consensus = reopened(Path(out), settings, events, "layers", frames)
        with frames_kept(run.footage, run.settings, run.folder.checkpoint) as run.footage:
            layer_stage(run, *_fields(run, consensus), again=True)
    return open_shot(out)


def make_missing_layers(
    out: str | Path,
    settings: Settings,
    on_event: Listener | None = None,
    frames: str | None = None,
) -> None:
    """Those layers of the frames asked for that are not there yet, of a shot that `segment` brought up to "train".

    Several processes, on several machines, may do so at the same time. `segment` with "resume" enters what is there into
    shot.json. Settings are those that `segment` was called with.
    """
    events = Events(on_event)
    with existing_shot(out).shared("layers", events):
        run = reopened_run(Path(out), settings, events, frames)
        if is_moving(run.folder):
            moving_layer_chunk(run)
            return
        consensus = _trained(run)
        with frames_kept(run.footage, run.settings, run.folder.checkpoint) as run.footage:
            layer_chunk(run, lambda: _fields(run, consensus))


def make_missing_mesh(
    out: str | Path,
    settings: Settings,
    on_event: Listener | None = None,
) -> None:
    """The mesh of such a shot, where it is not there yet, while others make its layers. A subject that moves has none."""
    events = Events(on_event)
    with existing_shot(out).shared("mesh", events, alone=True):
        run = reopened_run(Path(out), settings, events)
        if not is_moving(run.folder):
            consensus = _trained(run)
            mesh_stage(run, *_fields(run, consensus), again=False)


def _fields(run: Run, consensus: Consensus) -> tuple[Trainer, Consensus]:
    """The fields as they were trained and, where the shot has corrections, went on training; with what they agree with."""
    return corrected_fields(run, lambda: trained_fields(run, consensus), consensus)


def _trained(run: Run) -> Consensus:
    """The consensus of a shot whose fields are trained to the end; raises InputError for any other."""
    consensus = kept_consensus(run)
    if "train" not in run.manifest.stages:
        raise InputError(
            f"The fields of {run.folder.out} are not trained to the end yet; do that before its layers and mesh."
        )
    return consensus


def correct(
    out: str | Path,
    given: str | Path | None = None,
    settings: Settings | None = None,
    on_event: Listener | None = None,
    *,
    forget: str | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Correct frames of a finished shot by what is drawn on them, and make again what depends on it.

    given: a folder of masks painted again for some frames, or a JSON file of strokes on the object and on the background (see
    corrections/given.py). What was drawn is the law from then on; what follows from it is found in the frame and, by optical
    flow, in those around it. The fields go on training with it for a short while, and the layers of these frames, the mesh and
    the report are made again. forget: the frames ("1001-1004") whose corrections are taken back before. Of the settings those of
    corrections count. Raises InputError for what is none of this.

    >>> import json
    >>> from pathlib import Path
    >>> from surface_sos_core import correct, preset
    >>> stroke = {"frame": 1001, "background": [[10, 10], [40, 20]], "radius": 4}
    >>> _ = Path("strokes.json").write_text(json.dumps([stroke]))
    >>> result = correct("shot", "strokes.json", preset("preview").with_values({"correct.iterations": 10}))
    >>> float(result.frames[0].alpha[8:12, 12:16].max())
    0.0
    """
    events, folder = _events(on_event, cancel), existing_shot(out)
    started = time.monotonic()
    if given is None and forget is None:
        raise InputError("There is nothing to correct; give masks or strokes, or frames to forget.")
    with folder.locked(events):
        own = settings_from_dict(folder.manifest().settings)
        run = reopened_run(Path(out), for_stage("correct", settings, own), events)
        moves = is_moving(folder)
        subject = Subject.read(folder.subject, run.cameras, run.settings) if moves else None
        consensus = None if moves else _trained(run)
        made = [i for i, entry in enumerate(run.manifest.frames) if entry.layers is not None]
        if not made:
            raise InputError(f"{out} has no layers yet that could be corrected; make them first.")
        run.selected = made
        radius = run.settings.correct.radius * max(run.footage.width, run.footage.height)
        said = read_given(Path(given), run.footage, radius) if given is not None else {}
        if forget is not None:
            taken_back = parse_frames(forget, [entry.frame for entry in run.manifest.frames])
            remove_corrections(mask_file(folder.corrections, run.footage.frames[i].name) for i in taken_back)
        events.stage("corrections", STAGES.index("masks") + 1, len(STAGES))
        with frames_kept(run.footage, run.settings, folder.checkpoint) as run.footage:
            correct_frames(run, said, _mattes(run, subject))
            run.manifest.metrics = None
            events.end_stage()
            if subject is not None:
                moving_layer_stage(run, subject)
            elif consensus is not None:
                fields = _fields(run, consensus)
                layer_stage(run, *fields, again=False)
                mesh_stage(run, *fields, again=True)
        report_stage(run)
        events.done(folder.out / "shot.json", folder.report, round(time.monotonic() - started, 2))
    return open_shot(out)


def _mattes(run: Run, subject: Subject | None) -> Callable[[int], np.ndarray]:
    """The matte (H, W) that each frame has: of its layers, else what its masks say."""
    size = run.footage.width, run.footage.height

    @cache
    def masks() -> SolidMasks:
        return SolidMasks.read(run.folder.consensus, len(run.cameras))

    def matte(i: int) -> np.ndarray:
        layers = run.manifest.frames[i].layers
        if layers is not None:
            return read_layers(run.folder.out / layers).foreground[..., 3]
        if subject is not None:
            return subject.mask(i, size, run.settings.moving.soft)
        return cv2.resize(masks()[i].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)

    return matte


def make_mesh(
    out: str | Path,
    settings: Settings | None = None,
    on_event: Listener | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Write the mesh of a trained shot, from the fields as they were trained. Of the settings those of the mesh count.

    >>> from surface_sos_core import make_mesh, preset
    >>> result = make_mesh("shot", preset("default", "cpu").with_values({"mesh.resolution": 32}))
    >>> result.meshes["object"].vertices.shape[1]
    3
    """
    events = _events(on_event, cancel)
    with existing_shot(out).locked(events):
        run, consensus = reopened(Path(out), settings, events, "mesh")
        mesh_stage(run, *_fields(run, consensus), again=True)
    return open_shot(out)


def render_views(
    out: str | Path,
    cameras: str | Path,
    to: str | Path,
    on_event: Listener | None = None,
    overwrite: bool = False,
    cancel: CancelToken | None = None,
) -> Result:
    """The layers as other cameras of the same world see them; `to` gets the shape of a shot folder.

    cameras: a COLMAP model with an image for each frame that is wanted.

    >>> from pathlib import Path
    >>> from surface_sos_core import open_shot, render_views
    >>> from surface_sos_core.cameras import CameraModel, Points, write_model
    >>> own = open_shot("shot").cameras.cameras
    >>> two = {name: own[name] for name in ("plate.1008.jpg", "plate.1012.jpg")}
    >>> write_model(CameraModel(two, Points.empty()), Path("two cameras"))
    >>> result = render_views("shot", "two cameras", "views")
    >>> [(frame.name, frame.alpha.shape) for frame in result.frames]
    [('plate.1008', (180, 320)), ('plate.1012', (180, 320))]
    """
    model = read_model(Path(cameras))
    names = file_names(model)
    target = ShotFolder(Path(to))
    mode: Mode = "overwrite" if overwrite else "new"
    if target.out.resolve() == Path(out).resolve():
        raise InputError(
            f"{to} is the shot itself, whose layers would be lost; give another folder to --out."
        )
    target.check(mode)
    run, consensus = reopened(Path(out), None, _events(on_event, cancel), "layers")
    trainer, consensus = _fields(run, consensus)
    with target.locked(run.events), frames_kept(run.footage, run.settings, target.out) as run.footage:
        target.check(mode)
        if target.contents():
            target.clear()
        run.events.stage("holdouts", 1, 2)
        studio = studio_of(run, trainer, consensus)
        run.events.stage("layers", 2, 2)
        made = {
            stage: entry
            for stage, entry in run.manifest.made.items()
            if stage not in ("layers", "mesh", "report")
        }
        made["layers"] = MadeEntry(layers_code(), software_versions())
        manifest = dataclasses.replace(
            run.manifest,
            frames=[],
            mesh=None,
            metrics=None,
            stages=["layers"],
            made=made,
            software=all_software(made),
        )
        write_manifest(target.out, manifest)  # first, so that the folder is known as a shot's
        write_model(model, target.cameras)
        for i, camera in enumerate(model.cameras.values()):
            name = f"layers/{names[i]}.exr"
            write_layers(target.out / name, view_layers(studio, camera), i + 1)
            manifest.frames.append(FrameEntry(names[i], i + 1, name))
            run.events.progress(i + 1, len(model.cameras), "frames")
            write_manifest(target.out, manifest)
        run.events.end_stage()
    return open_shot(target.out)


def measure(
    out: str | Path,
    truth: str | Path,
    on_event: Listener | None = None,
    region: str | Path | None = None,
    radius: float = 10,
    cancel: CancelToken | None = None,
    masks: str | Path | None = None,
) -> dict[str, Any]:
    """Measure a shot against truth: the metrics go into shot.json, OUT/evaluation and, where there is one, the report.

    OUT/evaluation gets metrics.json and pictures of the worst frames. `region` overrides where clean plates count;
    `radius` is that of the trimap's band, in pixels. `masks`: the folder of masks that the shot was made from, to tell
    which mattes are worse; without it the one that shot.json names, where that is still there.

    >>> from surface_sos_core import measure, open_shot
    >>> metrics = measure("shot", "samples/truth")
    >>> metrics["matte"]["frames"], 0 <= metrics["matte"]["mean"]["miou"] <= 1
    (2, True)
    >>> open_shot("shot").metrics == metrics
    True
    """
    events, folder = _events(on_event, cancel), ShotFolder(Path(out))
    where = Path(region) if region is not None else None
    with existing_shot(folder.out).locked(events):
        events.stage("evaluate", 1, 1)
        metrics = evaluate_shot(
            folder.out,
            Path(truth),
            radius,
            where,
            lambda done, total: events.progress(done, total, "frames"),
            Path(masks) if masks is not None else None,
        )
        write_worst_pictures(folder.evaluation, folder.out, Path(truth), metrics, where)
        with write_atomically(folder.evaluation / "metrics.json") as partial:
            partial.write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        manifest = folder.manifest()
        manifest.metrics = metrics
        write_manifest(folder.out, manifest)
        if folder.report.exists():
            write_report(folder.report, report_data(folder))
        events.end_stage()
    return metrics
