"""One Blender camera that stands, on each plate frame, where COLMAP's camera of that frame stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import bpy
from mathutils import Matrix

from ..files import colmap, pinhole
from . import images

_DRAWN_SHARE = 0.1  # size that the camera is drawn in, of the depth of the scene


def animate(
    camera: bpy.types.Object, posed: dict[int, colmap.Image], films: dict[colmap.Lens, pinhole.FilmBack]
) -> None:
    """A key on each frame; the lens has keys only where it changes."""
    data: Any = camera.data
    _forget_animation(camera)
    _forget_animation(data)
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
        _set_film(data, films[image.lens])
        if changes:
            for name in ("lens", "shift_x", "shift_y", "sensor_width", "sensor_height"):
                data.keyframe_insert(name, frame=frame)
    for block in (camera, data):
        for curve in _curves(block):
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"


def _set_film(data: Any, film: pinhole.FilmBack) -> None:
    data.sensor_fit = film.fit
    data.sensor_width, data.sensor_height = film.sensor_width, film.sensor_height
    data.lens_unit = "MILLIMETERS"
    data.lens, data.shift_x, data.shift_y = film.lens, film.shift_x, film.shift_y


def _curves(block: Any) -> Iterable[bpy.types.FCurve]:
    action: Any = block.animation_data.action if block.animation_data else None
    if action is None:
        return []
    if hasattr(action, "fcurves"):  # until 4.5
        return action.fcurves
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def set_reach(camera: bpy.types.Object, world: bpy.types.Object, reach: pinhole.Reach) -> None:
    """Clipping distances that follow the scale of the empty `world`, which a camera's own do not."""
    data: Any = camera.data
    data.display_size = reach.middle * _DRAWN_SHARE
    for name, distance in (("clip_start", reach.near), ("clip_end", reach.far)):
        driver = data.driver_add(name).driver
        driver.type = "SCRIPTED"
        variable = driver.variables.new()
        variable.name, variable.type = "scale", "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.transform_type, target.transform_space = world, "SCALE_AVG", "WORLD_SPACE"
        driver.expression = f"{distance!r} * scale"
        setattr(data, name, distance)


def show_plate(camera: bpy.types.Object, image: bpy.types.Image, frames: Collection[int]) -> None:
    """The plate behind the scene; `frames` are the numbers of a sequence's files."""
    data: Any = camera.data
    background = data.background_images[0] if data.background_images else data.background_images.new()
    images.replace(background.image, image)
    background.image = image
    background.alpha = 1.0
    background.frame_method = "STRETCH"  # image and film are the same rectangle, whatever the pixel aspect
    if image.source == "MOVIE":
        images.play(background.image_user, 1, image.frame_duration)
    else:
        images.play(background.image_user, min(frames), max(frames))
    data.show_background_images = True


def _forget_animation(block: Any) -> None:
    """Remove the keys and drivers of an object or its data, and the action that held them."""
    action = block.animation_data.action if block.animation_data else None
    block.animation_data_clear()
    if action is not None and action.users == 0:
        bpy.data.actions.remove(action)
