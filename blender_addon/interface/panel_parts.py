"""What panels are put together from: sentences that wrap, and a running job."""

from __future__ import annotations

from typing import Any

import blf
import bpy
from bpy.app.translations import pgettext_iface

from ..job import messages
from ..properties import SurfaceSosRun

_FONT = 0  # Blender's own
# Pixels at a scale of 1: what a side bar, its tabs and a box leave free, an icon, and the least to write in.
_MARGINS, _ICON, _LEAST_ROOM = 66, 22, 100
_UNIT, _LARGEST = 20, 24.0  # pixels of a picture's scale of 1, and the largest scale
_LINE_SCALE = 0.8


def draw_sentence(layout: bpy.types.UILayout, sentence: str, icon: Any = "NONE") -> None:
    """A sentence, translated as a whole, on as many lines as the region's width asks for, since labels do not wrap."""
    preferences = bpy.context.preferences
    scale = preferences.system.ui_scale
    blf.size(_FONT, preferences.ui_styles[0].widget.points * scale)
    room = _room() - (_ICON if icon != "NONE" else 0)
    column = _lines(layout)
    for number, line in enumerate(_wrapped(pgettext_iface(sentence), room * scale)):
        column.label(text=line, translate=False, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


def _room() -> float:
    """How wide what is drawn in this region may be, in pixels at a scale of 1."""
    region = bpy.context.region
    width = region.width / bpy.context.preferences.system.ui_scale if region is not None else 300
    return max(width - _MARGINS, _LEAST_ROOM)


def _picture_scale() -> float:
    """Of a picture, which Blender draws in a square, as large as the region has room for."""
    return min(_room() / _UNIT, _LARGEST)


def _wrapped(sentence: str, room: float) -> list[str]:
    """Lines that are at most `room` pixels wide in the font and size that blf has; long words, such as paths, are cut."""
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if _width(longer) <= room:
            lines[-1] = longer
            continue
        lines.append(word)
        while len(word) > 1 and _width(word) > room:
            fits = next((count for count in range(len(word) - 1, 1, -1) if _width(word[:count]) <= room), 1)
            lines[-1:] = [word[:fits], word[fits:]]
            word = word[fits:]
    return lines if lines[0] else lines[1:]


def _width(text: str) -> float:
    return blf.dimensions(_FONT, text)[0]


def draw_run(layout: bpy.types.UILayout, run: SurfaceSosRun) -> None:
    """The job as it stands: stage, bar, rate, time left, preview and Cancel; afterwards how it ended."""
    if run.running:
        box = layout.box()
        box.label(text=run.title, icon="SORTTIME")
        if run.cancelling:
            box.label(text="Keeping a checkpoint ...")
        else:
            box.operator(
                "surface_sos.cancel", icon="CANCEL"
            )  # above what grows, so that it stays in its place
        if run.stage:
            _lines(box).label(text=f"Stage {run.stage_index} of {run.stage_count}: {run.stage}")
        if run.total:
            _draw_bar(box, run)
        if run.preview_icon:
            box.template_icon(icon_value=run.preview_icon, scale=_picture_scale())
    elif run.message:
        draw_sentence(layout.box(), run.message, "ERROR")
    elif run.success:
        draw_sentence(layout.box(), run.success, "CHECKMARK")
    for warning in run.warnings.splitlines():
        draw_sentence(layout, warning, "INFO")


def draw_inputs(layout: bpy.types.UILayout, run: SurfaceSosRun) -> None:
    """What was read of the shot's files, and one frame with its mask, if there is a picture of it."""
    if not run.inputs:
        return
    box = layout.box()
    if run.picture_icon:
        box.template_icon(icon_value=run.picture_icon, scale=_picture_scale())
        _lines(box).label(text=f"Frame {run.picture_frame} and its mask")
    for line in run.inputs.splitlines():
        kind, told = line.split(maxsplit=1)
        draw_sentence(box, f"{kind.capitalize()}: {told}")


def _draw_bar(layout: bpy.types.UILayout, run: SurfaceSosRun) -> None:
    if hasattr(layout, "progress"):  # since 4.0
        layout.progress(factor=run.share, text=f"{run.share:.0%}")
    else:
        layout.prop(run, "percent", text="", slider=True)
    progress = messages.Progress(
        run.stage, run.done, run.total, run.unit, 0.0, run.rate or None, run.eta_s if run.eta_s >= 0 else None
    )
    lines = _lines(layout)
    for part in messages.progress_text(progress).split(", "):
        lines.label(text=part)


def _lines(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """A column of text, set closer than buttons are."""
    column = layout.column(align=True)
    column.scale_y = _LINE_SCALE
    return column
