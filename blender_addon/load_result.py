"""The results of a run in the scene: cameras with the plate, the mesh, and the layers in the compositor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import bpy
from mathutils import Matrix

from . import colmap, compositor, images, import_cameras, plates, ply, shot_objects, vertex_colours
from .core import frame_numbers, manifest, wording
from .errors import AddonError

ROLES = (
    ("VISIBLE", "Visible", "Render the mesh in its vertex colours"),
    ("HOLDOUT", "Holdout", "Cut the mesh out of the render, so that it hides what is behind it"),
    ("SHADOW_CATCHER", "Shadow Catcher", "Render only the shadows that fall on the mesh (Cycles)"),
)


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
        mesh = _load_mesh(context.scene, built.title, out, shot, built.root, notices)
    except (manifest.ManifestError, AddonError) as error:
        raise LoadError(str(error)) from error
    space = shot.layers_space or images.REC709
    files = layer_files(out, shot.frames, notices)
    if files is not None:
        _set_range(context.scene, files.frames)
        if composite:
            _load_layers(context.scene, built.title, files, space, notices)
    layers = files.paths if files else {}
    return Loaded(built.title, built.camera, mesh, layers, space, [*built.notices, *notices])


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


def _load_layers(
    scene: bpy.types.Scene, title: str, files: LayerFiles, space: str, notices: list[str]
) -> None:
    node: Any
    node, composite = compositor.place(scene, title)
    try:
        image, _ = images.load(files.first, "SEQUENCE")
    except RuntimeError as error:
        raise LoadError(f"{files.first} cannot be read: {' '.join(str(error).split())}") from error
    if notice := images.set_linear(image.colorspace_settings, space):
        notices.append(notice)
    images.replace(node.image, image)
    node.image = image
    images.play(node, files.frames[0], files.frames[-1], files.shift)
    try:
        compositor.connect(node, composite)
    except LookupError as error:
        raise LoadError(f"{files.first}: {error}") from error


def _load_mesh(
    scene: bpy.types.Scene,
    title: str,
    out: Path,
    shot: manifest.Manifest,
    world: bpy.types.Object,
    notices: list[str],
) -> bpy.types.Object | None:
    if shot.mesh is None or shot.mesh.ply is None:
        notices.append(f"{out} has no mesh yet; let the run get that far (Resume).")
        return None
    triangles = ply.read_ply(out / shot.mesh.ply)
    thing = shot_objects.find_or_make(scene, title, shot_objects.MESH, bpy.data.meshes.new)
    thing.parent = world
    thing.matrix_parent_inverse = Matrix()
    mesh: Any = thing.data
    mesh.clear_geometry()
    xyz, corners = triangles.xyz, triangles.corners
    mesh.from_pydata(
        list(zip(xyz[0::3], xyz[1::3], xyz[2::3], strict=True)),
        [],
        list(zip(corners[0::3], corners[1::3], corners[2::3], strict=True)),
    )
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    if triangles.rgb:
        vertex_colours.set_colours(mesh, triangles.rgb)
        vertex_colours.show_colours(mesh, thing.name, shadeless=False)
    mesh.update()
    return thing


def set_role(scene: bpy.types.Scene, mesh: bpy.types.Object, role: str) -> None:
    """Make a mesh visible, a holdout or a shadow catcher; the last two want a transparent film."""
    mesh.is_holdout = role == "HOLDOUT"
    mesh.is_shadow_catcher = role == "SHADOW_CATCHER"
    if role != "VISIBLE":
        scene.render.film_transparent = True


class LoadResult(bpy.types.Operator):
    """Load the cameras, the mesh and the layers of a shot folder; loading again replaces them"""

    bl_idname = "surface_sos.load_result"
    bl_label = "Load Result"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    out: bpy.props.StringProperty(name="Shot", description="Folder of the shot", subtype="DIR_PATH")
    composite: bpy.props.BoolProperty(
        name="Compositor",
        description="Also put the foreground over the clean plate in the compositor",
        default=True,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            loaded = load(context, Path(bpy.path.abspath(self.out)), self.composite)
        except LoadError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for notice in loaded.notices:
            self.report({"WARNING"}, notice)
        return {"FINISHED"}


class MeshRole(bpy.types.Operator):
    """How the shot's mesh takes part in renders"""

    bl_idname = "surface_sos.mesh_role"
    bl_label = "Use Mesh As"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    role: bpy.props.EnumProperty(name="Role", items=ROLES)

    def execute(self, context: bpy.types.Context) -> set[str]:
        mesh = shot_objects.find(context.scene, None, shot_objects.MESH)
        if mesh is None:
            self.report({"ERROR"}, "There is no mesh of a shot in this scene; load a result first.")
            return {"CANCELLED"}
        set_role(context.scene, mesh, self.role)
        return {"FINISHED"}


_CLASSES = (LoadResult, MeshRole)


def register() -> None:
    for kind in _CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    for kind in reversed(_CLASSES):
        bpy.utils.unregister_class(kind)
