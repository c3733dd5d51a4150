"""From the scene's settings to a request of the core, with what has to be exported from Blender for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bpy

from ..errors import AddonError
from ..files.writing import write_if_changed
from ..properties import SurfaceSosSettings, shot_settings
from ..scene import clip_camera, mask_files, outlines, scene_box
from . import command
from .command import Mode, Request

DRAWN = ("BOX", "ANNOTATION")  # sources of masks that are drawn roughly, on one frame or more


def out_folder(context: bpy.types.Context) -> Path:
    return Path(bpy.path.abspath(shot_settings(context).out))


def chosen_mode(context: bpy.types.Context) -> Mode:
    return "overwrite" if shot_settings(context).overwrite else "new"


def plan(context: bpy.types.Context, mode: Mode) -> Request:
    """The request without what is exported from Blender. Changes and writes nothing."""
    settings = shot_settings(context)
    return Request(
        footage=footage(context),
        out=bpy.path.abspath(settings.out).rstrip("/\\"),
        masks=_masks(settings),
        cameras=bpy.path.abspath(settings.cameras) if settings.cameras_from == "MODEL" else None,
        preset=settings.preset,
        device=settings.device,
        frames=settings.frames.strip() or None,
        subject=None if settings.subject == "auto" else settings.subject,
        camera_move=None if settings.camera_move == "auto" else settings.camera_move,
        mode=mode,
        weights=(bpy.path.abspath(settings.weights) or None)
        if settings.masks_from in command.NETWORKS
        else None,
        pick=(settings.pick.strip() or None) if settings.masks_from in ("FOLDER", "maskrcnn") else None,
    )


def _masks(settings: SurfaceSosSettings) -> str | None:
    """The source of masks, but for what is exported from Blender."""
    if settings.masks_from == "FOLDER":
        return bpy.path.abspath(settings.masks)
    return settings.masks_from if settings.masks_from in command.NETWORKS else None


def footage(context: bpy.types.Context) -> str:
    """The footage as the core takes it; empty where nothing is chosen."""
    settings = shot_settings(context)
    if settings.footage_from == "CLIP":
        return clip_camera.footage(settings.clip) if settings.clip is not None else ""
    return bpy.path.abspath(settings.footage)


def obstacle(context: bpy.types.Context, mode: Mode) -> str | None:
    """One sentence on why the job cannot start, or None; quick enough to be asked at every redraw."""
    return inputs_obstacle(context) or out_obstacle(context, mode)


def out_obstacle(context: bpy.types.Context, mode: Mode) -> str | None:
    """Why the shot cannot be written to where it is to be."""
    return no_out(context) or command.out_obstacle(plan(context, mode).out, mode)


def no_out(context: bpy.types.Context) -> str | None:
    """Why there is no place for the shot, whatever is in it."""
    return _unsaved(shot_settings(context), "out") or command.no_out(plan(context, "new").out)


def footage_obstacle(context: bpy.types.Context) -> str | None:
    """Why the footage alone cannot be read."""
    settings = shot_settings(context)
    if settings.footage_from == "CLIP":
        return "Choose the clip." if settings.clip is None else None
    return _unsaved(settings, "footage") or command.footage_obstacle(footage(context))


def _unsaved(settings: SurfaceSosSettings, name: str) -> str | None:
    """Why a path of the settings means nothing yet."""
    path = getattr(settings, name)
    if bpy.data.filepath or not path.startswith("//"):
        return None
    field = settings.bl_rna.properties[name].name
    return f"{field}: {path} is relative to this file, which is not saved yet: save it, or choose a whole path."


def inputs_obstacle(context: bpy.types.Context) -> str | None:
    """Why what was chosen cannot be read, wherever the shot is to be written."""
    settings = shot_settings(context)
    if settings.footage_from == "CLIP" and settings.clip is None:
        return "Choose the clip."
    for name in ("footage", "masks", "weights", "cameras"):
        if (reason := _unsaved(settings, name)) is not None:
            return reason
    if settings.masks_from in ("MASK", "BOX") and settings.mask is None:
        return "Choose the mask."
    if settings.masks_from == "ANNOTATION":
        if settings.footage_from != "CLIP" or settings.clip is None:
            return "Annotations are drawn on a clip: choose Clip as the footage."
        if outlines.of_clip(settings.clip) is None:
            return "Draw around the object with the Annotate tool in the clip editor, on one frame or more."
    if settings.cameras_from == "CLIP":
        if settings.footage_from != "CLIP" or settings.clip is None:
            return "The clip's camera track goes with the clip: choose Clip as the footage."
        if (reason := clip_camera.obstacle(settings.clip)) is not None:
            return reason
    if settings.box is not None and (reason := scene_box.obstacle(settings.box)) is not None:
        return reason
    return command.inputs_obstacle(plan(context, "new"))


def export(context: bpy.types.Context, request: Request) -> Request:
    """Write what Blender has to give (masks, camera track, box) beside the shot's folder; the request that names it.

    Files whose content has not changed are left alone, so that Resume finds its inputs unchanged. AddonError says what
    cannot be exported or written.
    """
    settings, folder = shot_settings(context), command.job_folder(request.out)
    try:
        if settings.masks_from in ("MASK", "BOX"):
            clip = settings.clip if settings.footage_from == "CLIP" else None
            rough = settings.masks_from == "BOX"
            masks = mask_files.export(
                settings.mask, clip, request.footage, folder / ("drawn" if rough else "masks"), rough
            )
            request = replace(request, masks=f"box:{masks}" if rough else str(masks))
        if settings.masks_from == "ANNOTATION":
            drawn = outlines.export(settings.clip, folder / "drawn.json")
            request = replace(request, masks=f"box:{drawn}")
        if settings.cameras_from == "CLIP":
            request = replace(request, cameras=str(clip_camera.export(settings.clip, folder / "cameras")))
        if settings.box is not None:
            file = folder / "box.json"
            write_if_changed(file, json.dumps({"matrix": scene_box.matrix(settings.box)}).encode())
            request = replace(request, box=str(file))
    except RuntimeError as error:  # of Blender, which could not read or draw
        raise AddonError(" ".join(str(error).split())) from error
    except OSError as error:
        raise AddonError(
            f"{error.filename or folder} cannot be written ({error.strerror}): choose another output folder."
        ) from error
    return request
