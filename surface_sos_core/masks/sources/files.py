"""Masks that are there already: a folder of images, a movie, or what is picked by name from EXR files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from surface_sos_core.footage import Footage
from surface_sos_core.footage.sequence import list_images
from surface_sos_core.masks.coarse import CoarseMasks, load_masks
from surface_sos_core.masks.sources.cryptomatte import Picker
from surface_sos_core.masks.sources.movie import movie_masks
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
        """pick: an object of Cryptomatte or a layer of EXR files, or a label or colour of others.

        Raises what `load_masks` and `movie_masks` do.
        """
        if path.is_file():
            self.masks = movie_masks(path, footage, pick, settings, warn)
        elif (
            pick is not None
            and path.is_dir()
            and any(file.suffix.lower() == ".exr" for file in list_images(path))
        ):
            picker = Picker(pick)
            self.masks = load_masks(path, footage, settings, warn, read=picker.read)
            picker.check(path)
        else:
            self.masks = load_masks(path, footage, settings, warn, pick)

    def find(self, shot: MaskShot) -> CoarseMasks:
        from surface_sos_core.masks.sources.mended import mended  # compiles for seconds when it is loaded

        return mended(self.masks, shot, shot.progress, given=True)
