"""Coarse masks as files: PNG images that `segment --masks` takes, and that can be looked at and repainted before."""

from __future__ import annotations

from pathlib import Path

import cv2

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.wording import counted


def check_masks_folder(out: Path, footage: Footage, overwrite: bool) -> None:
    """Raises InputError for a folder that holds anything but masks of this footage, or masks without `overwrite`."""
    if out.is_file():
        raise InputError(f"{out} is a file; give a folder to --out.")
    held = [path.name for path in out.iterdir()] if out.is_dir() else []
    others = set(held) - {mask_file(out, frame.name).name for frame in footage.frames}
    if others:
        raise InputError(
            f"{out} holds {min(others)}, which is no mask of this footage; choose an empty or new folder for --out."
        )
    if held and not overwrite:
        raise InputError(f"{out} already holds masks; add --overwrite to replace them.")


def write_masks(masks: CoarseMasks, footage: Footage, out: Path) -> None:
    """A PNG of the plate's size for each known frame, named as the frame; masks of unknown frames are removed."""
    out.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(footage.frames):
        path = mask_file(out, frame.name)
        if not masks.known[index]:
            path.unlink(missing_ok=True)
            continue
        size = (footage.width, footage.height)
        _, png = cv2.imencode(
            ".png", cv2.resize(masks.probability[index], size, interpolation=cv2.INTER_LINEAR)
        )
        with write_atomically(path) as partial:
            png.tofile(partial)


def reasons_told(masks: CoarseMasks, footage: Footage) -> list[str]:
    """A sentence for each reason why frames are unknown."""
    by_reason: dict[str, list[str]] = {}
    for index, reason in sorted(masks.reasons.items()):
        if not masks.known[index]:
            by_reason.setdefault(reason, []).append(footage.frames[index].name)
    return [
        f"{counted(len(names), 'frame stays', 'frames stay')} unknown, since {reason}: "
        f"{', '.join(names[:5])}{', ...' if len(names) > 5 else ''}."
        for reason, names in by_reason.items()
    ]


def mask_file(out: Path, frame: str) -> Path:
    """Where the mask of the frame of this name is."""
    return out / f"{frame}.png"
