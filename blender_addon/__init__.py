# SPDX-FileCopyrightText: 2026 The Surface-SOS developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surface-SOS in Blender: segment footage from a panel, import its cameras, comp the result.

This folder is under GPL-3.0-or-later (LICENSE); what it shares with the core, in core/ of the zip, is under MIT
(core/LICENSE).
"""

from . import properties
from .interface import panel, preferences
from .job import check_footage, core_setup, display, find_masks, report, segment, solve_cameras, update
from .scene import import_cameras, load_result, looking, scene_box, shot_mesh, strokes

_MODULES = (
    properties,
    *(display, core_setup, preferences, check_footage, solve_cameras, find_masks, segment, report),
    *(strokes, update),
    *(import_cameras, scene_box, load_result, looking, shot_mesh),
    panel,
)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
