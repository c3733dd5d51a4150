"""A result corrected from Blender: strokes of the Annotate tool, Update, and Take Back."""

import json
import shutil
from pathlib import Path

import pytest
from walker import walker

from surface_sos_core import Shot, open_shot, preset, segment

STROKES = """
from pathlib import Path
out = Path(sys.argv[-1])
fresh_file()
scene, strokes = bpy.context.scene, part("scene.strokes")
early = bpy.ops.surface_sos.draw_strokes.poll(), bpy.ops.surface_sos.update.poll()
bpy.ops.surface_sos.load_result(out=str(out), composite=False)
clip = None

def draw(kind, frame, points):
    global clip
    bpy.ops.surface_sos.draw_strokes(kind=kind)
    clip = bpy.data.movieclips[0]
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    region = next(region for region in area.regions if region.type == "WINDOW")
    scene.frame_set(frame)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.gpencil.annotate(mode="DRAW", stroke=stroke_elements(len(points)), wait_for_input=False)
    annotation = part("scene.outlines").of_clip(clip)
    layer = annotation.layers[strokes.LAYERS[kind][0]]
    key = next(key for key in layer.frames if key.frame_number == frame)
    width, height = clip.size
    for point, (x, y) in zip(key.strokes[-1].points, points):
        point.co = (x / width, 1 - y / height, 0.0)
"""


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    figure = walker("locked", 8)
    plates, masks = figure.write(folder, [alpha > 0.5 for alpha in figure.alpha])
    return segment(Shot(plates, folder / "shot", masks=masks, subject="moving"), preset("preview", "cpu")).out


def test_strokes_become_the_law_and_can_be_taken_back(blender, shot: Path, tmp_path: Path):
    out = shutil.copytree(shot, tmp_path / "shot")
    before = open_shot(out).frames[2].alpha.copy()
    facts = blender.facts(
        STROKES
        + """
draw("object", 1003, [(200, 8), (215, 8), (230, 8)])
updated = bpy.ops.surface_sos.update()
frame, text = scene.frame_current, (out.with_name("shot.job") / "strokes.json").read_text()
tell(early=early, start=clip.frame_start, updated=sorted(updated), frame=frame, text=text, clips=len(bpy.data.movieclips))
""",
        tmp_path,
        out,
        timeout=300,
    )
    assert facts["early"] == [False, False] and facts["updated"] == ["FINISHED"]
    assert (facts["start"], facts["frame"], facts["clips"]) == (1001, 1003, 1)
    (stroke,) = json.loads(facts["text"])
    assert stroke["frame"] == "walk.1003"
    assert [[round(x), round(y)] for x, y in stroke["object"]] == [[200, 8], [215, 8], [230, 8]]
    assert open_shot(out).frames[2].alpha[7:9, 202:228].min() == 1

    facts = blender.facts(
        STROKES
        + """
draw("background", 1003, [(20, 8), (30, 8)])
scene.frame_set(1003)
tell(back=sorted(bpy.ops.surface_sos.take_back()))
""",
        tmp_path,
        out,
        timeout=300,
    )
    assert facts["back"] == ["FINISHED"]
    assert abs(open_shot(out).frames[2].alpha - before).max() < 0.05  # another process rounds otherwise


def test_update_without_strokes_says_what_to_do(blender, shot: Path, tmp_path: Path):
    facts = blender.facts(
        STROKES
        + """
said = []
for prepare in (lambda: None, lambda: bpy.ops.surface_sos.draw_strokes(kind="object")):
    prepare()
    try:
        bpy.ops.surface_sos.update()
    except RuntimeError as error:
        said.append(str(error))
tell(said=said)
""",
        tmp_path,
        shot,
    )
    assert "Nothing is drawn yet" in facts["said"][0] and "No stroke is drawn" in facts["said"][1]
