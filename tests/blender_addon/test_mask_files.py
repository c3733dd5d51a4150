"""Masks drawn in Blender become coarse masks of the plates."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.footage import open_footage
from surface_sos_core.masks.coarse import load_masks
from surface_sos_core.masks.sources.drawn import read_drawn
from surface_sos_core.settings import CoarseSettings

WIDTH, HEIGHT = 64, 36

# A mask with a rectangle on scene frames 3, 7 and 9; on 5 it is between two keys.
DRAWN = """
from pathlib import Path
plates, out = Path(sys.argv[-2]), Path(sys.argv[-1])
clip = bpy.data.movieclips.load(str(plates / "plate.1001.png"))
clip.frame_start = 2  # plate 1001 is shown on scene frame 2
mask = bpy.data.masks.new("roto")
layer = mask.layers.new(name="object")
spline = layer.splines.new()
spline.points.add(3)
spline.use_cyclic = True

def draw(left):
    # Of the image's width, from its middle in y: x from left to left + 0.25, y from 0.4 to 0.6.
    for point, place in zip(spline.points, [(left, 0.4), (left + 0.25, 0.4), (left + 0.25, 0.6), (left, 0.6)]):
        point.handle_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = place
        point.select = True
    layer.select = True

window = bpy.context.window_manager.windows[0]
area = window.screen.areas[0]
area.type = "CLIP_EDITOR"
space = area.spaces.active
space.clip, space.mode, space.mask = clip, "MASK", mask
region = next(region for region in area.regions if region.type == "WINDOW")
scene = bpy.context.scene
with bpy.context.temp_override(window=window, area=area, region=region):
    for frame, left in KEYS.items():
        scene.frame_set(frame)
        draw(left)
        if len(KEYS) > 1:
            bpy.ops.mask.shape_key_insert()
scene.frame_set(4)
settings = scene.surface_sos
settings.footage_from, settings.clip = "CLIP", clip  # which stays where it is, as the mask's keys cannot be moved
settings.masks_from, settings.mask = "MASK", mask
settings.out = str(out)
request = part("job.shot_request")
before = len(bpy.data.scenes), len(bpy.data.node_groups), spline.points[0].co[0]
"""


@pytest.fixture(scope="module")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plates")
    for number in range(1001, 1010):
        cv2.imwrite(str(folder / f"plate.{number}.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return folder


def test_a_mask_is_drawn_on_its_keys_under_the_plates_names(blender, plates: Path, tmp_path: Path):
    facts = blender.facts(
        "KEYS = {3: 0.125, 7: 0.5, 9: 0.25}\n"
        + DRAWN
        + """
asked = request.export(bpy.context, request.plan(bpy.context, "new"))
times = {file.name: file.stat().st_mtime_ns for file in Path(asked.masks).iterdir()}
request.export(bpy.context, request.plan(bpy.context, "resume"))
again = {file.name: file.stat().st_mtime_ns for file in Path(asked.masks).iterdir()}
after = len(bpy.data.scenes), len(bpy.data.node_groups), spline.points[0].co[0]
tell(masks=asked.masks, footage=asked.footage, untouched=times == again, before=before, after=after)
""",
        tmp_path,
        plates,
        tmp_path / "shot",
    )
    folder = Path(facts["masks"])
    assert folder == tmp_path / "shot.job" / "masks"
    assert sorted(file.name for file in folder.iterdir()) == [
        "plate.1002.png",
        "plate.1006.png",
        "plate.1008.png",
    ]
    for number, left in ((1002, 0.125), (1006, 0.5), (1008, 0.25)):
        drawn = cv2.imread(str(folder / f"plate.{number}.png"), cv2.IMREAD_UNCHANGED)
        truth = np.zeros((HEIGHT, WIDTH))
        half = 0.1 * WIDTH  # y is counted in widths
        rows = slice(round(HEIGHT / 2 - half), round(HEIGHT / 2 + half))
        truth[rows, round(left * WIDTH) : round((left + 0.25) * WIDTH)] = 255
        assert drawn.shape == truth.shape and np.mean(np.abs(drawn - truth)) < 0.02 * 255
        assert drawn.max() >= 254 and drawn.min() == 0
    warned: list[str] = []
    masks = load_masks(folder, open_footage(facts["footage"]), CoarseSettings(), warned.append)
    assert np.flatnonzero(masks.known).tolist() == [1, 5, 7] and not masks.empty.any()
    assert len(warned) == 1 and "6 of 9 frames have no mask" in warned[0]  # and no word of names or sizes
    assert facts["untouched"] and facts["before"] == facts["after"]


def test_a_mask_without_keys_is_told_so(blender, plates: Path, tmp_path: Path):
    facts = blender.facts(
        "KEYS = {3: 0.125}\n"
        + DRAWN
        + """
