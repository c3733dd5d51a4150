"""The README's picture of a frame shows the layers as they are, each in its place and the right way up."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.layers.exr import FrameLayers

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def pictures():
    """scripts/pictures.py."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("pictures", SCRIPTS / "pictures.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(SCRIPTS))


def test_plate_checker_green_and_clean_plate(pictures):
    height, width = 48, 64
    foreground, clean = np.zeros((height, width, 4), np.float32), np.zeros((height, width, 3), np.float32)
    foreground[:24, :, 0] = foreground[:24, :, 3] = 1  # red above
    clean[..., 2] = 1  # on blue
    empty = np.zeros((height, width), np.float32)
    shown = pictures.frame_picture(FrameLayers(foreground, clean, empty, empty, np.zeros_like(clean)))
    assert shown.shape == (4 * height, 4 * width, 3) and shown.dtype == np.uint8
    plate, checker = shown[: 2 * height, : 2 * width], shown[: 2 * height, 2 * width :]
    green, plain = shown[2 * height :, : 2 * width], shown[2 * height :, 2 * width :]
    red = (255, 0, 0)
    for picture in (plate, checker, green):
        assert np.abs(picture[10, 10].astype(int) - red).max() <= 1
    assert np.abs(plate[-10, 10].astype(int) - (0, 0, 255)).max() <= 1
    assert np.ptp(checker[-10, 10]) == 0 and len(np.unique(checker[56:90, 4:120:24, 0])) > 1
    assert green[-10, 10, 1] > 150 and green[-10, 10, 0] == 0
    assert np.abs(plain.astype(int) - (0, 0, 255)).max() <= 1


def test_a_page_has_its_pictures_in_rows(pictures):
    page = pictures.plates_page(
        [[np.full((8, 12, 3), 10 * (2 * row + column), np.uint8) for column in (0, 1)] for row in (0, 1)]
    )
    assert page.shape == (2 * 8 + pictures.GAP, 2 * 12 + pictures.GAP, 3)
    assert page[0, 0, 0] == 0 and page[0, -1, 0] == 10 and page[-1, 0, 0] == 20 and page[-1, -1, 0] == 30
    assert (page[8 : 8 + pictures.GAP] == 255).all()


def test_a_loop_goes_forth_and_back_where_the_object_is(pictures, tmp_path):
    frames = []
    for column in (30, 34, 38):
        foreground, clean = np.zeros((60, 90, 4), np.float32), np.zeros((60, 90, 3), np.float32)
        foreground[24:30, column : column + 4, 0] = foreground[24:30, column : column + 4, 3] = 1
        clean[..., 2] = column / 40
        empty = np.zeros((60, 90), np.float32)
        frames.append(FrameLayers(foreground, clean, empty, empty, np.zeros_like(clean)))
    shown = pictures.hole_loop(frames)
    assert len(shown) == 4 and (shown[3] == shown[1]).all()
    height, width = 6 + 2 * pictures.AROUND, 12 + 2 * pictures.AROUND
    assert shown[0].shape == (pictures.TIMES * height, pictures.TIMES * (2 * width + pictures.GAP), 3)
    middle = pictures.TIMES * (pictures.AROUND + 2)
    for picture, left in zip(shown, (0, 4, 8), strict=False):
        at = pictures.TIMES * (pictures.AROUND + left + 2)
        assert picture[middle, at, 0] > 200  # the object on the plate
        assert (
            picture[middle, at + pictures.TIMES * (width + pictures.GAP), 0] < 20
        )  # and not on the clean one
    pictures.write_loop(tmp_path / "hole.webp", shown)
    read, animation = cv2.imreadanimation(str(tmp_path / "hole.webp"))
    assert read and len(animation.frames) == 4


def test_a_loop_of_what_moves_has_plate_matte_and_clean_plate(pictures):
    foreground, clean = np.zeros((40, 60, 4), np.float32), np.zeros((40, 60, 3), np.float32)
    foreground[10:20, 30:40, 0] = foreground[10:20, 30:40, 3] = 1  # red
    clean[..., 2] = 1  # on blue
    empty = np.zeros((40, 60), np.float32)
    (shown,) = pictures.moving_loop([FrameLayers(foreground, clean, empty, empty, np.zeros_like(clean))])
    assert shown.shape == (40, 3 * 60 + 2 * pictures.GAP, 3)
    step = 60 + pictures.GAP
    plate, checker, plain = (shown[15, at].tolist() for at in (35, 35 + step, 35 + 2 * step))
    assert plate == checker == [255, 0, 0] and plain == [0, 0, 255]
    beside = shown[35, step : step + 60]
    assert (np.ptp(beside, axis=-1) == 0).all() and len(np.unique(beside)) > 1
