"""A data set of a kind, read by the module of that kind."""

from __future__ import annotations

from pathlib import Path

from surface_sos_core.datasets import blended_mvs, co3d, llff, neus, transforms, tum
from surface_sos_core.datasets.dataset import DataSet, without_missing
from surface_sos_core.errors import InputError


def read_dataset(kind: str, path: Path) -> DataSet:
    """The set of a kind (one of datasets.KINDS) at `path`; frames whose images are missing are left out, which a note tells.

    Raises InputError that names what is missing or cannot be used, and for any other kind.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; give the folder of the data set.")
    return without_missing(_read(kind, path))


def _read(kind: str, path: Path) -> DataSet:
    match kind:
        case "llff":
            return llff.read(path)
        case "co3d":
            return co3d.read(path)
        case "blendedmvs":
            return blended_mvs.read(path)
        case "tum":
            return tum.read(path)
        case "neus":
            return neus.read(path)
        case "transforms":
            return transforms.read(path)
    raise InputError(f"{kind} is no kind of data set that is known here.")
