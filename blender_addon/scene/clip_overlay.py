"""The matte of a result over its plate in the clip editor, which has no pictures over its clip but what scripts draw."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..files import plates
from . import images, overlays, shot_notes, shot_objects

_PICTURE = "Surface-SOS Matte"  # the image whose file is that of the frame in view
_SQUARE = ((0, 0), (1, 0), (0, 1), (1, 1))
_SPACE: Any = bpy.types.SpaceClipEditor
_GPU: Any = gpu  # whose parts the stubs do not know


def redraw() -> None:
    """Draw all clip editors anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "CLIP_EDITOR":
                area.tag_redraw()


def _draw() -> None:
    """Tints what is outside the matte where the camera's view does, in editors of the shot's own clip."""
    context = bpy.context
    space: Any = context.space_data
    camera = shot_objects.find(context.scene, None, shot_objects.CAMERA)
    if camera is None or space.clip is None or space.view != "CLIP" or not overlays.shows_matte(camera):
        return
    notes = shot_notes.read(context.scene)
    file = notes.file_of(context.scene.frame_current) if notes is not None else None
    if file is None or not file.is_file() or not _shows_plate(space.clip, camera):
        return
    view = context.region.view2d
    (left, bottom), (right, top) = view.view_to_region(0, 0, clip=False), view.view_to_region(1, 1, clip=False)
    places = [(left + (right - left) * x, bottom + (top - bottom) * y) for x, y in _SQUARE]
    shader = _shader()
    batch = batch_for_shader(shader, "TRI_STRIP", {"pos": places, "place": _SQUARE})
    shader.bind()
    shader.uniform_sampler("layers", _GPU.texture.from_image(_picture(file)))
    shader.uniform_float("tint", (*overlays.RED[:3], overlays.TINTED))
    _GPU.state.blend_set("ALPHA")
    batch.draw(shader)
    _GPU.state.blend_set("NONE")


def _shows_plate(clip: bpy.types.MovieClip, camera: bpy.types.Object) -> bool:
    """Whether a clip is the footage that is behind the shot's camera."""
    data: Any = camera.data
    plate = data.background_images[0].image
    if plate is None:
        return False
    files = (bpy.path.abspath(one.filepath) for one in (clip, plate))
    return len({plates.sequence_of(str(Path(file))) for file in files}) == 1


def _picture(file: Path) -> bpy.types.Image:
    """The layers of one frame: of a sequence, a script has the texture of its first alone."""
    image: bpy.types.Image | None = bpy.data.images.get(_PICTURE)
    if image is None:
        image = bpy.data.images.load(str(file))
        image.name = _PICTURE
        images.own(image)
    if image.filepath != str(file):
        image.filepath = str(file)
        image.reload()
    return image


@cache
def _shader() -> gpu.types.GPUShader:
    """The tint where the layers have no alpha, less where they have some."""
    info, passed = gpu.types.GPUShaderCreateInfo(), gpu.types.GPUStageInterfaceInfo("surface_sos_matte")
    passed.smooth("VEC2", "at")
    info.push_constant("MAT4", "ModelViewProjectionMatrix")
    info.push_constant("VEC4", "tint")
    info.sampler(0, "FLOAT_2D", "layers")
    info.vertex_in(0, "VEC2", "pos")
    info.vertex_in(1, "VEC2", "place")
    info.vertex_out(passed)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source("void main() { at = place; gl_Position = ModelViewProjectionMatrix * vec4(pos, 0.0, 1.0); }")
    info.fragment_source("void main() { colour = vec4(tint.rgb, tint.a * (1.0 - texture(layers, at).a)); }")
    return _GPU.shader.create_from_info(info)


_handlers: list[Any] = []  # Blender wants them back


def register() -> None:
    _handlers.append(_SPACE.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    _SPACE.draw_handler_remove(_handlers.pop(), "WINDOW")
