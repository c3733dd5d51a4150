"""Corrections as pictures of four greys, and their files."""

import cv2
import numpy as np
import pytest

from surface_sos_core.corrections.correction import (
    BACKGROUND,
    LIKELY_BACKGROUND,
    LIKELY_OBJECT,
    OBJECT,
    Correction,
    correction_files,
    read_correction,
    write_correction,
)
from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage

MASK = np.array([[True, True, False, False]] * 2)
LAW = np.array([[True, False, True, False]] * 2)


@pytest.fixture
def footage(tmp_path):
    (tmp_path / "plates").mkdir()
    for number in (7, 8):
        cv2.imwrite(str(tmp_path / "plates" / f"a.{number:04d}.png"), np.full((2, 4, 3), 90, np.uint8))
    return open_footage(tmp_path / "plates")


def test_each_grey_says_what_it_is():
    correction = Correction.of(MASK, LAW)
    assert correction.picture[0].tolist() == [OBJECT, LIKELY_OBJECT, BACKGROUND, LIKELY_BACKGROUND]
    assert (correction.mask == MASK).all() and (correction.law == LAW).all()


def test_the_law_is_exact_and_what_follows_keeps_soft_pixels_on_their_side():
    alpha = np.array([[0.7, 0.7, 0.2, 0.2], [0.1, 0.1, 0.9, 0.9]], np.float32)
    correction = Correction.of(MASK, LAW)
    assert np.allclose(correction.upon(alpha), [[1, 0.7, 0, 0.2], [1, 1, 0, 0]])
    assert np.allclose(correction.held(alpha), [[1, 0.7, 0, 0.2], [1, 0.1, 0, 0.9]])


def test_another_size_takes_the_nearest_pixel():
    large = Correction.of(MASK, LAW).upon(np.full((4, 8), 0.5, np.float32))
    assert large[:, :2].min() == 1 and large[:, 4:6].max() == 0


def test_a_file_gives_back_what_was_written(tmp_path, footage):
    correction = Correction.of(MASK, LAW)
    write_correction(tmp_path / "corrections" / "a.0008.png", correction)
    files = correction_files(tmp_path / "corrections", footage)
    assert list(files) == [1]
    assert (read_correction(files[1], footage).picture == correction.picture).all()


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (np.zeros((3, 4), np.uint8), "no correction of a frame of 4x2 pixels"),
        (np.full((2, 4), 17, np.uint8), "greys that no correction has"),
        (np.array([[[0, 0, 255]] * 4] * 2, np.uint8), "no correction"),
    ],
)
def test_another_picture_is_refused(tmp_path, footage, picture, told):
    cv2.imwrite(str(tmp_path / "a.0007.png"), picture)
    with pytest.raises(InputError, match=told):
        read_correction(tmp_path / "a.0007.png", footage)
