"""Each frame is decoded once and comes back as it was, at any size, in any kind, whatever the disk may hold."""

import threading

import cv2
import numpy as np
import pytest

from surface_sos_core.footage import Footage, open_footage
from surface_sos_core.footage.frame_store import FrameStore

SIZE = (24, 16)


@pytest.fixture
def shot(tmp_path, write, write_exr, picture):
    """Five frames of 48x32 of a kind: 8 or 16 bits or floats, or both kinds of integers."""

    def make(kind: str) -> Footage:
        folder = tmp_path / kind.replace("/", "")
        for n in range(5):
            if kind == "float":
                channels = {
                    name: np.ascontiguousarray(picture(n, np.float32)[..., k]) for k, name in enumerate("RGB")
                }
                write_exr(folder / f"f.{n}.exr", channels)
            else:
                deep = kind == "16" or (kind == "8/16" and n % 2)
                write(folder / f"f.{n}.png", picture(n, np.uint16 if deep else np.uint8))
        return open_footage(folder, warn=pytest.fail)

    return make


class Counted:
    """Decodes, and how often each frame was asked for."""

    def __init__(self, footage: Footage) -> None:
        self.footage, self.times = footage, [0] * len(footage.frames)

    def __call__(self, index: int) -> np.ndarray:
        self.times[index] += 1
        return self.footage._pixels.read(index)


@pytest.mark.parametrize("kind", ["8", "16", "float", "8/16"])
def test_stored_footage_is_the_same_footage(shot, kind, tmp_path):
    footage = shot(kind)
    with footage.stored(tmp_path / "cache", [SIZE], 1.0) as stored:
        for _ in range(2):
            for i in (3, 0, 1, 4, 2):
                np.testing.assert_array_equal(stored.read_display(i), footage.read_display(i))
                np.testing.assert_array_equal(stored.read_linear(i), footage.read_linear(i))
                for size in (SIZE, (10, 7)):  # the second was not announced
                    small = cv2.resize(footage.read_display(i), size, interpolation=cv2.INTER_AREA)
                    np.testing.assert_array_equal(stored.read_small(i, size), small)
                    np.testing.assert_array_equal(footage.read_small(i, size), small)
        level = stored.level(SIZE)
        assert level.shape == (5, 16, 24, 3)
        np.testing.assert_array_equal(level[4], footage.read_small(4, SIZE))
        assert (stored.files, stored.frames, stored.is_linear) == (
            footage.files,
            footage.frames,
            footage.is_linear,
        )
    assert not list((tmp_path / "cache").iterdir())


def test_a_frame_is_decoded_once(shot, tmp_path):
    decode = Counted(shot("16"))
    with FrameStore(decode, 5, tmp_path, [SIZE], 1e9) as store:
        told: list[tuple[int, int]] = []
        store.level(SIZE, lambda *step: told.append(step))
        assert told == [(n + 1, 5) for n in range(5)]
        for i in range(5):
            store.small(i, SIZE)
            store.small(i, (12, 8))
            store.read(i)
    assert decode.times == [1] * 5


def test_what_does_not_fit_is_decoded_again_but_not_for_sizes_that_were_announced(shot, tmp_path):
    decode = Counted(shot("8"))
    level = 5 * 24 * 16 * 3
    with FrameStore(decode, 5, tmp_path, [SIZE], level + 2.5 * 48 * 32 * 3) as store:
        for _ in range(3):
            for i in (4, 3, 2, 1, 0):
                store.small(i, SIZE)
        assert decode.times == [1] * 5
        for i in range(5):
            np.testing.assert_array_equal(store.read(i), decode.footage.read_display(i))
        assert decode.times == [2, 2, 2, 1, 1]  # two frames fit
    nothing = Counted(shot("8"))
    with FrameStore(nothing, 5, tmp_path, [SIZE], 1.0) as store:
        for i in range(5):
            store.read(i)
            store.small(i, SIZE)
    assert nothing.times == [1] * 5


def test_several_threads_get_their_own_frames(shot, tmp_path):
    footage = shot("float")
    wrong: list[int] = []
    with footage.stored(tmp_path, [SIZE], 1.0) as stored:

        def look(seed: int) -> None:
            for i in np.random.default_rng(seed).integers(0, 5, 40):
                same = np.array_equal(stored.read_linear(i), footage.read_linear(i))
                if not same or not np.array_equal(stored.read_small(i, SIZE), footage.read_small(i, SIZE)):
                    wrong.append(i)

        threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_only_stored_footage_has_levels(shot):
    with pytest.raises(ValueError, match="stored"):
        shot("8").level(SIZE)
