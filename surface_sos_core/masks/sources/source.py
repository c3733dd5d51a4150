"""What a source of coarse masks is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from surface_sos_core.cameras import Box, Camera, CameraModel
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.settings import Settings


@dataclass(frozen=True)
class MaskShot:
    """A shot as sources see it.

    model: cameras and sparse points, None where they are not solved; cameras: one for each frame, None where it has none;
    box: the scene box that was given, if any; settings: of the run; warn and progress: how to tell what is odd, and (done, total) frames.
    """

    footage: Footage
    model: CameraModel | None
    cameras: Sequence[Camera | None]
    box: Box | None
    settings: Settings
    warn: Callable[[str], None]
    progress: Callable[[int, int], None]


class MaskSource(Protocol):
    """Made, with all that it needs checked, before anything is computed or written."""

    @property
    def needs_cameras(self) -> bool:
        """Whether `find` works only with a camera model."""

    def find(self, shot: MaskShot) -> CoarseMasks:
        """A probability for every pixel of each frame, or unknown, with a reason. Raises InputError or SetupError."""
