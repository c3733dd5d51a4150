# SPDX-FileCopyrightText: 2026 The Surface-SOS developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surface-SOS in Blender: segment footage from a panel, import its cameras, comp the result.

This folder is under GPL-3.0-or-later (LICENSE); what it shares with the core, in core/ of the zip, is under MIT
(core/LICENSE).
"""

from . import properties
from .interface import drop, panel, preferences
from .job import check_footage, core_setup, display, find_masks, report, segment, solve_cameras, update
from .scene import (
    clip_overlay,
    comparing,
    export_scene,
    import_cameras,
    load_result,
    looking,
    scene_box,
    shot_mesh,
    strokes,
    world,
)

_MODULES = (
    properties,
    *(display, core_setup, preferences, check_footage, solve_cameras, find_masks, segment, report),
    *(import_cameras, scene_box, load_result, clip_overlay, comparing, looking, shot_mesh, world, export_scene),
    *(strokes, update),
    *(panel, drop),
)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
