"""Masks as arrays: the same as from files, for every type, key and shape that may be given."""

import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.sources.files import FilesSource
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.settings import CoarseSettings, Settings

WIDTH, HEIGHT, COUNT = 48, 32, 4


@pytest.fixture
def footage(tmp_path):
    (tmp_path / "plates").mkdir()
    for k in range(COUNT):
        cv2.imwrite(
            str(tmp_path / "plates" / f"plate.{1001 + k}.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        )
    return open_footage(tmp_path / "plates")


@pytest.fixture
def grey():
    """(COUNT, H, W) uint8 masks that differ."""
    random = np.random.default_rng(3)
    return random.integers(0, 256, (COUNT, HEIGHT, WIDTH), np.uint8)


def found(masks, footage, told=None):
    source = open_source(
        MaskRequest("arrays", arrays=masks), footage, Settings(), ([] if told is None else told).append
    )
    return source.find(MaskShot(footage, None, [None] * COUNT, None, Settings(), pytest.fail, pytest.fail))


def test_arrays_are_as_good_as_files(footage, grey, tmp_path):
    (tmp_path / "roto").mkdir()
    for i in (0, 2):
        cv2.imwrite(str(tmp_path / "roto" / f"plate.{1001 + i}.png"), grey[i])
    said: list[str] = []
    shot = MaskShot(footage, None, [None] * COUNT, None, Settings(), pytest.fail, pytest.fail)
    files = FilesSource(tmp_path / "roto", footage, None, CoarseSettings(), said.append).find(shot)
    told: list[str] = []
    for masks in (
        {1001: grey[0], 1003: grey[2]},
        {"plate.1001": grey[0], "plate.1003": grey[2]},
        [grey[0], None, grey[2], None],
        {1001: grey[0].astype(np.uint16) * 257, 1003: grey[2].astype(np.float32) / 255},
        {1001: np.stack([grey[0]] * 3, axis=-1), 1003: grey[2][..., None]},
    ):
        given = found(masks, footage, told)
        np.testing.assert_array_equal(given.probability, files.probability)
        np.testing.assert_array_equal(given.known, files.known)
    assert told[0] == "2 of 4 frames have no mask and count as unknown."


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float64])
def test_masks_of_0_and_1(kind, footage, grey):
    mask = (grey[0] > 127).astype(kind)
    given = found([mask] * COUNT, footage)
    np.testing.assert_array_equal(given.probability[1], 255 * (grey[0] > 127))
    assert given.known.all() and not given.empty.any()


def test_a_black_mask_is_empty_and_a_larger_one_is_resized(footage):
    given = found(
        {1001: np.zeros((HEIGHT, WIDTH), bool), 1002: np.ones((2 * HEIGHT, 2 * WIDTH), bool)}, footage
    )
    assert list(given.empty) == [True, False, False, False] and (given.probability[1] == 255).all()


MASK = np.ones((HEIGHT, WIDTH), bool)


@pytest.mark.parametrize(
    ("masks", "told"),
    [
        ({}, "No frame is given a mask"),
        ([None] * COUNT, "No frame is given a mask"),
        ([MASK], "1 masks for 4 frames"),
        ({1009: MASK}, "no frame 1009"),
        ({"plate.1009": MASK}, "no frame 'plate.1009'.*as 'plate.1001' or by its number, as 1001"),
        ({1001: MASK[:16]}, "The mask of plate.1001 is 48x16"),
        ({1001: MASK[0]}, r"plate.1001 has the shape \(48,\)"),
        ({1001: MASK[:0]}, "plate.1001 has the shape"),
        ({1001: MASK * 255.0}, "plate.1001 has values from 255 to 255"),
        ({1001: MASK * np.nan}, "plate.1001 has values from nan"),
        ({1001: MASK * 255}, "plate.1001 has the type int64"),
        ({1001: np.full((HEIGHT, WIDTH), "white")}, "plate.1001 has the type"),
    ],
)
def test_what_is_no_mask_is_told(masks, told, footage):
    with pytest.raises(InputError, match=told):
        found(masks, footage)


def test_the_stamp_is_that_of_the_pixels(grey):
    def stamp(masks):
        return MaskRequest("arrays", arrays=masks).stamp()

    first = stamp({1001: grey[0], 1002: None})
    assert stamp({1001: grey[0].copy(), 1002: None}) == first
    changed = grey[0].copy()
    changed[3, 3] ^= 1
    for other in ({1001: changed, 1002: None}, {1001: grey[0]}, {1003: grey[0], 1002: None}):
        assert stamp(other) != first


def test_sources_tell_how_they_are_typed():
    for text in ("auto", "box:drawn.json", "roto"):
        assert MaskRequest.parse(text).text == text
    assert MaskRequest("arrays", arrays={}).text == "arrays"
