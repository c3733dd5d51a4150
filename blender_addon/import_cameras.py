"""COLMAP cameras in the scene: one animated camera with its plate, and the sparse points, under one empty.

The empty's local space is COLMAP's world; its transform is the one place of the similarity from there to Blender's
world, so it may be scaled and turned. At first it stands the scene upright.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import bpy
from mathutils import Matrix, Quaternion

from . import colmap, images, nodes, pinhole, plates, shot_objects, vertex_colours
from .errors import AddonError

NOTICEABLE_PX = 0.1
# Of the depth of the scene: the radius of a sparse point's ball, and the size that the camera is drawn in.
_BALL_SHARE, _CAMERA_SHARE = 0.002, 0.1
_POINTS_GROUP = "Surface-SOS Points"


@dataclass(frozen=True)
class ShotCameras:
    """What is built: a camera model, and which of its images are which frames.

    numbers: frame numbers by names without suffix; empty where the images' names tell. plates: what the camera shows
    behind the scene, if known.
    """

    title: str
    folder: Path
    model: colmap.Model
    numbers: dict[str, int] = field(default_factory=dict)
    plates: plates.Plates | None = None


@dataclass(frozen=True)
class Built:
    """What is in the scene now, and sentences about what is not as one may expect."""

    root: bpy.types.Object
    camera: bpy.types.Object
    notices: list[str]


def open_cameras(folder: str | Path, footage: str | Path | None = None) -> ShotCameras:
    """Read a COLMAP model and look up the plates. Raises colmap.ModelError or plates.PlateError."""
    folder = Path(folder)
    model = colmap.read_model(folder)
    if footage is None:
        return ShotCameras(folder.resolve().name, folder, model)
    found = plates.open_plates(footage)
    return ShotCameras(found.title, folder, model, found.numbers, found)


def root(scene: bpy.types.Scene, title: str | None = None) -> bpy.types.Object | None:
    """The empty of a shot's world, or None; without a title that of the shot loaded last."""
    return shot_objects.find(scene, title, shot_objects.ROOT)


def build(context: bpy.types.Context, shot: ShotCameras) -> Built:
    """Put the shot's cameras, plate and points into the scene, in place of those of an earlier import.

    Raises colmap.ModelError, before anything is changed, for a model that is not one of these plates.
    """
    scene = context.scene
    posed = plates.by_frame(shot.model.images, shot.numbers)
    notices = _left_out(shot, posed)
    backdrop, size = _load_plate(shot, notices)
    try:
        lenses = _fitting({image.lens: image.name for image in posed.values()}, size)
    except colmap.ModelError:
        if backdrop is not None:
            bpy.data.images.remove(backdrop)
        raise
    aspect = _common_aspect([lenses[image.lens] for image in posed.values()])
    films = {lens: pinhole.film_back(fitted, aspect) for lens, fitted in lenses.items()}

    world = _make_root(scene, shot, posed)
    camera = shot_objects.find_or_make(scene, shot.title, shot_objects.CAMERA, bpy.data.cameras.new)
    camera.parent = world
    _animate(camera, posed, films)
    reach = pinhole.reach(list(posed.values()), shot.model.points.xyz)
    _clip(camera.data, world, reach)
    camera.data.display_size = reach.middle * _CAMERA_SHARE
    if backdrop is not None:
        numbers = shot.numbers.values()
        _show_plate(
            camera.data, backdrop, min(numbers, default=1), max(numbers, default=backdrop.frame_duration)
        )
    _set_scene(
        scene, camera, next(iter(lenses.values())), films.values(), list(shot.numbers.values()) or list(posed)
    )
    _make_points(scene, shot, world, reach.middle * _BALL_SHARE)

    error = max(pinhole.corner_error(fitted, films[lens]) for lens, fitted in lenses.items())
    camera["surface_sos_corner_error_px"] = error
    if error > NOTICEABLE_PX:
        notices.append(
            f"Blender's camera has no lens distortion: it is {error:.1f} pixels off at the corner of the image."
        )
    return Built(world, camera, notices)


