"""The results of a run in the scene: cameras with the plate, the mesh, and the layers in the compositor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import bpy

from ..comp import cg_layers, compositor, plate_look
from ..core import frame_numbers, manifest, wording
from ..errors import AddonError
from ..files import colmap, plates
from . import clip_camera, images, import_cameras, overlays, shot_mesh, shot_notes, timing, views

_SOFT_SHARE = 0.01  # of the picture's width: how far a matte's soft outline may reach beyond the mesh


class LoadError(AddonError):
    """A shot folder that cannot be loaded; the message is for people."""


@dataclass(frozen=True)
class Loaded:
    """What is in the scene now. layers: the layer files by frame; none where they cannot be played. space: the scene-linear
    space of their colours."""

    title: str
    camera: bpy.types.Object
    mesh: bpy.types.Object | None
    layers: dict[int, Path]
    space: str
    notices: list[str]


@dataclass(frozen=True)
class LayerFiles:
    """The layer files that are there, by frame; that of frame f has the number f + `shift` in its name."""

    paths: dict[int, Path]
    shift: int

    @property
    def frames(self) -> list[int]:
        return list(self.paths)

    @property
    def first(self) -> Path:
        return self.paths[self.frames[0]]


def load(context: bpy.types.Context, out: Path, composite: bool = True) -> Loaded:
    """Put the results in the shot folder `out` into the scene, in place of those of an earlier load of it.

    `composite`: also set up the compositor. Raises LoadError.
    """
    try:
        shot = manifest.read_manifest(out)
        cameras, notices = _cameras(out, shot)
        built = import_cameras.build(context, cameras, is_result=True)
        mesh = _load_mesh(context.scene, out, shot, built, notices)
    except (manifest.ManifestError, AddonError) as error:
        raise LoadError(str(error)) from error
    files = layer_files(out, shot.frames, notices)
    loaded = Loaded(
        built.title,
        built.camera,
        mesh,
        files.paths if files else {},
        shot.layers_space or images.REC709,
        [*built.notices, *notices],
    )
    loaded.notices.extend(_renumber_clips(shot.footage.path))
    timing.set_rate(context.scene, shot.footage.fps or 0.0)
    overlays.clear(built.camera)
    shot_notes.write(built.root, _notes(out, shot, files, loaded.space))
    if files is not None:
        _set_range(context.scene, files.frames)
        if composite:
            loaded.notices.extend(_load_comp(context.scene, loaded, files, out))
    return loaded


def _cameras(out: Path, shot: manifest.Manifest) -> tuple[import_cameras.ShotCameras, list[str]]:
    if shot.cameras is None:
        raise LoadError(f"{out} has no cameras yet; let the run get that far (Resume).")
    notices = []
    found = None
    try:
        found = plates.open_plates(shot.footage.path)
    except plates.PlateError:
        notices.append(f"The plate is not at {shot.footage.path} any more; the camera shows none.")
    numbers = {frame.name: frame.frame for frame in shot.frames}
    folder = out / shot.cameras
    model = colmap.read_model(folder)
    footage = str(Path(shot.footage.path).resolve())
    title, space = shot.footage.title, shot.colour_space or images.REC709
    return import_cameras.ShotCameras(title, folder, model, numbers, found, footage, space), notices


def layer_files(out: Path, frames: Sequence[manifest.FrameEntry], notices: list[str]) -> LayerFiles | None:
    """Which layer files can be played; None with a notice where there are none."""
    listed = {entry.frame: out / entry.layers for entry in frames if entry.layers}
    there = {frame: path for frame, path in sorted(listed.items()) if path.is_file()}
    if len(there) < len(listed):
        lost = next(path for frame, path in sorted(listed.items()) if frame not in there)
        notices.append(
            f"{wording.counted(len(listed) - len(there), 'layer file is', 'layer files are')} missing, "
            f"such as {lost}; write them again."
        )
    if not there:
        notices.append(f"{out} has no layers yet; let the run get that far (Resume).")
        return None
    shifts = {(frame_numbers.last_number(path.stem) or 0) - frame for frame, path in there.items()}
    if len(shifts) > 1:
        notices.append(
            "The layers' file names are not numbered like their frames, so Blender cannot play them."
        )
        return None
    return LayerFiles(there, shifts.pop())


def _set_range(scene: bpy.types.Scene, frames: list[int]) -> None:
    """The frames that have layers, stepping as they do where they do so evenly."""
    steps = {after - before for before, after in pairwise(frames)}
    scene.frame_start, scene.frame_end = frames[0], frames[-1]
    scene.frame_step = steps.pop() if len(steps) == 1 else 1
    scene.frame_set(frames[0])


def _notes(
    out: Path, shot: manifest.Manifest, files: LayerFiles | None, space: str
) -> shot_notes.ShotNotes:
    doubts = {entry.frame: entry.doubts for entry in shot.frames if entry.doubts}
    if files is None:
        return shot_notes.ShotNotes("", 1, 1, 0, space, doubts, shot.footage.path, str(out))
    first, last = files.frames[0], files.frames[-1]
    return shot_notes.ShotNotes(
        str(files.first), first, last, files.shift, space, doubts, shot.footage.path, str(out)
    )


def _renumber_clips(footage: str) -> list[str]:
    """Clips of the footage show each frame where the result has it; sentences about those whose masks would be lost."""
    notices = []
    for clip in bpy.data.movieclips:
        shift = timing.shift_of(clip)
        if shift == 0 or not clip_camera.shows(clip, footage):
            continue
        if not bpy.data.masks:
            timing.renumber(clip)
            continue
        notices.append(
            f"The clip {clip.name} starts {shift} frames before its result: move the keys of its masks by {shift} "
            "and set the clip's Start Frame likewise."
        )
    return notices


def _load_comp(
    scene: bpy.types.Scene,
    loaded: Loaded,
    files: LayerFiles,
    out: Path,
) -> list[str]:
    """The comp of the shot's layers, with the scene's CG; returns what to say of it."""
    own, mesh = cg_layers.with_object(scene), loaded.mesh is not None
    cg = cg_layers.without_object(scene, loaded.title) if mesh else own
    comp = compositor.place(scene, loaded.title, cg, own if mesh else None)
    node: Any = comp.layers
    try:
        image, _ = images.load(files.first, "SEQUENCE")
    except RuntimeError as error:
        raise LoadError(f"{files.first} cannot be read: {' '.join(str(error).split())}") from error
    notices = [images.set_linear(image.colorspace_settings, loaded.space)]
    images.replace(node.image, image)
    node.image = image
    images.play(node, files.frames[0], files.frames[-1], files.shift)
    try:
        compositor.connect(comp, out.with_name(f"{out.name}.comp") / f"{loaded.title}.####", loaded.space)
    except LookupError as error:
        raise LoadError(f"{files.first}: {error}") from error
    if comp.is_whole:
        notices.append(plate_look.apply(scene))
    elif comp.is_new:
        notices += [comp.advice, plate_look.notice(scene)]
    return [notice for notice in notices if notice is not None]


def _load_mesh(
    scene: bpy.types.Scene, out: Path, shot: manifest.Manifest, built: import_cameras.Built, notices: list[str]
) -> bpy.types.Object | None:
    if shot.mesh is None or shot.mesh.ply is None:
        if "report" not in shot.stages:  # which comes last; a subject that moves has no mesh
            notices.append(f"{out} has no mesh yet; let the run get that far (Resume).")
        return None
    return shot_mesh.load(scene, built.title, out / shot.mesh.ply, built.root, _SOFT_SHARE * built.width)


class LoadResult(bpy.types.Operator):
    """Load the cameras, the mesh and the layers of a shot folder; loading again replaces them"""

    bl_idname = "surface_sos.load_result"
    bl_label = "Load Result"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    out: bpy.props.StringProperty(name="Shot", description="Folder of the shot", subtype="DIR_PATH")
    composite: bpy.props.BoolProperty(
        name="Compositor",
        description="Also put the foreground over CG over the clean plate in the compositor",
        default=True,
    )
    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default=manifest.FILE_NAME, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.out or self.filepath:  # a button's folder, or a file that was dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            loaded = load(context, self._folder(), self.composite)
        except LoadError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        views.look_through_camera(context.scene)
        for notice in loaded.notices:
            self.report({"WARNING"}, notice)
        return {"FINISHED"}

    def _folder(self) -> Path:
        """The shot's folder; in the file browser it or its shot.json is chosen. Raises LoadError for another file."""
        if self.out:
            return Path(bpy.path.abspath(self.out))
        chosen = Path(bpy.path.abspath(self.filepath))
        if chosen.is_dir():
            return chosen
        if chosen.name != manifest.FILE_NAME:
            raise LoadError(f"{chosen} is no result: choose the {manifest.FILE_NAME} of a shot.")
        return chosen.parent


def _menu(self: Any, context: Any) -> None:
    self.layout.operator(LoadResult.bl_idname, text="Surface-SOS Result (shot.json)").out = ""


def register() -> None:
    bpy.utils.register_class(LoadResult)
    bpy.types.TOPBAR_MT_file_import.append(_menu)  # type: ignore[arg-type]


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_menu)  # type: ignore[arg-type]
    bpy.utils.unregister_class(LoadResult)
