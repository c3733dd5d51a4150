"""Masks from a movie, read as those in image files are; frame for frame in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.footage.movie import Movie
from surface_sos_core.masks.coarse import CoarseMasks, fill_masks
from surface_sos_core.masks.mask_files import MaskPicture
from surface_sos_core.settings import CoarseSettings
from surface_sos_core.wording import counted


def movie_masks(
    path: Path, footage: Footage, pick: str | None, settings: CoarseSettings, warn: Callable[[str], None]
) -> CoarseMasks:
    """A mask for every frame. Raises InputError for a file that is no movie, of another shape or number of frames."""
    movie = Movie(path, False, warn)
    if len(movie) != len(footage.frames):
        raise InputError(
            f"{path} has {counted(len(movie), 'frame')} and the footage {len(footage.frames)}; a movie of masks must have as many."
        )
    names = {index: frame.name for index, frame in enumerate(footage.frames)}
    masks = fill_masks(
        footage, settings, names, lambda index: MaskPicture(movie.read(index)), str(path), pick=pick
    )
    for note in masks.notes:
        warn(note)
    return masks