try:
    bpy.ops.surface_sos.segment()
except RuntimeError as error:
    tell(said=str(error))
tell(after=bpy.context.window_manager.surface_sos_run.message, scenes=len(bpy.data.scenes))
""",
        tmp_path,
        plates,
        tmp_path / "shot",
    )
    assert "The mask roto has keys on fewer than 2 frames" in facts["said"]
    assert "roto" in facts["after"] and facts["scenes"] == 1 and not (tmp_path / "shot").exists()


def test_an_outline_on_the_frame_in_view_becomes_masks_of_all(blender, plates: Path, tmp_path: Path):
    """A rectangle drawn around a square that stands still; found by the core, without cameras by optical flow."""
    for number in range(1001, 1010):
        picture = np.random.default_rng(0).integers(40, 60, (HEIGHT, WIDTH, 3), np.uint8)
        picture[15:21, 12:20] = (30, 30, 220)
        cv2.imwrite(str(plates / f"plate.{number}.png"), picture)
    facts = blender.facts(
        "KEYS = {3: 0.125}\n"
        + DRAWN
        + """
settings.masks_from = "BOX"
bpy.context.scene.frame_set(3)
items = [item.identifier for item in settings.bl_rna.properties["masks_from"].enum_items]
done = bpy.ops.surface_sos.find_masks()
run = bpy.context.window_manager.surface_sos_run
tell(done=list(done), masks_from=settings.masks_from, masks=settings.masks, said=run.message, items=items, notes=run.warnings)
""",
        tmp_path,
        plates,
        tmp_path / "shot",
        timeout=300,
    )
    assert facts["done"] == ["FINISHED"] and facts["said"] == ""
    # What is drawn stays what Segment Footage goes by: it has cameras to carry it with.
    assert facts["masks_from"] == "BOX" and facts["masks"] == ""
    assert "found in 9 frames: Segment Footage solves them" in facts["notes"]
    assert [file.name for file in (tmp_path / "shot.job" / "drawn").iterdir()] == ["plate.1002.png"]
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[15:21, 12:20] = True
    for number in range(1001, 1010):
        mask = (
            cv2.imread(str(tmp_path / "shot.job" / "found" / f"plate.{number}.png"), cv2.IMREAD_UNCHANGED)
            > 127
        )
        assert (mask & truth).sum() / (mask | truth).sum() > 0.8


def test_outlines_of_several_frames_are_given_together(blender, plates: Path, tmp_path: Path):
    facts = blender.facts(
        "KEYS = {3: 0.125, 7: 0.5, 9: 0.25}\n"
        + DRAWN
        + """
settings.masks_from = "BOX"
asked = request.export(bpy.context, request.plan(bpy.context, "new"))
tell(masks=asked.masks)
""",
        tmp_path,
        plates,
        tmp_path / "shot",
    )
    name, _, folder = facts["masks"].partition(":")
    assert name == "box"
    drawn = read_drawn(Path(folder), open_footage(plates), CoarseSettings())
    assert {i: np.flatnonzero(region.any(axis=0))[0] for i, region in drawn.regions.items()} == {
        1: 8,
        5: 32,
        7: 16,
    }


# An annotation on scene frames 3 and 7 (plates 1002 and 1006), and what does not count: a dot, a hidden layer, a frame
# before the clip's first. Blender draws strokes in any background; where they are depends on a window, so they are moved.
ANNOTATED = """
settings.masks_from, settings.mask = "ANNOTATION", None

def annotate(frame, corners, layer=None):
    scene.frame_set(frame)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.gpencil.annotate(mode="DRAW", stroke=stroke_elements(len(corners)), wait_for_input=False)
    annotation = part("scene.outlines").of_clip(clip)
    frames = {key.frame_number: key for key in annotation.layers[0].frames}
    stroke = frames[frame].strokes[-1]
    assert len(stroke.points) == len(corners), len(stroke.points)
    for point, corner in zip(stroke.points, corners):
        point.co = (*corner, 0.0)
