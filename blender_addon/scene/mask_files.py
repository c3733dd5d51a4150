"""A mask drawn in Blender as the core's coarse masks: an image for each frame that the mask has a key on.

Blender's own compositor draws them, in a scene of their own, so that feathers, holes and tracked points come out as the
artist sees them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..comp import compositor
from ..errors import AddonError
from ..files.key_frames import key_frames
from ..files.plates import open_plates
from ..files.writing import write_if_changed
from . import clip_camera

_LEAST_FRAMES = 2  # what the core can make a consensus of


@dataclass(frozen=True)
class ClipFrames:
    """names: of the plate, without suffix, by scene frame; size: of the plate in pixels."""

    names: dict[int, str]
    size: tuple[int, int]


def export(
    mask: bpy.types.Mask, clip: bpy.types.MovieClip | None, footage: str, folder: Path, rough: bool = False
) -> Path:
    """Draw `mask` on its key frames into `folder`, named as the plates, and return the folder.

    A mask whose points follow tracks is drawn on every frame. rough: it is drawn around the object on one frame or more;
    one without keys is that of the frame in view. AddonError where too few frames have keys.
    """
    frames = frames_of_clip(clip) if clip is not None else _frames_of_files(footage)
    shown = bpy.context.scene.frame_current
    with _own_scene() as scene:
        chosen = _chosen_frames(scene, mask, sorted(frames.names))
        if rough and not chosen and shown in frames.names:
            chosen = [shown]
        if rough and not chosen:
            raise AddonError(
                f"The footage has no frame {shown}: go to the frame that {mask.name} was drawn on."
            )
        if not rough and len(chosen) < _LEAST_FRAMES:
            raise AddonError(
                f"The mask {mask.name} has keys on fewer than {_LEAST_FRAMES} frames of the footage: "
                "draw it on some frames, with Insert Key (I) on each."
            )
        _set_up(scene, mask, frames.size)
        drawn = {f"{frames.names[frame]}.png": _draw(scene, frame) for frame in chosen}
    for old in folder.glob("*.png") if folder.is_dir() else ():
        if old.name not in drawn:
            old.unlink()
    for name, content in drawn.items():
        write_if_changed(folder / name, content)
    return folder


def frames_of_clip(clip: bpy.types.MovieClip) -> ClipFrames:
    """The plates that the clip shows, by scene frame."""
    names = {number: Path(file).stem for number, file in clip_camera.frame_names(clip).items()}
    scene_frames = range(clip.frame_start, clip.frame_start + clip.frame_duration)
    numbers = {frame: clip_camera.plate_number(clip, frame - clip.frame_start + 1) for frame in scene_frames}
    width, height = clip.size
    return ClipFrames({frame: names[n] for frame, n in numbers.items() if n in names}, (width, height))


def _frames_of_files(footage: str) -> ClipFrames:
    """Plates shown on the scene frames of their own numbers, as imported cameras show them."""
    plates = open_plates(footage)
    clip = bpy.data.movieclips.load(str(plates.file))
    try:
        width, height = clip.size
        if plates.is_movie:
            names = {n: f"{plates.file.stem}.{n:04d}" for n in range(1, clip.frame_duration + 1)}
        else:
            names = {number: stem for stem, number in plates.numbers.items()}
    finally:
        bpy.data.movieclips.remove(clip)
    return ClipFrames(names, (width, height))


def _chosen_frames(scene: bpy.types.Scene, mask: bpy.types.Mask, frames: Sequence[int]) -> list[int]:
    points = [point for layer in mask.layers for spline in layer.splines for point in spline.points]
    if any(point.parent.id is not None for point in points):
        return list(frames)
    return key_frames({frame: _shape(scene, mask, frame) for frame in frames})


def _shape(scene: bpy.types.Scene, mask: bpy.types.Mask, frame: int) -> list[float]:
    """Where all points of the mask and their handles are on a frame."""
    scene.frame_set(frame)
    evaluated = mask.evaluated_get(scene.view_layers[0].depsgraph)
    points = [point for layer in evaluated.layers for spline in layer.splines for point in spline.points]
    return [number for p in points for place in (p.co, p.handle_left, p.handle_right) for number in place[:]]


def _set_up(scene: Any, mask: bpy.types.Mask, size: tuple[int, int]) -> None:
    """A compositor that shows nothing but the mask, at the plate's size, as plain grey."""
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.use_file_extension = False
    settings = render.image_settings
    if hasattr(settings, "media_type"):  # since 5.0
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "BW", "8"
    scene.view_settings.view_transform = "Raw"
    for name in dir(render):
        if name.startswith("use_stamp_"):  # the same mask shall be the same file
            setattr(render, name, False)
    tree, _ = compositor.scene_tree(scene)
    source: Any = tree.nodes.new("CompositorNodeMask")
    source.mask = mask
    tree.links.new(source.outputs[0], compositor.sink(tree).inputs["Image"])


def _draw(scene: bpy.types.Scene, frame: int) -> bytes:
    """The mask on a frame as a PNG."""
    scene.frame_set(frame)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mask.png"
        scene.render.filepath = str(file)
        bpy.ops.render.render(scene=scene.name, write_still=True)
        return file.read_bytes()


@contextmanager
def _own_scene() -> Iterator[bpy.types.Scene]:
    """A scene for drawing in; the window shows it meanwhile, since Blender moves masks for the scene in view alone."""
    window = bpy.context.window_manager.windows[0]
    shown, own = window.scene, bpy.data.scenes.new("Surface-SOS Masks")
    try:
        window.scene = own
        yield own
    finally:
        window.scene = shown
        shown.frame_set(shown.frame_current)  # puts the masks back
        tree = getattr(own, "compositing_node_group", None)  # a datablock of its own since 5.0
        bpy.data.scenes.remove(own)
        if tree is not None:
            bpy.data.node_groups.remove(tree)
