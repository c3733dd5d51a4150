"""Masks that are there already: a folder of images, a movie, or what is picked by name from EXR files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks, load_masks
from surface_sos_core.masks.sources.cryptomatte import Picker
from surface_sos_core.masks.sources.mended import mended
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.settings import CoarseSettings


class FilesSource:
    """Masks as they were given; with cameras they are mended by each other, and those of a few frames become those of all."""

    needs_cameras = False

    def __init__(
        self,
        path: Path,
        footage: Footage,
        pick: str | None,
        settings: CoarseSettings,
        warn: Callable[[str], None],
    ) -> None:
        """pick: an object of Cryptomatte or a layer of EXR files. Raises what `load_masks` and `movie_masks` do."""
        if path.is_file():
            if pick is not None:
                raise InputError(f"--pick {pick} is for folders of EXR mattes; {path} is a file.")
            from surface_sos_core.masks.sources.movie import movie_masks

            self._masks = movie_masks(path, footage, settings)
        elif pick is None:
            self._masks = load_masks(path, footage, settings, warn)
        else:
            picker = Picker(pick)
            self._masks = load_masks(path, footage, settings, warn, picker.read)
            picker.check(path)

    def find(self, shot: MaskShot) -> CoarseMasks:
        return mended(self._masks, shot, shot.progress, given=True)
