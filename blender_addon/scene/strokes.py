"""Strokes on the object and on the background, drawn on a clip with the Annotate tool: what an artist corrects a result by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Literal

import bpy

from ..errors import AddonError
from ..files import plates
from ..files.writing import write_if_changed
from . import clip_camera, mask_files, outlines, shot_notes, timing

Kind = Literal["object", "background"]
LAYERS: dict[Kind, tuple[str, tuple[float, float, float]]] = {
    "object": ("Object", (0.1, 0.9, 0.2)),
    "background": ("Background", (0.95, 0.15, 0.1)),
}
"""The annotation layer of each kind, and its colour."""


def clip_of(footage: str) -> bpy.types.MovieClip | None:
    """The clip in this file that shows the footage."""
    return next((clip for clip in bpy.data.movieclips if clip_camera.shows(clip, footage)), None)


def count(clip: bpy.types.MovieClip | None) -> int:
    """How many strokes would be exported."""
    return 0 if clip is None else len(_entries(clip, mask_files.frames_of_clip(clip)))


def export(clip: bpy.types.MovieClip, file: Path) -> Path:
    """Write all strokes of both layers as `surface-sos correct` takes them; AddonError where there is none."""
    entries = _entries(clip, mask_files.frames_of_clip(clip))
    if not entries:
        raise AddonError(
            f"No stroke is drawn on {clip.name}: choose Object or Background and draw on a frame in the clip editor."
        )
    write_if_changed(file, json.dumps(entries).encode())
    return file


def _entries(clip: bpy.types.MovieClip, frames: mask_files.ClipFrames) -> list[dict[str, Any]]:
    annotation, (width, height) = outlines.of_clip(clip), frames.size
    entries = []
    for kind, (name, _) in LAYERS.items():
        layer = annotation.layers.get(name) if annotation is not None else None
        for number, stroke in outlines.strokes([layer] if layer is not None else []):
            # points of the clip editor: shares of the frame's width and height, from its bottom left corner
            points = [[point.co[0] * width, (1 - point.co[1]) * height] for point in stroke.points]
            if points and number in frames.names:
                entries.append({"frame": frames.names[number], kind: points})
    return entries


class DrawStrokes(bpy.types.Operator):
    """Draw on what the matte lacks or has too much of, with the Annotate tool in the clip editor, on any frame; then press Update"""

    bl_idname = "surface_sos.draw_strokes"
    bl_label = "Draw Strokes"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    kind: bpy.props.EnumProperty(
        items=[
            ("object", "Object", "What the matte lacks"),
            ("background", "Background", "What the matte has too much of"),
        ]
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if shot_notes.read(context.scene) is not None:
            return True
        cls.poll_message_set("Load a result first.")
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        notes = shot_notes.read(context.scene)
        if notes is None:
            return {"CANCELLED"}
        try:
            clip = clip_of(notes.footage) or _load(notes.footage)
        except AddonError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        annotation = _annotation(clip)
        for name, colour in LAYERS.values():
            if annotation.layers.get(name) is None:
                annotation.layers.new(name, set_active=False).color = colour
        annotation.layers.active_index = annotation.layers.find(LAYERS[self.kind][0])
        if context.area is not None and context.area.type == "CLIP_EDITOR":
            space: Any = context.area.spaces.active
            space.clip = clip
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """As `execute`; in the clip editor the pen is in the hand afterwards, for one stroke after the other."""
        done = self.execute(context)
        if done == {"FINISHED"} and context.area is not None and context.area.type == "CLIP_EDITOR":
            (region,) = (region for region in context.area.regions if region.type == "WINDOW")
            with context.temp_override(region=region):
                bpy.ops.gpencil.annotate("INVOKE_DEFAULT", mode="DRAW", wait_for_input=True)
        return done


def _load(footage: str) -> bpy.types.MovieClip:
    """The footage as a new clip, each file on the scene frame of its number."""
    found = plates.open_plates(footage)
    clip = bpy.data.movieclips.load(str(found.file))
    timing.renumber(clip)
    return clip


def _annotation(clip: Any) -> Any:
    """The clip's annotation, a new one where it has none."""
    if (there := outlines.of_clip(clip)) is not None:
        return there
    held: Any = getattr(bpy.data, "annotations", None)  # since 5.0
    new = (held if held is not None else bpy.data.grease_pencils).new("Surface-SOS")
    setattr(clip, "annotation" if hasattr(clip, "annotation") else "grease_pencil", new)
    return new


register, unregister = bpy.utils.register_classes_factory((DrawStrokes,))
