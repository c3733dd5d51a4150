"""Frames of finished shots corrected: the law holds in the layers, others stay, and it can be taken back."""

import json
import shutil
import tomllib

import cv2
import numpy as np
import pytest
from small_shot import HEIGHT, SETTINGS, WIDTH, write_small_shot
from walker import walker

from surface_sos_core import Shot, correct, make_layers, open_shot, preset, segment
from surface_sos_core.corrections.correction import correction_files, read_correction
from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.manifest import read_manifest

SMALL = preset("preview", "cpu").with_values(
    {f"{group}.{name}": value for group, held in tomllib.loads(SETTINGS).items() for name, value in held.items()}
    | {"correct.iterations": 10, "correct.around": 1}
)
CORNER = [[6, 6], [16, 6], [16, 12], [6, 12]]  # of every frame, where the ball never is


@pytest.fixture(scope="module")
def shot(ball, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ball")
    small = write_small_shot(ball, folder)
    given = Shot(
        small.folder / "plates", folder / "made", masks=small.folder / "masks", cameras=small.folder / "model",
        frames="1001-1006",
    )  # fmt: skip
    segment(given, SMALL)
    return given


@pytest.fixture
def result(shot, tmp_path):
    return open_shot(shutil.copytree(shot.out, tmp_path / "shot"))


def strokes(tmp_path, *entries):
    path = tmp_path / "strokes.json"
    path.write_text(json.dumps(entries))
    return path


def bytes_of(result):
    return {frame.number: frame.path.read_bytes() for frame in result.frames}


def test_strokes_are_the_law_in_their_frame_and_frames_far_away_stay(result, tmp_path):
    before, held = bytes_of(result), open_shot(result.out).frames[2].alpha.copy()
    assert held[HEIGHT // 2, WIDTH // 2] == 1  # the ball's middle
    middle = [[WIDTH / 2 - 3, HEIGHT / 2], [WIDTH / 2 + 3, HEIGHT / 2]]
    corrected = correct(
        result.out,
        strokes(
            tmp_path,
            {"frame": 1003, "background": middle, "radius": 2},
            {"frame": 1003, "object": CORNER, "radius": 1},
        ),
        SMALL,
    )
    alpha = corrected.frames[2].alpha
    assert alpha[HEIGHT // 2 - 1 : HEIGHT // 2 + 1, WIDTH // 2 - 2 : WIDTH // 2 + 2].max() == 0
    assert alpha[6, 8:15].min() == 1
    after = bytes_of(corrected)
    assert after[1003] != before[1003]
    assert {number for number in after if after[number] != before[number]} <= {1002, 1003, 1004}
    assert "report" in read_manifest(corrected.out).stages and corrected.meshes["object"].vertices.shape[1] == 3


def test_nothing_is_made_again_when_the_shot_is_resumed(result, shot, tmp_path):
    corrected = correct(result.out, strokes(tmp_path, {"frame": 1002, "object": CORNER, "radius": 1}), SMALL)
    files = bytes_of(corrected)
    told = []
    resumed = segment(
        Shot(shot.footage, result.out, masks=shot.masks, cameras=shot.cameras, frames=shot.frames),
        SMALL, told.append, mode="resume",
    )  # fmt: skip
    assert bytes_of(resumed) == files
    assert not [event for event in told if event["event"] == "warning" and "again" in event["message"]]


def test_layers_that_are_made_again_keep_the_law(result, tmp_path):
    correct(result.out, strokes(tmp_path, {"frame": 1002, "object": CORNER, "radius": 1}), SMALL)
    made = make_layers(result.out, SMALL.with_values({"layers.samples": 24}), frames="1002-1003")
    assert made.frames[1].alpha[6, 8:15].min() == 1
    assert made.frames[2].alpha[6, 8:15].max() == 0


def test_a_correction_that_is_taken_back_leaves_the_frame_as_it_was(result, tmp_path):
    before = {frame.number: frame.alpha.copy() for frame in result.frames}
    correct(result.out, strokes(tmp_path, {"frame": 1003, "object": CORNER, "radius": 1}), SMALL)
    footage = open_footage(read_manifest(result.out).footage.path)
    files = correction_files(result.out / "corrections", footage)
    carried = ",".join(str(footage.frames[i].number) for i in files)
    restored = correct(result.out, settings=SMALL, forget=carried)
    assert not correction_files(result.out / "corrections", footage)
    for frame in restored.frames:
        assert np.allclose(frame.alpha, before[frame.number], atol=1e-3)
    assert not (result.out / "checkpoint" / "corrected_fields.npz").exists()


def test_a_painted_mask_is_the_matte_but_for_its_soft_outline(result, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (30, 30), 12, 255, -1)
    (tmp_path / "painted").mkdir()
    cv2.imwrite(str(tmp_path / "painted" / f"{result.frames[4].name}.png"), mask)
    alpha = correct(result.out, tmp_path / "painted", SMALL).frames[4].alpha
    inner = cv2.erode(mask, np.ones((5, 5))) > 0
    outer = cv2.dilate(mask, np.ones((5, 5))) == 0
    assert alpha[inner].min() == 1 and alpha[outer].max() == 0


def test_later_strokes_keep_what_was_said_before(result, tmp_path):
    correct(result.out, strokes(tmp_path, {"frame": 1003, "object": CORNER, "radius": 1}), SMALL)
    other = [[80, 60], [90, 60]]
    corrected = correct(result.out, strokes(tmp_path, {"frame": 1003, "object": other, "radius": 1}), SMALL)
    alpha = corrected.frames[2].alpha
    assert alpha[6, 8:15].min() == 1 and alpha[59:61, 82:88].min() == 1
    footage = open_footage(read_manifest(corrected.out).footage.path)
    law = read_correction(correction_files(result.out / "corrections", footage)[2], footage).law
    assert law[6, 10] and law[60, 85]


def test_what_cannot_be_corrected_is_told(result, tmp_path):
    with pytest.raises(InputError, match="nothing to correct"):
        correct(result.out)
    with pytest.raises(InputError, match="no frame 999"):
        correct(result.out, strokes(tmp_path, {"frame": 999, "object": CORNER}), SMALL)
    with pytest.raises(InputError, match="shot.json"):
        correct(tmp_path / "nowhere", strokes(tmp_path, {"frame": 999, "object": CORNER}))


def test_a_subject_that_moves_is_corrected_as_well(tmp_path):
    shot = walker("locked", 8)
    plates, masks = shot.write(tmp_path, [alpha > 0.5 for alpha in shot.alpha])
    made = segment(Shot(plates, tmp_path / "shot", masks=masks, subject="moving"), preset("preview", "cpu"))
    before = bytes_of(made)
    width = shot.alpha.shape[2]
    corner = [[width - 30, 8], [width - 12, 8]]
    corrected = correct(made.out, strokes(tmp_path, {"frame": 1003, "object": corner, "radius": 3}))
    assert corrected.frames[2].alpha[7:9, width - 28 : width - 14].min() == 1
    changed = {number for number, content in bytes_of(corrected).items() if content != before[number]}
    assert 1003 in changed and changed <= set(range(1001, 1008))
