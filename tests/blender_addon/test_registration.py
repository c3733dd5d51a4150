"""The installed zip comes and goes cleanly."""

from pathlib import Path

import cv2
import numpy as np


def test_it_registers_and_unregisters_twice_and_leaves_nothing(blender, tmp_path: Path):
    facts = blender.facts(
        """
def ours():
    kinds = [name for name in dir(bpy.types) if "surface_sos" in name.lower()]
    return sorted(kinds) + [hasattr(bpy.types.Scene, "surface_sos"), len(dir(bpy.ops.surface_sos))]

states = [ours()]
for _ in range(2):
    addon_utils.disable(ADDON)
    states.append(ours())
    addon_utils.enable(ADDON)
    states.append(ours())
tell(states=states, packages=sorted({"numpy", "torch", "surface_sos_core"} & set(sys.modules)), blender=bpy.app.version[:2])
""",
        tmp_path,
    )
    on, off, *rest = facts["states"]
    assert off == [False, 0] and rest == [on, off, on]
    assert on[-2:] == [True, 23]
    assert "surface_sos_core" not in facts["packages"] and "torch" not in facts["packages"]


def test_bad_use_of_the_button_is_a_sentence_and_no_exception(blender, tmp_path: Path):
    (tmp_path / "plates").mkdir()
    (tmp_path / "frames").mkdir()
    for number in range(1001, 1004):
        cv2.imwrite(str(tmp_path / "frames" / f"plate.{number}.png"), np.zeros((36, 64, 3), np.uint8))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "cameras.txt").write_text("1 PINHOLE 64 36 60 60 32 18\n")
    (tmp_path / "empty" / "images.txt").write_text("")
    facts = blender.facts(
        """
folder = sys.argv[-1]
settings = bpy.context.scene.surface_sos
run = bpy.context.window_manager.surface_sos_run

def press():
    try:
        return sorted(bpy.ops.surface_sos.segment())
    except RuntimeError as error:
        return str(error)

said = {"nothing chosen": press()}
settings.footage, settings.out = folder + "/nowhere", folder + "/shot"
said["footage missing"] = press()
settings.footage = folder + "/plates"
said["no frames"] = press()
tell(after=run.message, running=run.running)
settings.footage = folder + "/frames/plate.1002.png"
tell(pattern=settings.footage)
settings.out = "//shot"
said["unsaved"] = press()
settings.out = folder + "/shot"
settings.cameras_from, settings.cameras = "MODEL", folder + "/empty"
said["no model"] = press()
settings.cameras_from = "CLIP"
said["no clip"] = press()
settings.cameras_from, settings.masks_from = "SOLVE", "MASK"
said["no mask"] = press()
settings.masks_from = "NONE"
import os
os.environ["SURFACE_SOS_PYTHON"] = folder + "/nowhere/python"
said["no core"] = press()
said["way"] = part("job.core_setup").core_obstacle(bpy.context)
said["check"] = None
try:
    bpy.ops.surface_sos.check()
except RuntimeError as error:
    said["check"] = str(error)
tell(said=said)
""",
        tmp_path,
        tmp_path,
        timeout=300,
    )
    said = facts["said"]
    assert "Choose the footage" in said["nothing chosen"]
    assert f"{tmp_path}/nowhere does not exist" in said["footage missing"]
    assert "has no JPEG, PNG, TIFF, EXR, WebP, AVIF or HEIC frames" in said["no frames"]
    assert "has no JPEG" in facts["after"] and facts["running"] is False
    assert facts["pattern"] == f"{tmp_path}/frames/plate.#.png"
    assert "Output: //shot is relative to this file, which is not saved yet" in said["unsaved"]
    assert said["way"] in said["no core"]
    assert "choose Clip as the footage" in said["no clip"]
    assert "Choose the mask" in said["no mask"]
    assert "SURFACE_SOS_PYTHON names" in said["no core"] and "SURFACE_SOS_PYTHON names" in said["check"]
    assert "images.txt" in said["no model"] and "at least 2" in said["no model"]


def test_check_says_what_doctor_finds(blender, tmp_path: Path):
    facts = blender.facts(
        """
addon_utils.enable(ADDON, default_set=True)  # as the preferences do
tell(result=sorted(bpy.ops.surface_sos.check()))
tell(findings=bpy.context.preferences.addons[ADDON].preferences.findings)
tell(log=bpy.data.texts["Surface-SOS Log"].as_string())
""",
        tmp_path,
        timeout=300,
    )
    assert facts["result"] == ["FINISHED"]
    assert facts["findings"].startswith("The core can run; device: cpu")
    assert "torch" in facts["log"]


def test_a_file_that_was_saved_during_a_job_does_not_say_that_it_runs(blender, tmp_path: Path):
    facts = blender.facts(
        """
run = bpy.context.window_manager.surface_sos_run
run.running = run.cancelling = True
bpy.context.scene.surface_sos.frames = "1001-1010"
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
run = bpy.context.window_manager.surface_sos_run
tell(running=run.running, cancelling=run.cancelling, frames=bpy.context.scene.surface_sos.frames)
""",
        tmp_path,
        tmp_path / "shot.blend",
    )
    assert facts == {"running": False, "cancelling": False, "frames": "1001-1010"}
