"""Frames and rate of a scene and its clips: a frame of the scene has the number of the plate that it shows, as results do."""

from __future__ import annotations

from typing import Any

import bpy

from . import clip_camera, outlines


def use_clip(scene: bpy.types.Scene, clip: bpy.types.MovieClip) -> None:
    """The scene takes over the clip's frames and rate, the clip the numbers of its files."""
    if not bpy.data.masks:  # whose keys no script can move
        renumber(clip)
    scene.frame_start, scene.frame_end = clip.frame_start, clip.frame_start + clip.frame_duration - 1
    if not scene.frame_start <= scene.frame_current <= scene.frame_end:
        scene.frame_set(scene.frame_start)
    if clip.source == "MOVIE":
        set_rate(scene, clip.fps)


def shift_of(clip: bpy.types.MovieClip) -> int:
    """How many frames later the clip would have to start."""
    return clip_camera.plate_number(clip, 1) - clip.frame_start


def renumber(clip: bpy.types.MovieClip) -> None:
    """Show each of the clip's files on the scene frame of its number; annotations move with what they were drawn on."""
    shift = shift_of(clip)
    clip.frame_start += shift
    annotation: Any = outlines.of_clip(clip)
    keys = [key for layer in annotation.layers for key in layer.frames] if annotation is not None else []
    for key in sorted(keys, key=lambda key: key.frame_number, reverse=shift > 0):  # never two on one frame
        key.frame_number += shift


def set_rate(scene: bpy.types.Scene, fps: float) -> None:
    """23.976 becomes 24 / 1.001, as Blender has it. Nothing where the rate is not known."""
    if fps > 0:
        scene.render.fps = max(1, round(fps))
        scene.render.fps_base = scene.render.fps / fps
