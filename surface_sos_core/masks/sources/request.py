"""From what was typed after --masks or --from to a source that is ready to work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.sources.arrays import ArraysSource, MaskArrays, array_stamps
from surface_sos_core.masks.sources.drawn import Drawn, read_drawn
from surface_sos_core.masks.sources.ready import require
from surface_sos_core.masks.sources.source import MaskSource
from surface_sos_core.settings import NetworkSettings, Settings
from surface_sos_core.shot_folder import file_stamps

FOUND = ("auto", "box", "maskrcnn", "sam2", "rvm", "rembg")
NETWORKS = FOUND[2:]


@dataclass(frozen=True)
class MaskRequest:
    """name: one of FOUND, "files" for masks that are there, or "arrays". path: the files, or what was drawn (None: nothing).

    weights: of a network. pick: the object's name, a class of Mask R-CNN or an object or layer of EXR mattes. arrays: the
    masks themselves, from Python.
    """

    name: str = "auto"
    path: Path | None = None
    weights: Path | None = None
    pick: str | None = None
    arrays: MaskArrays | None = None

    @staticmethod
    def parse(text: str, weights: Path | None = None, pick: str | None = None) -> MaskRequest:
        """NAME or NAME:DRAWN for the sources of FOUND; anything else is the path of masks that are there.

        Raises InputError for options that the source has no use for.
        """
        if not text.strip():
            raise InputError("The source of masks is empty; give a folder, auto, or box:FILE.")
        name, colon, rest = text.partition(":")
        if name not in FOUND:
            name, rest = "files", text
        if name == "auto" and colon:
            raise InputError(
                f"{text}: the automatic start takes no file; say auto, or box:FILE for a drawn box."
            )
        if name == "box" and not rest:
            raise InputError("box wants the file of what is drawn: box:FILE, JSON or a folder of masks.")
        if weights is not None and name not in NETWORKS:
            raise InputError(f"--weights is for {', '.join(NETWORKS)}; {text} needs none.")
        if pick is not None and name not in ("files", "maskrcnn"):
            raise InputError(
                f"--pick is for masks in files and for maskrcnn; {text} has nothing to pick from."
            )
        return MaskRequest(name, Path(rest) if rest else None, weights, pick)

    @property
    def text(self) -> str:
        """As it is typed after --masks; "arrays" for masks from Python."""
        if self.name == "files":
            return str(self.path)
        return self.name if self.path is None else f"{self.name}:{self.path}"

    def stamp(self) -> list[Any]:
        """What changes when the masks would."""
        if self.arrays is not None:
            return [self.name, array_stamps(self.arrays)]
        return [self.name, self.pick, _stamps(self.path), _stamps(self.weights)]


def _stamps(path: Path | None) -> list[Any]:
    if path is None:
        return []
    return file_stamps(filter(Path.is_file, path.iterdir()) if path.is_dir() else [path])


def open_source(
    request: MaskRequest, footage: Footage, settings: Settings, warn: Callable[[str], None]
) -> MaskSource:
    """The source, with its files read and its libraries and weights loaded.

    Raises InputError for what was given and is not right, SetupError for a library that is missing.
    """
    if request.arrays is not None:
        return ArraysSource(request.arrays, footage, settings.coarse, warn)
    if request.name == "auto":
        from surface_sos_core.masks.sources.auto import AutoSource

        return AutoSource()
    if request.name == "files":
        from surface_sos_core.masks.sources.files import FilesSource

        assert request.path is not None
        return FilesSource(request.path, footage, request.pick, settings.coarse, warn)
    drawn = None
    if request.path is not None:
        drawn = read_drawn(request.path, footage, settings.coarse)
    if request.name == "box":
        from surface_sos_core.masks.sources.box import BoxSource

        assert drawn is not None
        return BoxSource(drawn)
    require(request.name)
    return _open_network(request, drawn, settings.network)


def _open_network(request: MaskRequest, drawn: Drawn | None, settings: NetworkSettings) -> MaskSource:
    from surface_sos_core.masks.sources.network import NetworkSource

    if request.name == "maskrcnn":
        from surface_sos_core.masks.sources.maskrcnn import MaskRcnn

        return NetworkSource(MaskRcnn(request.weights, request.pick, settings), drawn)
    if request.name == "sam2":
        from surface_sos_core.masks.sources.sam2 import Sam2

        return NetworkSource(Sam2(request.weights), drawn)
    if request.name == "rvm":
        from surface_sos_core.masks.sources.rvm import open_rvm

        return NetworkSource(open_rvm(request.weights, settings), drawn)
    from surface_sos_core.masks.sources.rembg import Rembg

    return NetworkSource(Rembg(request.weights), drawn)
