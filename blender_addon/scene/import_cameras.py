"""COLMAP cameras in the scene: one animated camera with its plate, and the sparse points, under one empty.

The empty's local space is COLMAP's world; its transform is the one place of the similarity from there to
Blender's world, so it may be scaled and turned. At first it stands the scene upright.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import bpy
from mathutils import Quaternion

from ..core import wording
from ..errors import AddonError
from ..files import colmap, pinhole, plates
from . import animated_camera, images, shot_objects, sparse_points

NOTICEABLE_PX = 0.1
_INNER_FOLDERS = ("0", "sparse")  # of a COLMAP project, which say nothing
_DROP_SHARE = 0.002  # radius of a sparse point's drop, of the depth of the scene


@dataclass(frozen=True)
class ShotCameras:
    """What is built: a camera model, and which of its images are which frames.

    numbers: frame numbers by names without suffix; empty where the images' names tell. plates: what the
    camera shows behind the scene, if known. footage: where the plates are or were, absolute; empty where unknown.
    space: what EXR plates are in, by its interop id or name.
    """

    title: str
    folder: Path
    model: colmap.Model
    numbers: dict[str, int] = field(default_factory=dict)
    plates: plates.Plates | None = None
    footage: str = ""
    space: str = images.REC709


@dataclass(frozen=True)
class Built:
    """What is in the scene now, by which title, and sentences about what is not as one may expect.

    width: of the picture at a middle distance, in units of `root`.
    """

    title: str
    root: bpy.types.Object
    camera: bpy.types.Object
    width: float
    notices: list[str]


def open_cameras(folder: str | Path, footage: str | Path | None = None) -> ShotCameras:
    """Read a COLMAP model and look up the plates. Raises colmap.ModelError or plates.PlateError."""
    folder = Path(folder)
    model = colmap.read_model(folder)
    if footage is None:
        title = plates.common_prefix(PurePosixPath(image.name).stem for image in model.images)
        project = next(part for part in reversed(folder.resolve().parts) if part not in _INNER_FOLDERS)
        return ShotCameras(title or project, folder, model)
    found = plates.open_plates(footage)
    return ShotCameras(found.title, folder, model, found.numbers, found, str(Path(footage).resolve()))


def root(scene: bpy.types.Scene, title: str | None = None) -> bpy.types.Object | None:
    """The empty of a shot's world, or None; without a title that of the shot loaded last."""
    return shot_objects.find(scene, title, shot_objects.ROOT)


def build(context: bpy.types.Context, shot: ShotCameras, is_result: bool = False) -> Built:
    """Put the shot's cameras, plate and points into the scene, in place of those of an earlier import.

    is_result: the cameras are those of a result, which no result of other folders takes the place of. Raises
    colmap.ModelError, before anything is changed, for a model that is not one of these plates.
    """
    scene = context.scene
    posed = plates.by_frame(shot.model.images, shot.numbers)
    notices = _left_out(shot, posed)
    model = str(shot.folder.resolve())
    title = shot_objects.free_title(scene, shot.title, model, shot.footage)
    if title != shot.title:
        notices.append(
            f"The scene has another shot called {shot.title}, which stays; this one is called {title}."
        )
    backdrop, size = _load_plate(shot, notices)
    try:
        lenses = _fitting({image.lens: image.name for image in posed.values()}, size)
    except colmap.ModelError:
        if backdrop is not None:
            bpy.data.images.remove(backdrop)
        raise
    aspect = _common_aspect([lenses[image.lens] for image in posed.values()])
    films = {lens: pinhole.film_back(fitted, aspect) for lens, fitted in lenses.items()}

    world = _make_root(scene, title, posed)
    shot_objects.own(world, model, "" if is_result else shot.footage)
    camera = shot_objects.find_or_make(scene, title, shot_objects.CAMERA, bpy.data.cameras.new)
    camera.parent = world
    reach = pinhole.reach(list(posed.values()), shot.model.points.xyz)
    animated_camera.animate(camera, posed, films)
    animated_camera.set_reach(camera, world, reach)
    frames = shot.numbers.values() or posed.keys()
    if backdrop is not None:
        animated_camera.show_plate(camera, backdrop, frames)
    first = next(iter(lenses.values()))
    _set_scene(scene, camera, first, next(iter(films.values())), frames)
    sparse_points.show_points(scene, title, shot.model.points, world, reach.middle * _DROP_SHARE)

    error = max(pinhole.corner_error(fitted, films[lens]) for lens, fitted in lenses.items())
    camera["surface_sos_corner_error_px"] = error
    if error > NOTICEABLE_PX:
        notices.append(
            f"Blender's camera has no lens distortion: it is {error:.1f} pixels off at the image's corner."
        )
    return Built(title, world, camera, reach.middle * first.width / first.focal[0], notices)


