"""The automatic start as a source: no input but the cameras, or a scene box."""

from __future__ import annotations

from surface_sos_core.cameras import box_from_points, start_from_box
from surface_sos_core.masks.automatic import automatic_masks
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.source import MaskShot


class AutoSource:
    """Masks of what the cameras look at, or of what stands in the scene box."""

    needs_cameras = True

    def find(self, shot: MaskShot) -> CoarseMasks:
        assert shot.model is not None
        if shot.box is None:
            start = box_from_points(shot.model, shot.settings.box, shot.settings.point_groups)
        else:
            start = start_from_box(shot.box, shot.model, shot.settings.box)
        for note in start.notes:
            shot.warn(note)
        return automatic_masks(shot.footage, shot.cameras, shot.model, start, shot.settings, shot.progress)
