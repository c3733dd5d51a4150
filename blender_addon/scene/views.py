"""What 3D views show of a shot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy


def look_through_camera(scene: bpy.types.Scene) -> None:
    """Enter the scene's camera in every 3D view of the scene, its frame filling the view, things in their own colours."""
    for window, area in _views(scene):
        space: Any = area.spaces.active
        space.region_3d.view_perspective = "CAMERA"
        space.shading.color_type = "VERTEX"  # in solid view; what has no such colours keeps those of its material
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.view3d.view_center_camera()


def _views(scene: bpy.types.Scene) -> Iterator[tuple[bpy.types.Window, bpy.types.Area]]:
    for window in bpy.context.window_manager.windows:
        if window.scene == scene:
            yield from ((window, area) for area in window.screen.areas if area.type == "VIEW_3D")
