"""Masks that were made frame by frame, by hand or by a network, mended by each other."""

from __future__ import annotations

from collections.abc import Callable

from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.mending import mend_masks
from surface_sos_core.masks.sources.doubted import found_anew
from surface_sos_core.masks.sources.source import MaskShot


def mended(masks: CoarseMasks, shot: MaskShot, progress: Callable[[int, int], None]) -> CoarseMasks:
    """The same masks, mended where the shot has cameras, and what was done to them told to the user."""
    if shot.model is None:
        return masks
    if (anew := found_anew(masks, shot, progress)) is not None:
        shot.warn(
            "The masks hold much that goes on beside them, as the sparse points tell, so its outline is found anew "
            "within boxes around them; if they are right, give those of fewer than eight frames, which are believed."
        )
        return anew
    found = mend_masks(shot.footage, shot.cameras, shot.model, masks, progress)
    if found.changed:
        shot.warn(f"{len(found.changed)} masks are mended where the others say otherwise of the same places.")
    if found.completed:
        shot.warn(
            f"{len(found.completed)} frames without a mask get one by what the others' masks say of the same places."
        )
    return masks
