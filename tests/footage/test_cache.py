"""The frames on disk: what is kept of them, how it is read, and what happens where the disk is short."""

import shutil
from collections import namedtuple

import cv2
import numpy as np
import pytest

from surface_sos_core.errors import SetupError
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.cache import cached_plates
from surface_sos_core.footage.frame_stack import FrameStack, temporary_frames


@pytest.fixture
def footage(tmp_path, write, picture):
    for n in range(5):
        write(tmp_path / "plates" / f"f.{n}.png", picture(n))  # 48x32
    return open_footage(tmp_path / "plates", warn=pytest.fail)


@pytest.fixture
def stack(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 7, 9, 3), np.uint8)
    with FrameStack.write(tmp_path / "stack.npy", pixels.shape, pixels) as made:
        yield made, pixels


def test_a_stack_is_read_as_an_array_is(stack, tmp_path):
    made, pixels = stack
    assert made.shape == pixels.shape and len(made) == 4
    np.testing.assert_array_equal(made[2], pixels[2])
    frames, rows, columns = (np.random.default_rng(1).integers(0, n, 50) for n in (4, 7, 9))
    np.testing.assert_array_equal(made[frames, rows, columns], pixels[frames, rows, columns])
    np.testing.assert_array_equal(np.load(tmp_path / "stack.npy"), pixels)


@pytest.mark.parametrize("at", [(4, 0, 0), (-1, 0, 0), (0, 7, 0), (0, 0, 9), (0, -1, 0)])
def test_a_pixel_outside_is_no_other_one(stack, at):
    with pytest.raises(IndexError, match="4 pictures of 9x7"):
        stack[0][tuple(np.array([n]) for n in at)]
    if at[0] not in (0,):
        with pytest.raises(IndexError):
            stack[0][at[0]]


def test_plates_are_reduced_once_and_kept(footage, tmp_path, monkeypatch):
    told: list[tuple[int, int]] = []
    path = tmp_path / "cache" / "plates.npy"
    with cached_plates(footage, path, 24, 1.0, pytest.fail, lambda *step: told.append(step)) as plates:
        assert plates.shape == (5, 16, 24, 3)
        for n in range(5):
            small = cv2.resize(footage.read_display(n), (24, 16), interpolation=cv2.INTER_AREA)
            np.testing.assert_array_equal(plates[n], small)
    assert told == [(n + 1, 5) for n in range(5)]
    monkeypatch.setattr(type(footage), "read_display", lambda *_: pytest.fail("decoded again"))
    cached_plates(footage, path, 24, 1.0, pytest.fail).close()


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"no array", lambda b: b""])
def test_a_damaged_cache_is_made_anew(footage, tmp_path, damage):
    path = tmp_path / "plates.npy"
    cached_plates(footage, path, 48, 1.0, pytest.fail).close()
    path.write_bytes(damage(path.read_bytes()))
    with cached_plates(footage, path, 48, 1.0, pytest.fail) as plates:
        np.testing.assert_array_equal(plates[4], footage.read_display(4))


def test_frames_are_smaller_where_they_would_take_too_much(footage, tmp_path):
    warnings: list[str] = []
    limit = 5 * 24 * 16 * 3 / 1e9
    with cached_plates(footage, tmp_path / "plates.npy", 48, limit, warnings.append) as plates:
        assert plates.shape == (5, 16, 24, 3)
        size = (tmp_path / "plates.npy").stat().st_size
    assert size - 128 <= limit * 1e9
    assert len(warnings) == 1 and "24x16" in warnings[0] and "5 frames" in warnings[0]


def test_a_disk_without_room_is_told_before_anything_is_written(footage, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 9000, 9000))
    with pytest.raises(SetupError, match=r"0\.0 GB.*cache.*make room, or choose --out") as error:
        cached_plates(footage, tmp_path / "cache" / "plates.npy", 48, 1.0, pytest.fail)
    assert error.value.exit_code == 3
    assert not list((tmp_path / "cache").iterdir())
    cached_plates(footage, tmp_path / "cache" / "plates.npy", 24, 1.0, pytest.fail).close()
    with pytest.raises(SetupError, match="TMPDIR"):
        temporary_frames((5, 48, 64))
