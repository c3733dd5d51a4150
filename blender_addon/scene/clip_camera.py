"""The clip's own camera track as a COLMAP model: reads Blender's solved reconstruction, writes text.

Blender's tracker counts pixels from the bottom left corner and its cameras look along -z; COLMAP's from the top left,
along +z. Distortion works on the same normalised coordinates, so that its polynomial is COLMAP's FULL_OPENCV.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix

from ..errors import AddonError
from ..files import colmap_text
from ..files.colmap import Image, Lens
from ..files.plates import PlateError, open_plates, sequence_of

_FLIP = Matrix.Diagonal((1.0, -1.0, -1.0, 1.0))  # Blender's camera axes to COLMAP's, and back
_LEAST_CAMERAS = 3


def footage(clip: bpy.types.MovieClip) -> str:
    """The clip's files as the core takes them: a movie, or a pattern for its sequence."""
    path = _path(clip)
    if clip.source == "MOVIE":
        return str(path)
    pattern = sequence_of(str(path))
    return pattern if pattern != str(path) else str(path.parent)


def shows(clip: bpy.types.MovieClip, path: str) -> bool:
    """Whether the clip shows the footage at `path`; False too where one of the two is lost."""
    try:
        return open_plates(footage(clip)).file == open_plates(path).file
    except PlateError:
        return False


def plate_number(clip: bpy.types.MovieClip, clip_frame: int) -> int:
    """The plate's frame number of a frame of the clip, which count from 1."""
    if clip.source == "MOVIE":
        return clip_frame + clip.frame_offset
    runs = re.findall(r"[0-9]+", Path(clip.filepath).stem)
    return (int(runs[-1]) if runs else 1) + clip_frame - 1 + clip.frame_offset


def obstacle(clip: bpy.types.MovieClip) -> str | None:
    """Why the clip's track cannot be used, or None."""
    reconstruction = clip.tracking.reconstruction
    if not reconstruction.is_valid or len(reconstruction.cameras) < _LEAST_CAMERAS:
        return f"The camera of the clip {clip.name} is not solved: track it and press Solve Camera Motion."
    model = clip.tracking.camera.distortion_model
    if model not in ("POLYNOMIAL", "BROWN"):
        return (
            f"The clip {clip.name} uses the lens model {model.title()}, which COLMAP does not have: "
            "choose Polynomial or Brown and solve again."
        )
    if model == "BROWN" and abs(clip.tracking.camera.brown_k4) > 1e-9:
        return f"The clip {clip.name} has a k4 in its lens, which COLMAP does not have: set it to 0 and solve again."
    return None


def export(clip: bpy.types.MovieClip, folder: Path) -> Path:
    """Write the solved cameras and points of the clip as a COLMAP text model into `folder`, and return it.

    Images are named as the footage's files. AddonError where the track cannot be used.
    """
    reason = obstacle(clip)
    if reason is not None:
        raise AddonError(reason)
    names, lens = frame_names(clip), _lens(clip)
    images = {
        camera.frame: _image(camera, names[number], lens)
        for camera in clip.tracking.reconstruction.cameras
        if (number := plate_number(clip, camera.frame)) in names
    }
    named = {frame: image.name for frame, image in images.items()}
    tracks = [_track(track, lens, named) for track in clip.tracking.tracks if track.has_bundle]
    colmap_text.write(folder, list(images.values()), tracks)
    return folder


def frame_names(clip: bpy.types.MovieClip) -> dict[int, str]:
    """What the core calls each frame, by its number."""
    path = _path(clip)
    if clip.source == "MOVIE":
        return {number: f"{path.stem}.{number:04d}.png" for number in range(1, clip.frame_duration + 1)}
    plates = open_plates(footage(clip))
    return {number: f"{stem}{path.suffix}" for stem, number in plates.numbers.items()}


def _path(clip: bpy.types.MovieClip) -> Path:
    return Path(os.path.normpath(bpy.path.abspath(clip.filepath)))


def _lens(clip: bpy.types.MovieClip) -> Lens:
    """FULL_OPENCV with the clip's focal length, principal point and distortion."""
    camera: Any = clip.tracking.camera
    width, height = clip.size
    # principal: until 3.4
    x, y = camera.principal_point_pixels if hasattr(camera, "principal_point_pixels") else camera.principal
    focal, aspect = camera.focal_length_pixels, camera.pixel_aspect
    if camera.distortion_model == "BROWN":
        k1, k2, k3 = camera.brown_k1, camera.brown_k2, camera.brown_k3
        # Blender's p1 goes with x and its y points up, COLMAP's p1 goes with y and its y points down.
        p1, p2 = -camera.brown_p2, camera.brown_p1
    else:
        k1, k2, k3 = camera.k1, camera.k2, camera.k3
        p1 = p2 = 0.0
    params = (focal, focal / aspect, x, height - y, k1, k2, p1, p2, k3, 0.0, 0.0, 0.0)
    return Lens("FULL_OPENCV", width, height, params)


def _image(camera: bpy.types.MovieReconstructedCamera, name: str, lens: Lens) -> Image:
    world_to_camera = _FLIP @ camera.matrix.inverted()
    w, x, y, z = world_to_camera.to_quaternion().normalized()
    tx, ty, tz = world_to_camera.to_translation()
    return Image(name, lens, (w, x, y, z), (tx, ty, tz))


def _track(track: bpy.types.MovieTrackingTrack, lens: Lens, names: dict[int, str]) -> colmap_text.Track:
    seen = {
        names[marker.frame]: (marker.co[0] * lens.width, (1.0 - marker.co[1]) * lens.height)
        for marker in track.markers
        if not marker.mute and marker.frame in names
    }
    x, y, z = track.bundle
    colour = track.color
    red, green, blue = (round(255 * min(1.0, max(0.0, part))) for part in (colour.r, colour.g, colour.b))
    return colmap_text.Track((x, y, z), (red, green, blue), track.average_error, seen)