def _left_out(shot: ShotCameras, posed: dict[int, colmap.Image]) -> list[str]:
    notices = []
    extra = len(shot.model.images) - len(posed)
    if extra:
        notices.append(
            f"{wording.counted(extra, 'image')} of the camera model left out, no frame of the footage."
        )
    missing = sorted(set(shot.numbers.values()) - set(posed))
    if missing:
        some = ", ".join(map(str, missing[:5])) + (" and more" if len(missing) > 5 else "")
        notices.append(
            f"{wording.counted(len(missing), 'frame has', 'frames have')} no camera ({some}); the camera glides over."
        )
    return notices


def _load_plate(
    shot: ShotCameras, notices: list[str]
) -> tuple[bpy.types.Image | None, tuple[int, int] | None]:
    """The plate as an image, if Blender can play it, and its size."""
    if shot.plates is None:
        return None, None
    file = shot.plates.file
    if not shot.plates.shown:
        notices.append("The plate's file names have no frame numbers of one kind, so Blender cannot play it.")
        return None, None
    try:
        image, size = images.load(file, "MOVIE" if shot.plates.is_movie else "SEQUENCE")
    except RuntimeError as error:
        notices.append(f"The plate {file} cannot be shown: {' '.join(str(error).split())}")
        return None, None
    if file.suffix.lower() == plates.LINEAR_SUFFIX and (
        notice := images.set_linear(image.colorspace_settings, shot.space)
    ):
        notices.append(notice)
    return image, size if all(size) else None


def _fitting(names: dict[colmap.Lens, str], size: tuple[int, int] | None) -> dict[colmap.Lens, colmap.Lens]:
    """Each lens, for images of the plate's size or else of the first lens's."""
    first = next(iter(names))
    width, height = size or (first.width, first.height)
    fitting = {}
    for lens, name in names.items():
        off = lens.height * width - lens.width * height
        if abs(off) > max(lens.width, lens.height):  # more than either side's rounding to a whole pixel
            raise colmap.ModelError(
                f"The camera model's image {name} is {lens.width}x{lens.height}, another shape than "
                f"{width}x{height}; import a model whose images all have the footage's shape."
            )
        same = (lens.width, lens.height) == (width, height)
        fitting[lens] = lens if same else pinhole.scaled(lens, width, height)
    return fitting


def _common_aspect(lenses: list[colmap.Lens]) -> float:
    """fx / fy of most frames: Blender has one pixel aspect for a scene."""
    ratios = sorted(lens.focal[0] / lens.focal[1] for lens in lenses)
    return ratios[len(ratios) // 2]


def _make_root(scene: bpy.types.Scene, title: str, posed: dict[int, colmap.Image]) -> bpy.types.Object:
    existed = root(scene, title) is not None
    world = shot_objects.find_or_make(scene, title, shot_objects.ROOT, lambda _: None)
    if not existed:
        world.empty_display_type = "ARROWS"
        world.rotation_euler = Quaternion(pinhole.upright(posed.values())).to_euler()
    return world


def _set_scene(
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    lens: colmap.Lens,
    film: pinhole.FilmBack,
    frames: Collection[int],
) -> None:
    """Look through the camera, at the plate's size and frames."""
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = lens.width, lens.height
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = film.aspect_x, film.aspect_y
    scene.frame_start, scene.frame_end = min(frames), max(frames)
    if not scene.frame_start <= scene.frame_current <= scene.frame_end:
        scene.frame_set(scene.frame_start)


class ImportCameras(bpy.types.Operator):
    """Import the cameras of a COLMAP model as one animated camera with its plate and the sparse points"""

    bl_idname = "surface_sos.import_cameras"
    bl_label = "Import COLMAP Cameras"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(
        name="Model", description="Folder of the COLMAP model, text or binary", subtype="DIR_PATH"
    )
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})
    footage: bpy.props.StringProperty(
        name="Footage",
        description="Folder of frames, pattern or movie to show behind the scene; empty for none",
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        footage = bpy.path.abspath(self.footage) if self.footage.strip() else None
        try:
            shot = open_cameras(bpy.path.abspath(self.directory), footage)
            built = build(context, shot)
        except AddonError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for notice in built.notices:
            self.report({"WARNING"}, notice)
        return {"FINISHED"}


def _menu(self: Any, context: Any) -> None:
    self.layout.operator(ImportCameras.bl_idname, text="COLMAP Cameras (Surface-SOS)")


def register() -> None:
    bpy.utils.register_class(ImportCameras)
    bpy.types.TOPBAR_MT_file_import.append(_menu)  # type: ignore[arg-type]


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_menu)  # type: ignore[arg-type]
    bpy.utils.unregister_class(ImportCameras)
