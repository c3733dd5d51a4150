"""Masks from a movie, by its alpha where it has any that varies, else by its luminance; frame for frame in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.footage.header import check_size
from surface_sos_core.footage.movie import CONTAINERS
from surface_sos_core.masks.coarse import CoarseMasks, check_aspect, grey_of, reduced_size
from surface_sos_core.masks.sources.ready import require
from surface_sos_core.settings import CoarseSettings
from surface_sos_core.wording import counted


def movie_masks(path: Path, footage: Footage, settings: CoarseSettings) -> CoarseMasks:
    """A mask for every frame. Raises InputError for a file that is no movie, of another shape or number of frames."""
    require("movie")
    masks = CoarseMasks.unknown(len(footage.frames), reduced_size(footage, settings.edge))
    count = 0
    for pixels in _frames(path):
        if count < len(footage.frames):
            check_aspect(path, pixels.shape[1], pixels.shape[0], footage)
            grey, white = grey_of(pixels)
            masks.put(count, cv2.resize(grey / np.float32(white), masks.size, interpolation=cv2.INTER_AREA))
        count += 1
    if count != len(footage.frames):
        raise InputError(
            f"{path} has {counted(count, 'frame')} and the footage {len(footage.frames)}; a movie of masks must have as many."
        )
    return masks


def _frames(path: Path) -> Iterator[np.ndarray]:
    """(H, W, 4) or (H, W, 3) uint8 of each frame."""
    import av

    try:
        known = {"format_whitelist": CONTAINERS}
        with av.open(str(path), options=known, metadata_errors="replace") as container:
            if not container.streams.video:
                raise InputError(f"{path} holds no pictures; give a movie of masks.")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise InputError(
                    f"{path} is coded in a way that is not known here; give a movie or a folder."
                )
            check_size(path, stream.codec_context.width, stream.codec_context.height)
            for frame in _decoded(container, stream):
                has_alpha = any(part.is_alpha for part in frame.format.components)
                yield frame.to_ndarray(format="rgba" if has_alpha else "rgb24")
    except av.FFmpegError as error:
        raise InputError(
            f"{path} is no movie that can be read ({error.strerror}); give a movie or a folder."
        ) from error


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames with their alpha; FFmpeg's own decoders of VP8 and VP9 leave it out, libvpx does not."""
    import av

    name = stream.codec_context.name
    if name not in ("vp8", "vp9") or str(stream.metadata.get("alpha_mode")) != "1":
        yield from container.decode(stream)
        return
    decoder = av.CodecContext.create("libvpx" if name == "vp8" else "libvpx-vp9", "r")
    for packet in container.demux(stream):
        yield from decoder.decode(packet)
