"""Files and the frames that they belong to."""

from dataclasses import dataclass

import pytest

from surface_sos_core.pairing import nearest_folder, pair


@dataclass
class OneFrame:
    name: str
    file: str


def frames(*files):
    return [OneFrame(file.rsplit(".", 1)[0], file) for file in files]


PLATES = frames("plate.1001.jpg", "plate.1002.jpg")
CLIP = frames(*(f"clip.{n:04d}.png" for n in range(1, 5)))


@pytest.mark.parametrize(
    "name", ["plate.1002.jpg", "plate.1002.png", "plate.1002", "plate.1002.jpg.png", "x/y\\plate.1002.tif"]
)
def test_by_name(name):
    pairs = pair(PLATES, ["other.png", name], counted=False)
    assert pairs.of == {1: [1]} and not pairs.by_number


def test_the_very_name_goes_before_others():
    assert pair(PLATES, ["plate.1001.png", "plate.1001.jpg"], counted=False).of == {0: [1]}


def test_by_number_where_no_name_fits():
    pairs = pair(PLATES, ["roto_1002.png", "roto_1001.png", "a_7.png", "b_7.png"], counted=False)
    assert pairs.of == {0: [1], 1: [0]} and pairs.by_number and not pairs.shifted


@pytest.mark.parametrize(
    ("files", "of", "shifted"),
    [
        (["00000", "00001", "00002", "00003"], {0: [0], 1: [1], 2: [2], 3: [3]}, True),
        (["00000", "00002"], {0: [0], 2: [1]}, True),  # key frames from 0
        (
            ["1001", "1002", "1003", "1004"],
            {0: [0], 1: [1], 2: [2], 3: [3]},
            True,
        ),  # as many as the movie has
        (["0001", "0002", "0003", "0004"], {0: [0], 1: [1], 2: [2], 3: [3]}, False),
        (["0002", "0004"], {1: [0], 3: [1]}, False),
        (["1001", "1003"], {}, False),
    ],
)
def test_frames_of_a_movie_are_counted_as_the_files_are(files, of, shifted):
    pairs = pair(CLIP, [f"{file}.png" for file in files], counted=True)
    assert (pairs.of, pairs.shifted) == (of, shifted)


def test_one_counts_from_zero_and_the_other_from_one():
    stills = frames("f_0001.jpg", "f_0002.jpg", "f_0003.jpg")
    pairs = pair(stills, ["m000.png", "m001.png", "m002.png"], counted=False)
    assert pairs.of == {0: [0], 1: [1], 2: [2]} and pairs.shifted
    pairs = pair(
        stills, ["m001.png", "m002.png"], counted=False
    )  # not all of them: their numbers are taken as they are
    assert pairs.of == {0: [0], 1: [1]} and not pairs.shifted


def test_numbers_too_large_for_frames_still_pair():
    stills = frames("P1100331.jpg", "P1100332.jpg")
    assert pair(stills, ["mask1100332.png"], counted=True).of == {}
    assert pair(stills, ["mask1100332.png", "mask1100331.png"], counted=False).of == {0: [1], 1: [0]}


def test_rigs_are_told_apart_by_folders():
    files = ["cam1/0001.jpg", "cam2/0001.jpg"]
    assert nearest_folder(files, [0, 1], ["", "shots", "cam2"]) == [1]
    assert nearest_folder(files, [0, 1], ["", "shots", "cam3"]) == [0, 1]
    assert nearest_folder(["a/x/1.jpg", "b/x/1.jpg"], [0, 1], ["b", "x"]) == [1]
