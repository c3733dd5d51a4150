"""Boxes and outlines drawn on frames: which pixels they hold, and what is refused."""

import json

import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.sources.drawn import read_drawn
from surface_sos_core.settings import CoarseSettings


@pytest.fixture
def footage(tmp_path):
    (tmp_path / "plate").mkdir()
    for number in (1001, 1002, 1003):
        cv2.imwrite(str(tmp_path / "plate" / f"plate.{number}.png"), np.zeros((60, 80, 3), np.uint8))
    return open_footage(tmp_path / "plate")


@pytest.fixture
def read(tmp_path, footage):
    def make(content):
        path = tmp_path / "drawn.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_drawn(path, footage, CoarseSettings())

    return make


def test_a_box_holds_its_pixels_and_no_others(read):
    drawn = read({"frame": 1002, "box": [10, 20, 30, 50]})
    assert drawn.size == (80, 60) and list(drawn.regions) == [1]
    rows, columns = np.nonzero(drawn.regions[1])
    assert (columns.min(), rows.min()) in [(9, 19), (10, 20)] and (columns.max(), rows.max()) in [
        (29, 49),
        (30, 50),
    ]
    assert abs(drawn.regions[1].sum() - 20 * 30) <= 60


def test_outlines_of_one_frame_are_joined_and_names_do_as_well(read):
    left = {"frame": "plate.1003", "outline": [[0, 0], [20, 0], [0, 20]]}
    right = {"frame": "plate.1003.png", "outline": [[60, 40], [79, 40], [79, 59], [60, 59]]}
    region = read([left, right]).regions[2]
    assert region[3, 3] and region[50, 70] and not region[18, 18] and not region[30, 40]


def test_at_a_smaller_size_every_touched_pixel_is_kept(read):
    drawn = read({"frame": 1001, "box": [11, 21, 30, 50]})
    small = drawn.at((20, 15))[0]
    assert small.shape == (15, 20) and small[5, 2] and not small[4, 2] and not small[5, 1]


def test_a_folder_of_masks_is_drawn_too(tmp_path, footage):
    (tmp_path / "rough").mkdir()
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 20:40] = 255
    cv2.imwrite(str(tmp_path / "rough" / "plate.1002.png"), mask)
    drawn = read_drawn(tmp_path / "rough", footage, CoarseSettings())
    np.testing.assert_array_equal(drawn.regions[1], mask > 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"frame": 1001, "box": [90, 10, 120, 40]}, "outside the frame, which is 80x60"),
        ({"frame": 1001, "box": [-40, -40, -10, -10]}, "outside the frame"),
        ({"frame": 1009, "box": [10, 10, 30, 40]}, "no frame 1009; it goes from 1001 to 1003"),
        ([{"frame": 1001, "box": [10, 10, 30, 40]}, {"frame": 1001, "box": [30, 10, 10, 40]}], "entry 2"),
        ({"frame": 1001, "box": [10, 10, "x", 40]}, "left, top, right, bottom"),
        ({"frame": 1001, "box": [10, 10, 30]}, "left, top, right, bottom"),
        ({"frame": 1001, "outline": [[1, 2], [3, 4]]}, "three or more"),
        ({"frame": 1001, "outline": [1, 2, 3]}, "three or more"),
        ({"frame": True, "box": [10, 10, 30, 40]}, "number or its name"),
        ({"frame": 1001, "box": [-5, -5, 100, 100]}, "all of the frame"),
        ({"frame": 1001}, "expected"),
        ([], "holds no box"),
        ("{", "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_drawing_is_refused_in_one_line(read, content, told):
    with pytest.raises(InputError, match=told) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path, footage):
    with pytest.raises(InputError, match=r"gone\.json cannot be read"):
        read_drawn(tmp_path / "gone.json", footage, CoarseSettings())
