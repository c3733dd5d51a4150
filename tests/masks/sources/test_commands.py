"""`surface-sos masks` on a shot whose every mask is known: what it writes can be looked at and given to `segment`."""

import json

import numpy as np
import pytest

from surface_sos_core import cli
from surface_sos_core.cameras import write_model
from surface_sos_core.masks.coarse import load_masks


@pytest.fixture
def find(ball_shot, tmp_path, capsys):
    """The masks of a source, read back from their files, and what was told."""
    shot, _ = ball_shot
    write_model(shot.model, tmp_path / "cameras")

    def make(source, *options):
        words = ["masks", shot.footage.source, "--from", source, "--out", tmp_path / "masks"]
        code = cli.main([str(word) for word in (*words, "--cameras", tmp_path / "cameras", *options)])
        told = capsys.readouterr()
        assert code == 0, told.err
        return load_masks(tmp_path / "masks", shot.footage, shot.settings.coarse, pytest.fail), told

    return make


def test_the_automatic_start_can_be_looked_at(find, ball_shot, overlaps):
    masks, told = find("auto")
    assert masks.known.all() and overlaps(masks.probability, ball_shot[1]).mean() > 0.9
    assert "(10 frames)" in told.out and "the box comes from" in told.out


def test_boxes_on_two_frames_and_then_a_scene_box_over_them(find, ball_shot, overlaps, tmp_path):
    drawn = []
    for frame in (1002, 1006):
        rows, columns = np.nonzero(ball_shot[1][frame - 1001])
        corners = [columns.min() - 3, rows.min() - 3, columns.max() + 4, rows.max() + 4]
        drawn.append({"frame": frame, "box": [int(corner) for corner in corners]})
    (tmp_path / "box.json").write_text(json.dumps(drawn))
    masks, _ = find(f"box:{tmp_path / 'box.json'}")
    assert masks.known.all() and overlaps(masks.probability, ball_shot[1]).min() > 0.85
    (tmp_path / "scene.json").write_text(json.dumps({"centre": [0, 0, 0], "size": [1.2, 1.2, 1.2]}))
    masks, told = find("auto", "--box", tmp_path / "scene.json", "--overwrite")
    assert overlaps(masks.probability, ball_shot[1]).mean() > 0.9 and "the box comes from" not in told.out
