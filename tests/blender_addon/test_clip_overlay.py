"""The matte over the plate in the clip editor, under a virtual screen, where Blender 3.4 draws it."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.layers.exr import write_layers
from surface_sos_core.manifest import read_manifest
from tests.blender_addon.test_gui import HEIGHT, SCREEN, WIDTH, screen  # noqa: F401 (a fixture)

DRIVER = """
import os, sys, traceback
import bpy
import addon_utils

addon_utils.enable("surface_sos", default_set=True)
out, plates, folder = sys.argv[-3:]
bpy.context.preferences.view.show_splash = False

def window():
    return bpy.context.window_manager.windows[0]

def begin():
    scene, area = bpy.context.scene, next(one for one in window().screen.areas if one.type == "VIEW_3D")
    with bpy.context.temp_override(window=window(), area=area):
        bpy.ops.surface_sos.load_result("EXEC_DEFAULT", out=out)
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = bpy.data.movieclips.load(plates + "/plate.1001.png")
    scene.surface_sos.clip = area.spaces.active.clip
    with bpy.context.temp_override(window=window(), area=area, region=next(one for one in area.regions if one.type == "WINDOW")):
        bpy.ops.clip.view_all(fit_view=True)

def picture(name):
    def take():
        with bpy.context.temp_override(window=window(), area=window().screen.areas[0]):
            bpy.ops.screen.screenshot(filepath=f"{folder}/{name}.png")
    return take

steps = [
    begin, picture("plate"), lambda: bpy.ops.surface_sos.show_matte(), picture("first"),
    lambda: bpy.context.scene.frame_set(1003), picture("third"), lambda: bpy.ops.surface_sos.show_matte(), picture("off"),
]

def step():
    try:
        steps.pop(0)()
    except Exception:
        traceback.print_exc()
        os._exit(9)
    if not steps:
        os._exit(0)
    return 1.0

bpy.app.timers.register(step, first_interval=2.0)
"""
NAMES = ("plate", "first", "third", "off")


@pytest.mark.skipif(sys.platform != "linux", reason="the virtual screen is Linux's")
@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_what_is_outside_the_matte_is_red(blender, screen, tiny_shot, tmp_path: Path):  # noqa: F811
    """Grey plates; the object is the left half of frame 1001 and the right half of frame 1003."""
    shot, plates = tmp_path / "shot", tmp_path / "plates"
    shutil.copytree(tiny_shot.out, shot)
    plates.mkdir()
    manifest = (shot / "shot.json").read_text().replace(str(tiny_shot.plates), str(plates))
    (shot / "shot.json").write_text(manifest)
    for entry in read_manifest(shot).frames:
        cv2.imwrite(str(plates / f"{entry.name}.png"), np.full((36, 64, 3), 128, np.uint8))
        foreground = np.zeros((36, 64, 4), np.float32)
        foreground[:, slice(0, 32) if entry.frame < 1003 else slice(32, 64)] = 0.2, 0.2, 0.2, 1.0
        layers = replace(tiny_shot.layers[entry.frame], foreground=foreground)
        write_layers(shot / entry.layers, layers, entry.frame)
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    words = [blender.command[0], "--factory-startup", "-noaudio", "-p", "0", "0", str(WIDTH), str(HEIGHT)]
    words += ["-P", str(driver), "--", str(shot), str(plates), str(tmp_path)]
    environment = {**blender.environment, **SCREEN, "DISPLAY": screen[0]}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    seen = {name: cv2.imread(str(tmp_path / f"{name}.png")).astype(int) for name in NAMES}
    grey = np.abs(seen["plate"] - 128).max(axis=2) <= 2
    red = {name: grey & (seen[name][..., 2] - seen[name][..., 1] > 50) for name in NAMES}
    assert not red["plate"].any() and not red["off"].any()
    (rows, right), (same_rows, left) = np.nonzero(red["first"]), np.nonzero(red["third"])
    assert rows.size > 50 and np.ptp(rows) == np.ptp(same_rows)
    # halves of one picture, whose middle may lie within a pixel of the screen
    assert abs(np.ptp(right) - np.ptp(left)) <= 1 and abs(right.min() - left.max() - 1) <= 1
