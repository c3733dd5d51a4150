"""Masks that were made frame by frame, by hand or by a network, mended by each other."""

from __future__ import annotations

from collections.abc import Callable

from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.mending import mend_masks
from surface_sos_core.masks.sources.doubted import doubt_of, found_anew
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.wording import counted


def mended(
    masks: CoarseMasks, shot: MaskShot, progress: Callable[[int, int], None], given: bool
) -> CoarseMasks:
    """The same masks, mended where the shot has cameras, and what was done to them told to the user.

    given: they came as files, which are the artist's word: where the sparse points speak against them this is told, and
    they are used all the same unless the settings want it otherwise. A network's are found anew there.
    """
    if shot.model is None:
        return masks
    if (doubt := doubt_of(masks, shot)) is not None:
        seen = (
            f"{doubt.share:.0%} of the sparse points that nearly all masks hold are of things that go on beside the masks, "
            "like a wall or a post"
        )
        if shot.settings.doubt.find_anew == "all" or (
            shot.settings.doubt.find_anew == "networks" and not given
        ):
            shot.warn(f"{seen}, so the outline is found anew within boxes around the masks.")
            return found_anew(masks, shot, doubt.start, progress)
        shot.warn(
            f"{seen}; the masks are used as they are; if they are wrong there, --set doubt.find_anew=all has the outline "
            "found anew within boxes around them."
        )
    found = mend_masks(shot.footage, shot.cameras, shot.model, masks, shot.settings, progress, given)
    if found.changed:
        shot.warn(
            f"{counted(len(found.changed), 'mask is', 'masks are')} mended where the others say otherwise of the same places."
        )
    if found.completed:
        shot.warn(
            f"{counted(len(found.completed), 'frame without a mask gets', 'frames without a mask get')} one "
            "by what the others' masks say of the same places."
        )
    return masks