def _left_out(shot: ShotCameras, posed: dict[int, colmap.Image]) -> list[str]:
    notices = []
    extra = len(shot.model.images) - len(posed)
    if extra:
        notices.append(f"{extra} images of the camera model are no frames of the footage and were left out.")
    missing = sorted(set(shot.numbers.values()) - set(posed))
    if missing:
        some = ", ".join(map(str, missing[:5])) + (" and more" if len(missing) > 5 else "")
        notices.append(f"{len(missing)} frames have no camera ({some}); the camera glides over them.")
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
    if file.suffix.lower() == plates.LINEAR_SUFFIX and not images.set_linear(image):
        notices.append(images.NO_LINEAR)
    return image, size if all(size) else None


def _fitting(names: dict[colmap.Lens, str], size: tuple[int, int] | None) -> dict[colmap.Lens, colmap.Lens]:
    """Each lens, for images of the plate's size or else of the first lens's."""
    first = next(iter(names))
    width, height = size or (first.width, first.height)
    fitting = {}
    for lens, name in names.items():
        if (
            min(
                abs(lens.height * width / lens.width - height), abs(lens.width * height / lens.height - width)
            )
            > 1
        ):
            raise colmap.ModelError(
                f"The camera model's image {name} is {lens.width}x{lens.height}, another shape than {width}x{height}; "
                "import a model whose images all have the footage's shape."
            )
        same = (lens.width, lens.height) == (width, height)
        fitting[lens] = lens if same else pinhole.scaled(lens, width, height)
    return fitting