"""


def test_an_annotation_becomes_outlines_on_its_frames(blender, plates: Path, tmp_path: Path):
    facts = blender.facts(
        "KEYS = {3: 0.125}\n"
        + DRAWN
        + ANNOTATED
        + """
before = request.obstacle(bpy.context, "new")
annotate(3, [(0.125, 0.25), (0.375, 0.25), (0.375, 0.5), (0.125, 0.5)])
annotate(7, [(0.5, 0.5), (0.75, 0.5), (0.75, 1.0), (0.5, 1.0)])
annotate(7, [(0.1, 0.1), (0.11, 0.1)])
annotate(1, [(0.5, 0.5), (0.75, 0.5), (0.75, 1.0), (0.5, 1.0)])
asked = request.export(bpy.context, request.plan(bpy.context, "new"))
hidden = part("scene.outlines").of_clip(clip).layers[0]
if hasattr(hidden, "annotation_hide"):
    hidden.annotation_hide = True
else:
    hidden.hide = True
try:
    request.export(bpy.context, request.plan(bpy.context, "new"))
except part("errors").AddonError as error:
    tell(hidden=str(error))
settings.footage_from = "FILES"
tell(masks=asked.masks, before=before, files=request.obstacle(bpy.context, "new"))
""",
        tmp_path,
        plates,
        tmp_path / "shot",
    )
    assert facts["masks"] == f"box:{tmp_path / 'shot.job' / 'drawn.json'}"
    drawn = read_drawn(tmp_path / "shot.job" / "drawn.json", open_footage(plates), CoarseSettings())
    assert set(drawn.regions) == {1, 5}
    for index, (rows, columns) in {1: ((18, 27), (8, 24)), 5: ((0, 18), (32, 48))}.items():
        expected = np.zeros((HEIGHT, WIDTH), bool)
        expected[slice(*rows), slice(*columns)] = True
        assert (drawn.regions[index] ^ expected).sum() <= 2 * (16 + 18)  # the outline's own pixels
    assert "Annotate tool" in facts["before"] and "Annotate tool" in facts["hidden"]
    assert "choose Clip" in facts["files"]


def test_found_masks_lie_over_the_plate(blender, tiny_shot, tmp_path: Path):
    """In the view of the imported camera, frame by frame; another search replaces them, and no camera is no error."""
    for k, folder in enumerate(("found", "again")):
        for frame in tiny_shot.frames:
            mask = np.full((36, 64), 10 * (frame - 1000) + k, np.uint8)
            (tmp_path / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / f"plate.{frame}.png"), mask)
    facts = blender.facts(
        """
from pathlib import Path
fresh_file()
overlay, scene, folder = part("scene.overlays"), bpy.context.scene, Path(sys.argv[-1])
shown_without = overlay.show_masks(scene, folder / "found")
bpy.ops.surface_sos.import_cameras(directory=sys.argv[-3], footage=sys.argv[-2])
shown = [overlay.show_masks(scene, folder / name) for name in ("found", "again")]
plate, masks = scene.camera.data.background_images
numbers = []
for frame in (1002, 1004):
    scene.frame_set(frame)
    user = masks.image_user
    numbers.append(user.frame_current if user.frame_current else user.frame_offset + frame - user.frame_start + 1)
tell(
    without=shown_without, shown=shown, file=bpy.path.abspath(masks.image.filepath), source=masks.image.source,
    alpha=masks.alpha, depth=masks.display_depth, count=len(scene.camera.data.background_images),
    images=[image.name for image in bpy.data.images if image.source == "SEQUENCE"],
    plate=bpy.path.abspath(plate.image.filepath if plate.image else plate.clip.filepath), numbers=numbers,
)
""",
        tmp_path,
        tiny_shot.out / "cameras",
        tiny_shot.plates,
        tmp_path,
    )
    assert facts["without"] is False and facts["shown"] == [True, True] and facts["count"] == 2
    assert Path(facts["file"]) == tmp_path / "again" / "plate.1001.png" and facts["source"] == "SEQUENCE"
    assert (facts["alpha"], facts["depth"]) == (0.5, "FRONT") and facts["numbers"] == [1002, 1004]
    assert Path(facts["plate"]).parent == tiny_shot.plates and len(facts["images"]) == 2
