"""Frames in a temporary file: read and written as an array is, gone at the end, told where the disk is short."""

import shutil
from collections import namedtuple

import numpy as np
import pytest

from surface_sos_core.errors import SetupError
from surface_sos_core.footage.frame_stack import FrameStack, TemporaryValues, temporary_frames


@pytest.fixture
def stack(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 7, 9, 3), np.uint8)
    with FrameStack(pixels.shape, tmp_path / "cache") as made:
        for i in (2, 0, 3):  # in any order; the one at 1 stays as it is at first
            made[i] = pixels[i]
        pixels[1] = 0
        yield made, pixels


def test_a_stack_is_read_as_an_array_is(stack):
    made, pixels = stack
    assert made.shape == pixels.shape and len(made) == 4
    for i in range(4):
        np.testing.assert_array_equal(made[i], pixels[i])
    frames, rows, columns = (np.random.default_rng(1).integers(0, n, 50) for n in (4, 7, 9))
    np.testing.assert_array_equal(made[frames, rows, columns], pixels[frames, rows, columns])
    got = made[2]
    got[:] = 9
    np.testing.assert_array_equal(made[2], pixels[2])  # a copy
    made[2] = np.asfortranarray(pixels[0])[::-1]
    np.testing.assert_array_equal(made[2], pixels[0][::-1])


@pytest.mark.parametrize("at", [(4, 0, 0), (-1, 0, 0), (0, 7, 0), (0, 0, 9), (0, -1, 0)])
def test_a_pixel_outside_is_no_other_one(stack, at):
    with pytest.raises(IndexError, match="4 pictures of 9x7"):
        stack[0][tuple(np.array([n]) for n in at)]
    if at[0] not in (0,):
        with pytest.raises(IndexError):
            stack[0][at[0]]
        with pytest.raises(IndexError):
            stack[0][at[0]] = np.zeros((7, 9, 3), np.uint8)


def test_a_picture_of_another_size_goes_nowhere(stack):
    made, pixels = stack
    with pytest.raises(ValueError, match="does not fit"):
        made[0] = np.zeros((7, 9, 4), np.uint8)
    np.testing.assert_array_equal(made[0], pixels[0])


def test_nothing_stays_on_disk(tmp_path):
    with FrameStack((3, 40, 50), tmp_path) as made:
        made[2] = np.ones((40, 50), np.uint8)
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 9000, 9000))
    with pytest.raises(SetupError, match=r"0\.0 GB.*cache.*make room, or choose --out") as error:
        FrameStack((5, 32, 48, 3), tmp_path / "cache")
    assert error.value.exit_code == 3
    assert not list((tmp_path / "cache").iterdir())
    FrameStack((5, 16, 24, 3), tmp_path / "cache").close()
    for make in (lambda: FrameStack((5, 48, 64)), lambda: temporary_frames((5, 48, 64))):
        with pytest.raises(SetupError, match="TMPDIR"):
            make()


def test_values_come_back_as_they_went():
    values = TemporaryValues(3, (5, 4))
    first = np.random.default_rng(0).normal(size=(4, 5))
    values[1] = first
    np.testing.assert_array_equal(values[1], first.astype(np.float32))
    values[2] = np.asfortranarray(first)[::-1]
    np.testing.assert_array_equal(values[2], first[::-1].astype(np.float32))
    assert values[0].shape == (4, 5) and not values[0].any()
    got = values[1]
    got[:] = 9
    np.testing.assert_array_equal(values[1], first.astype(np.float32))  # a copy
