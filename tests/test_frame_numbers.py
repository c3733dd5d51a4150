"""Which number of a name is the frame's, and in which order names come."""

import pytest

from surface_sos_core.frame_numbers import (
    LAST_FRAME,
    natural_key,
    number_names,
    own_numbers,
    without_suffix,
)


def numbered(*names):
    """Names in the order of frames, with their numbers."""
    numbering = number_names(names)
    return [(names[at], number) for at, number in zip(numbering.order, numbering.numbers, strict=True)]


@pytest.mark.parametrize(
    ("names", "numbers", "prefix", "padding"),
    [
        (("plate.1001", "plate.1002"), [1001, 1002], "plate", 4),
        (("f9", "f10", "f100"), [9, 10, 100], "f", 4),
        (("sc01_take2.0099", "sc01_take2.0100"), [99, 100], "sc01_take2", 4),
        (("000", "001"), [0, 1], "", 3),
        (("plate.1001.v2", "plate.1002.v2"), [1001, 1002], "plate", 4),
        (("frame_0001_4k", "frame_0002_4k"), [1, 2], "frame", 4),
        (("clip_-001", "clip_-002"), [1, 2], "clip", 3),  # a dash that every name has is none of the number's
        ((f"P{LAST_FRAME - 1}", f"P{LAST_FRAME}"), [LAST_FRAME - 1, LAST_FRAME], "P", 7),
    ],
)  # fmt: skip
def test_numbers_of_names(names, numbers, prefix, padding):
    numbering = number_names(names)
    assert list(numbering.numbers) == numbers and numbering.by_name and not numbering.note
    assert (numbering.prefix, numbering.padding) == (prefix, padding)


@pytest.mark.parametrize(
    ("names", "word"),
    [
        # seconds of dates are in no order
        (["2023-05-01 12.33.56", "2023-05-01 12.34.02", "2023-05-01 12.34.58"], "does not go up"),
        (["IMG_20230501_235959", "IMG_20230502_000001"], "does not go up"),
        (["1683026001123", "1683026001223"], "Blender's last frame"),
        ([f"P{LAST_FRAME}", f"P{LAST_FRAME + 1}"], "Blender's last frame"),
        (["plate.-002", "plate.-001", "plate.000", "plate.001"], "below 0"),
        (["cam1_0001", "cam1_0002", "cam2_0001"], "the same number as cam1_0001"),
        (["left1", "right"], "right has no number"),
    ],
)
def test_names_that_give_no_numbers_keep_their_order_and_that_is_said(names, word):
    assert numbered(*names[::-1]) == [(name, place) for place, name in enumerate(names, start=1)]
    numbering = number_names(names)
    assert word in numbering.note and not numbering.by_name and numbering.prefix is None


def test_names_without_numbers_need_no_words():
    assert numbered("right", "left") == [("left", 1), ("right", 2)]
    assert not number_names(["right", "left"]).note


def test_programs_find_numbers_at_the_end_of_names_alone():
    assert number_names(["a_1_v1", "a_2_v1"]).at_end is False
    assert number_names(["a_v1_1", "a_v1_2"]).at_end is True


def test_own_numbers_are_told_even_where_frames_are_counted():
    assert own_numbers(["1683026001123", "x", "1683026001223"]) == [1683026001123, None, 1683026001223]
    assert own_numbers(["plate.-002", "plate.001"]) == [-2, 1]
    assert own_numbers([]) == []


def test_a_number_is_no_suffix():
    names = ["plate.1001", "plate.1001.jpg", "plate.1001.JPEG", "a.b.exr", "frame"]
    assert [without_suffix(name) for name in names] == [
        "plate.1001",
        "plate.1001",
        "plate.1001",
        "a.b",
        "frame",
    ]


def test_natural_order():
    assert sorted(["f10", "F9", "f1b", "f1"], key=natural_key) == ["f1", "f1b", "F9", "f10"]
