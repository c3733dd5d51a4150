"""What would be read of a shot's files is shown in the panel before anything is computed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT = 64, 36

CHECK = """
folder = sys.argv[-1]
settings = bpy.context.scene.surface_sos
run = bpy.context.window_manager.surface_sos_run
settings.footage = folder + "/plates"
settings.masks_from, settings.masks = "FOLDER", folder + "/masks"
result = sorted(bpy.ops.surface_sos.check_footage())
image = bpy.data.images["Surface-SOS Check.png"]
tell(
    result=result, inputs=run.inputs.splitlines(), warnings=run.warnings.splitlines(), frame=run.picture_frame,
    success=run.success, message=run.message, running=run.running, size=list(image.size), packed=image.packed_file is not None,
    inside=[round(255 * value) for value in image.pixels[4 * (64 * 20 + 32) :][:3]],
    outside=[round(255 * value) for value in image.pixels[4 * (64 * 34 + 2) :][:3]],
)
again = sorted(bpy.ops.surface_sos.check_footage())
tell(again=again, images=[image.name for image in bpy.data.images if image.name.startswith("Surface-SOS")])
"""

REFUSED = """
folder = sys.argv[-1]
settings = bpy.context.scene.surface_sos
run = bpy.context.window_manager.surface_sos_run

def press():
    try:
        bpy.ops.surface_sos.check_footage()
    except RuntimeError as error:
        return str(error)

said = [press()]
settings.footage = folder + "/plates"
settings.masks_from, settings.masks = "FOLDER", folder + "/plates/.."
said.append(press())
tell(said=said, message=run.message, success=run.success, running=run.running)
"""


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Plates 1001 to 1004 of plain grey; masks of three of them, and one of none."""
    for name in ("plates", "masks"):
        (tmp_path / name).mkdir()
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[8:28, 16:48] = 255
    for number in range(1001, 1005):
        cv2.imwrite(
            str(tmp_path / "plates" / f"plate.{number}.png"), np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        )
    for number in (1001, 1002, 1003, 2000):
        cv2.imwrite(str(tmp_path / "masks" / f"plate.{number}.png"), mask)
    return tmp_path


def test_frames_masks_warnings_and_a_picture_are_shown(blender, shot: Path):
    before = sorted(path.name for path in shot.iterdir())
    facts = blender.facts(CHECK, shot, shot, timeout=300)
    assert facts["result"] == facts["again"] == ["FINISHED"] and not facts["running"]
    footage, masks = facts["inputs"]
    for told in ("4 frames, 1001 to 1004", "64x36", "sRGB"):
        assert told in footage
    assert "in 3 of 4 frames" in masks and "none for plate.1004; of no frame: plate.2000.png" in masks
    assert len(facts["warnings"]) >= 1 and "plate.2000.png" in " ".join(facts["warnings"])
    assert facts["success"].startswith("Checking the footage: done in 0:") and facts["message"] == ""
    assert facts["frame"] == 1002 and facts["size"] == [WIDTH, HEIGHT] and facts["packed"]
    assert facts["outside"] == [100, 100, 100] and facts["inside"] == [178, 80, 65]
    assert facts["images"] == ["Surface-SOS Check.png"]
    scripts = {path.name for path in shot.iterdir() if path.name.startswith("script_")}
    assert sorted(path.name for path in shot.iterdir() if path.name not in scripts) == before


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_a_refusal_is_the_sentence_of_segment(blender, shot: Path):
    facts = blender.facts(REFUSED, shot, shot, timeout=300)
    nothing, refused = facts["said"]
    assert "Choose the footage" in nothing
    assert facts["message"] and facts["message"] in refused and facts["success"] == ""
    assert facts["running"] is False


SHOWN = """
display, messages = part("job.display"), part("job.messages")
run = bpy.context.window_manager.surface_sos_run
display.begin("Segmenting", "")
display.show([messages.Warning("One."), messages.Inputs(["footage  a", "masks    b"]), messages.Warning("Two.")])
tell(warnings=run.warnings, inputs=run.inputs, log=bpy.data.texts["Surface-SOS Log"].as_string())
folder = sys.argv[-1]
display.show([messages.Inputs(["footage  a"], {"path": folder + "/a.png", "frame": 7}), messages.Preview(folder + "/b.png", 7, 1)])
display.show([messages.Preview(folder + "/b.png", 7, 2)])
pictures = bpy.types.WindowManager.surface_sos_pictures
tell(pictures={place: list(held) for place, held in pictures.items()})
display.done("Segmenting: done in 0:01.")
tell(success=run.success)
display.begin("Segmenting", "")
tell(after=[run.warnings, run.inputs, run.success])
"""


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_all_warnings_stay_until_the_next_job(blender, tmp_path: Path):
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((8, 8, 3), np.uint8))
    facts = blender.facts(SHOWN, tmp_path, tmp_path)
    assert facts["pictures"] == {"preview": [f"{tmp_path}/b.png"], "picture": [f"{tmp_path}/a.png"]}
    assert facts["warnings"] == "One.\nTwo." and facts["inputs"] == "footage  a\nmasks    b"
    assert "note: One." in facts["log"] and "    masks    b" in facts["log"]
    assert facts["success"] == "Segmenting: done in 0:01." and facts["after"] == ["", "", ""]


WRAPPED = """
import blf
blf.size(0, 11)
parts = part("interface.panel_parts")
sentence = "The masks are in /a/very/long/folder/that/no/side/bar/has/room/for: look at them."
lines = parts._wrapped(sentence, 120)
tell(lines=lines, widths=[blf.dimensions(0, line)[0] for line in lines])
"""


def test_sentences_are_cut_into_lines_that_fit(blender, tmp_path: Path):
    facts = blender.facts(WRAPPED, tmp_path)
    assert max(facts["widths"]) <= 120 and len(facts["lines"]) > 3
    said = "The masks are in /a/very/long/folder/that/no/side/bar/has/room/for: look at them."
    assert "".join(facts["lines"]).replace(" ", "") == said.replace(" ", "")
