"""Painted masks and strokes, as an artist gives them."""

import json

import cv2
import numpy as np
import pytest

from surface_sos_core.corrections.given import read_given
from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage

WIDTH, HEIGHT = 60, 40


@pytest.fixture
def footage(tmp_path):
    (tmp_path / "plates").mkdir()
    for number in range(1001, 1004):
        cv2.imwrite(str(tmp_path / "plates" / f"a.{number}.png"), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    return open_footage(tmp_path / "plates")


def strokes(tmp_path, entries):
    path = tmp_path / "strokes.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def test_a_stroke_covers_its_line_on_its_frame(tmp_path, footage):
    path = strokes(tmp_path, [{"frame": 1002, "object": [[10, 20], [50, 20]], "radius": 3}])
    given = read_given(path, footage, radius=1)
    assert list(given) == [1]
    assert given[1].object[18:22, 12:48].all() and not given[1].object[:15].any() and not given[1].object[25:].any()
    assert not given[1].background.any() and not given[1].whole


def test_one_point_is_a_dot_of_the_radius_that_is_usual(tmp_path, footage):
    given = read_given(strokes(tmp_path, [{"frame": "a.1001", "background": [[30.0, 20.0]]}]), footage, radius=2)
    rows, columns = np.nonzero(given[0].background)
    assert abs(rows.mean() - 19.5) < 0.6 and abs(columns.mean() - 29.5) < 0.6 and 9 <= len(rows) <= 25


def test_the_later_stroke_counts_where_two_cross(tmp_path, footage):
    across, down = [[10, 20], [50, 20]], [[30, 5], [30, 35]]
    given = read_given(
        strokes(tmp_path, [{"frame": 1001, "object": across}, {"frame": 1001, "background": down}]), footage, 2
    )
    assert given[0].background[20, 30] and not given[0].object[20, 30] and given[0].object[20, 12]


def test_painted_masks_say_all_of_their_frames_and_nothing_of_others(tmp_path, footage):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 10:30] = 255
    (tmp_path / "painted").mkdir()
    cv2.imwrite(str(tmp_path / "painted" / "a.1003.png"), mask)
    given = read_given(tmp_path / "painted", footage, 2)
    assert list(given) == [2] and given[2].whole
    assert (given[2].object == (mask > 0)).all() and (given[2].background == (mask == 0)).all()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ("[", "is no JSON"),
        ([], "holds no strokes"),
        ({"frame": 1001}, "holds no strokes"),
        ([{"frame": 1001, "object": [[1, 2]], "background": [[1, 2]]}], "entry 1: expected"),
        ([{"frame": 1001, "outline": [[1, 2]]}], "entry 1: expected"),
        ([{"frame": True, "object": [[1, 2]]}], "frame must be"),
        ([{"frame": 1009, "object": [[1, 2]]}], "no frame 1009"),
        ([{"frame": 1001, "object": [[1, 2]], "radius": 0}], "radius must be"),
        ([{"frame": 1001, "object": [[1, 2, 3]]}], r"object must be a list of \[x, y\]"),
        ([{"frame": 1001, "object": []}], r"must be a list of \[x, y\]"),
        ([{"frame": 1001, "object": [[1, 2]]}, {"frame": 1001, "object": [[-5, 90]]}], "entry 2: .* outside"),
    ],
)
def test_what_is_no_stroke_is_refused_by_its_entry(tmp_path, footage, entries, told):
    with pytest.raises(InputError, match=told):
        read_given(strokes(tmp_path, entries), footage, 2)


def test_a_lost_file_is_told(tmp_path, footage):
    with pytest.raises(InputError, match="give a folder of painted masks"):
        read_given(tmp_path / "nowhere.json", footage, 2)