def _common_aspect(lenses: list[colmap.Lens]) -> float:
    """fx / fy of most frames: Blender has one pixel aspect for a scene."""
    ratios = sorted(lens.focal[0] / lens.focal[1] for lens in lenses)
    return ratios[len(ratios) // 2]


def _make_root(scene: bpy.types.Scene, shot: ShotCameras, posed: dict[int, colmap.Image]) -> bpy.types.Object:
    existed = root(scene, shot.title) is not None
    world = shot_objects.find_or_make(scene, shot.title, shot_objects.ROOT, lambda _: None)
    world["surface_sos_model"] = str(shot.folder)
    if not existed:
        world.empty_display_type = "ARROWS"
        world.rotation_euler = Quaternion(pinhole.upright(posed.values())).to_euler()
    return world


def _animate(
    camera: bpy.types.Object, posed: dict[int, colmap.Image], films: dict[colmap.Lens, pinhole.FilmBack]
) -> None:
    """A key on each frame; the lens has keys only where it changes."""
    shot_objects.forget_animation(camera)
    shot_objects.forget_animation(camera.data)
    camera.rotation_mode = "QUATERNION"
    camera.matrix_parent_inverse = Matrix()
    before = None
    changes = len({films[image.lens] for image in posed.values()}) > 1
    for frame, image in posed.items():
        matrix = Matrix(pinhole.camera_matrix(image))
        turn = matrix.to_quaternion()
        if before is not None:
            turn.make_compatible(before)
        before = turn
        camera.location, camera.rotation_quaternion = matrix.to_translation(), turn
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_quaternion", frame=frame)
        _set_film(camera.data, films[image.lens])
        if changes:
            for name in ("lens", "shift_x", "shift_y", "sensor_width", "sensor_height"):
                camera.data.keyframe_insert(name, frame=frame)
    for block in (camera, camera.data):
        for curve in _curves(block):
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"


def _set_film(data: bpy.types.Camera, film: pinhole.FilmBack) -> None:
    data.sensor_fit = film.fit
    data.sensor_width, data.sensor_height = film.sensor_width, film.sensor_height
    data.lens_unit = "MILLIMETERS"
    data.lens, data.shift_x, data.shift_y = film.lens, film.shift_x, film.shift_y


def _curves(block: bpy.types.ID) -> Iterable[bpy.types.FCurve]:
    action: Any = block.animation_data.action if block.animation_data else None
    if action is None:
        return []
    if hasattr(action, "fcurves"):  # until 4.5
        return action.fcurves
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def _clip(data: bpy.types.Camera, world: bpy.types.Object, reach: pinhole.Reach) -> None:
    """Clipping distances that follow the empty's scale, which a camera's own do not."""
    for name, distance in (("clip_start", reach.near), ("clip_end", reach.far)):
        driver = data.driver_add(name).driver
        driver.type = "SCRIPTED"
        variable = driver.variables.new()
        variable.name, variable.type = "scale", "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.transform_type, target.transform_space = world, "SCALE_AVG", "WORLD_SPACE"
        driver.expression = f"{distance!r} * scale"
        setattr(data, name, distance)


def _show_plate(data: bpy.types.Camera, image: bpy.types.Image, first: int, last: int) -> None:
    background = data.background_images[0] if data.background_images else data.background_images.new()
    images.replace(background.image, image)
    background.image = image
    background.alpha = 1.0
    background.frame_method = "STRETCH"  # image and film are the same rectangle, whatever the pixel aspect
    images.play(background.image_user, first, last)
    data.show_background_images = True


def _set_scene(
    scene: bpy.types.Scene,
    camera: bpy.types.Object,
    lens: colmap.Lens,
    films: Iterable[pinhole.FilmBack],
    frames: list[int],
) -> None:
    film = next(iter(films))
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = lens.width, lens.height
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = film.aspect_x, film.aspect_y
    scene.frame_start, scene.frame_end = min(frames), max(frames)
    if not scene.frame_start <= scene.frame_current <= scene.frame_end:
        scene.frame_set(scene.frame_start)


def _make_points(scene: bpy.types.Scene, shot: ShotCameras, world: bpy.types.Object, radius: float) -> None:
    points = shot.model.points
    if not points and shot_objects.find(scene, shot.title, shot_objects.POINTS) is None:
        return
    thing = shot_objects.find_or_make(scene, shot.title, shot_objects.POINTS, bpy.data.meshes.new)
    thing.parent = world
    thing["surface_sos_points"] = 1
    thing.hide_render = True
    mesh = thing.data
    mesh.clear_geometry()
    xyz = points.xyz
    mesh.from_pydata(list(zip(xyz[0::3], xyz[1::3], xyz[2::3], strict=True)), [], [])
    vertex_colours.set_colours(mesh, points.rgb)
    material = vertex_colours.show_colours(mesh, thing.name, shadeless=True)
    if _POINTS_GROUP not in thing.modifiers:
        modifier = thing.modifiers.new(_POINTS_GROUP, "NODES")
        modifier.node_group = _balls(thing.name, material)
    group = thing.modifiers[_POINTS_GROUP].node_group
    group.nodes["Mesh to Points"].inputs["Radius"].default_value = radius


def _balls(name: str, material: bpy.types.Material) -> bpy.types.NodeTree:
    """Geometry nodes that show each vertex as a small ball in its colour."""
    tree: Any = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        nodes.add_socket(tree, "Geometry", "NodeSocketGeometry", direction)
    names = ("NodeGroupInput", "GeometryNodeMeshToPoints", "GeometryNodeSetMaterial", "NodeGroupOutput")
    chain = [tree.nodes.new(kind) for kind in names]
    chain[1].name = "Mesh to Points"
    chain[2].inputs["Material"].default_value = material
    for before, after in pairwise(chain):
        tree.links.new(before.outputs[0], after.inputs[0])
    nodes.arrange(chain)
    return tree


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


def _menu(self: Any, context: bpy.types.Context) -> None:
    self.layout.operator(ImportCameras.bl_idname, text="COLMAP Cameras (Surface-SOS)")


def register() -> None:
    bpy.utils.register_class(ImportCameras)
    bpy.types.TOPBAR_MT_file_import.append(_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_menu)
    bpy.utils.unregister_class(ImportCameras)
