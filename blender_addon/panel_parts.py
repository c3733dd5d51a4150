"""What panels are put together from: sentences that wrap, and a running job."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from . import messages
from .properties import SurfaceSosRun

_PIXELS_PER_LETTER = 6.5
_PREVIEW_SCALE = 8.0
_LINE_SCALE = 0.8


def draw_sentence(layout: bpy.types.UILayout, sentence: str, icon: Any = "NONE") -> None:
    """A sentence on as many lines as the region's width asks for, since labels do not wrap."""
    context = bpy.context
    scale = context.preferences.system.ui_scale
    width = context.region.width if context.region is not None else 300
    letters = max(20, int(width / (_PIXELS_PER_LETTER * scale)) - 8)
    column = _lines(layout)
    for number, line in enumerate(textwrap.wrap(sentence, letters)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


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
            box.template_icon(icon_value=run.preview_icon, scale=_PREVIEW_SCALE)
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
        box.template_icon(icon_value=run.picture_icon, scale=_PREVIEW_SCALE)
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
