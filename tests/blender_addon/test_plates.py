"""Frame numbers by the core's rules, since the add-on shows what the core has numbered."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_addon.files import colmap, plates
from surface_sos_core.footage import open_footage

NAMES = {
    "numbered": ["plate.1001.png", "plate.1002.png", "plate.1010.png"],
    "bare": ["000.png", "003.png", "006.png"],
    "unpadded": ["f9.png", "f10.png", "f11.png"],
    "two numbers": ["take2_001_left.png", "take2_002_left.png"],
    "unnumbered": ["left.png", "right.png"],
    "twice": ["a.1.png", "b.1.png", "b.2.png"],
    "two names": ["a.1.png", "b.2.png"],
    "number before the end": ["a.1001.v2.png", "a.1002.v2.png"],
    "dates": ["2023-05-01 12.33.56.png", "2023-05-01 12.34.02.png"],
    "milliseconds": ["1683026001123.png", "1683026001223.png"],
    "above Blender's last": ["P1100331.png", "P1100332.png"],
}


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "shots").mkdir()
    return tmp_path / "shots"


def fill(folder: Path, names: list[str]) -> None:
    _, png = cv2.imencode(".png", np.zeros((4, 6, 3), np.uint8))
    for name in names:
        (folder / name).write_bytes(png.tobytes())


@pytest.mark.parametrize("case", NAMES)
def test_a_folder_is_numbered_and_called_as_the_core_does(folder, case):
    fill(folder, NAMES[case])
    (folder / ".hidden.0001.png").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    ours, theirs = plates.open_plates(folder), open_footage(folder, warn=lambda _: None)
    assert ours.numbers == {frame.name: frame.number for frame in theirs.frames}
    assert ours.title == theirs.title
    assert ours.file == folder / theirs.frames[0].file and not ours.is_movie
    assert ours.shown == (case in ("numbered", "bare", "unpadded", "two numbers"))


@pytest.mark.parametrize("pattern", ["plate.####.png", "plate.%04d.png"])
def test_patterns(folder, pattern):
    fill(folder, [*NAMES["numbered"], "other.1001.png", "plate.1003.jpg"])
    shutil.copy(folder / "plate.1001.png", folder / "plate.12.png")  # fewer digits than the pattern wants
    ours = plates.open_plates(folder / pattern)
    theirs = open_footage(folder / pattern, warn=lambda _: None)
    assert ours.numbers == {frame.name: frame.number for frame in theirs.frames}
    assert ours.title == theirs.title == "plate"


def test_one_file_of_a_sequence_stands_for_it(folder):
    fill(folder, [*NAMES["numbered"], "other.1001.png"])
    assert list(plates.open_plates(folder / "plate.1002.png").numbers.values()) == [1001, 1002, 1010]


def test_a_movie(tmp_path):
    (tmp_path / "shot.mov").write_bytes(b"")
    found = plates.open_plates(tmp_path / "shot.mov")
    assert found.is_movie and found.title == "shot" and found.numbers == {}


@pytest.mark.parametrize("path", ["nowhere", "shots", "nowhere/p.####.png", "shots/p.####.png"])
def test_what_is_not_there_is_named(tmp_path, folder, path):
    with pytest.raises(plates.PlateError, match="nowhere|shots"):
        plates.open_plates(tmp_path / path)


LENS = colmap.Lens("PINHOLE", 64, 48, (50.0, 50.0, 32.0, 24.0))


def images(*names: str) -> list[colmap.Image]:
    return [colmap.Image(name, LENS, (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)) for name in names]


def test_images_find_their_frames_by_name_without_suffix():
    posed = plates.by_frame(images("left/p.3.jpg", "q.9.jpg", "p.1.png"), {"p.1": 1, "p.2": 2, "p.3": 3})
    assert [(frame, image.name) for frame, image in posed.items()] == [(1, "p.1.png"), (3, "left/p.3.jpg")]


def test_without_footage_the_images_number_themselves():
    assert list(plates.by_frame(images("p.12.jpg", "p.7.jpg"), {})) == [7, 12]
    assert list(plates.by_frame(images("left.jpg", "behind.jpg"), {})) == [1, 2]


def test_a_model_of_other_footage_is_refused():
    with pytest.raises(colmap.ModelError, match=r"p\.1"):
        plates.by_frame(images("other.1.jpg"), {"p.1": 1})


def test_two_images_of_one_frame_are_refused():
    with pytest.raises(colmap.ModelError, match=r"left/p\.1\.jpg and right/p\.1\.jpg"):
        plates.by_frame(images("left/p.1.jpg", "right/p.1.jpg"), {"p.1": 1})


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("//shots/a.v2/plate.1001.exr", "//shots/a.v2/plate.#.exr"),
        ("C:\\shots\\plate_0001.PNG", "C:\\shots\\plate_####.PNG"),
        ("/shots/IMG_7.v2.jpg", "/shots/IMG_7.v#.jpg"),
        ("/shots/still.png", "/shots/still.png"),
        ("/shots/plate.####.exr", "/shots/plate.####.exr"),
        ("/shots/take 2.mov", "/shots/take 2.mov"),
        ("/shots/7", "/shots/7"),
        ("", ""),
    ],
)
def test_a_frame_stands_for_its_sequence(file, pattern):
    assert plates.sequence_of(file) == pattern


def test_the_sequence_of_a_frame_holds_all_of_them(tmp_path):
    for number in (9, 10, 100):
        (tmp_path / f"plate.{number}.png").touch()
    found = plates.open_plates(plates.sequence_of(str(tmp_path / "plate.10.png")))
    assert list(found.numbers.values()) == [9, 10, 100]
