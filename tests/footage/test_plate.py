import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage


def numbers(footage):
    return [frame.number for frame in footage.frames]


@pytest.fixture
def shot(tmp_path, picture, write):
    """Writes one small picture under each name."""

    def make(*names, folder="shot", dtype=np.uint8):
        for seed, name in enumerate(names):
            write(tmp_path / folder / name, picture(seed, dtype))
        return tmp_path / folder

    return make


def test_a_folder_of_frames(shot, picture):
    folder = shot("plate.1001.png", "plate.1002.png", "plate.1010.png")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("hello")
    (folder / "sub.png").mkdir()
    footage = open_footage(folder, warn=pytest.fail)
    assert numbers(footage) == [1001, 1002, 1010]
    assert [(frame.name, frame.file) for frame in footage.frames][2] == ("plate.1010", "plate.1010.png")
    assert (footage.width, footage.height, footage.title, footage.padding) == (48, 32, "plate", 4)
    assert footage.source == folder and not footage.is_linear
    assert (footage.read_display(1) == picture(1)).all()
    assert footage.read_linear(1).dtype == np.float32 and footage.read_linear(1).max() <= 1


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("plate.####.png", [1001, 1002]), ("plate.%04d.png", [1001, 1002]), ("plate.#.png", [1001, 1002]),
        ("plate.%d.png", [1001, 1002]), ("old.%03d.jpg", [7, 8]), ("*", None), ("plate.######.png", None),
    ],
)  # fmt: skip
def test_patterns(shot, pattern, expected, monkeypatch):
    folder = shot("plate.1001.png", "plate.1002.png", "old.007.jpg", "old.008.jpg", "plate.mask.png")
    monkeypatch.chdir(folder)
    for path in (folder / pattern, Path(pattern), Path("..") / "shot" / pattern):
        if expected is None:
            with pytest.raises(InputError):
                open_footage(path)
        else:
            footage = open_footage(path, warn=pytest.fail)
            assert numbers(footage) == expected
            assert footage.padding == len(footage.frames[0].name.split(".")[1])


def test_numbers_sort_as_numbers(shot):
    footage = open_footage(shot("f9.png", "f10.png", "f100.png"), warn=pytest.fail)
    assert numbers(footage) == [9, 10, 100] and footage.padding == 4 and footage.title == "f"


def test_the_number_is_the_last_run_of_digits(shot):
    footage = open_footage(shot("sc01_take2.0099.png", "sc01_take2.0100.png"), warn=pytest.fail)
    assert numbers(footage) == [99, 100] and footage.title == "sc01_take2"


def test_names_of_digits_alone_are_titled_by_their_folder(shot):
    footage = open_footage(shot("000.jpg", "001.jpg", folder="teddy"), warn=pytest.fail)
    assert (footage.title, footage.padding, numbers(footage)) == ("teddy", 3, [0, 1])


def test_repeated_numbers_become_positions(shot):
    warnings = []
    footage = open_footage(shot("a_2_v1.png", "a_10_v1.png", "b_1_v1.png"), warn=warnings.append)
    assert [frame.name for frame in footage.frames] == ["a_2_v1", "a_10_v1", "b_1_v1"]
    assert numbers(footage) == [1, 2, 3] and footage.title == "shot" and footage.padding == 4
    assert len(warnings) == 1 and "a_10_v1 has the same number as a_2_v1" in warnings[0]


def test_names_without_numbers_get_positions(shot):
    footage = open_footage(shot("left.png", "front.png", "right.png"), warn=pytest.fail)
    assert [(frame.number, frame.name) for frame in footage.frames] == [
        (1, "front"),
        (2, "left"),
        (3, "right"),
    ]


def test_sixteen_bits(shot, picture):
    footage = open_footage(shot("f1.png", "f2.png", dtype=np.uint16), warn=pytest.fail)
    assert np.abs(footage.read_display(0).astype(int) - picture(0)).max() <= 1
    assert not footage.is_linear


def test_linear_plates_go_above_one(tmp_path, picture, write_exr):
    for number in (1001, 1002):
        write_exr(tmp_path / f"plate.{number}.exr", {"RGB": picture(number, np.float32)})
    footage = open_footage(tmp_path / "plate.####.exr", warn=pytest.fail)
    assert footage.is_linear and footage.title == "plate"
    assert (footage.read_linear(1) == picture(1002, np.float32)).all() and footage.read_linear(1).max() > 2
    assert footage.read_display(1).dtype == np.uint8 and footage.read_display(1).max() == 255


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "no JPEG, PNG, TIFF, EXR, WebP, AVIF or HEIC frames"),
        (("one.png",), "at least two"),
    ],
)
def test_too_few_frames(tmp_path, shot, names, words):
    (tmp_path / "shot").mkdir()
    with pytest.raises(InputError, match=words):
        open_footage(shot(*names))


def test_paths_that_are_not_footage(tmp_path, shot):
    folder = shot("f.1.png", "f.2.png")
    for path in (
        tmp_path / "none",
        tmp_path / "none" / "f.####.png",
        folder / "g.####.png",
        tmp_path / "x\0",
    ):
        with pytest.raises(InputError):
            open_footage(path)
    with pytest.raises(InputError, match="single image"):
        open_footage(folder / "f.1.png")


def test_frames_of_two_sizes_name_both(shot, picture, write):
    folder = shot("f.1.png", "f.2.png")
    write(folder / "f.3.png", picture(width=50))
    with pytest.raises(InputError) as error:
        open_footage(folder, skip_bad=True, warn=pytest.fail)
    assert all(word in str(error.value) for word in ("f.1.png", "48x32", "f.3.png", "50x32"))


def test_a_bad_frame_stops_or_is_skipped(shot):
    folder = shot("f.1.jpg", "f.2.jpg", "f.3.jpg")
    bad = folder / "f.2.jpg"
    bad.write_bytes(bad.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"f\.2\.jpg.*--skip-bad-frames"):
        open_footage(folder)
    warnings = []
    assert numbers(open_footage(folder, skip_bad=True, warn=warnings.append)) == [1, 3]
    assert len(warnings) == 1 and "f.2.jpg" in warnings[0]


def test_a_dangling_link_is_not_overlooked(shot):
    folder = shot("f.1.png", "f.2.png")
    (folder / "f.3.png").symlink_to(folder / "gone.png")
    with pytest.raises(InputError, match=r"f\.3\.png"):
        open_footage(folder)


def test_plain_images_are_solved_where_they_are(tmp_path, shot):
    folder = shot("f.1.png", "f.2.jpg")
    footage = open_footage(folder, warn=pytest.fail)
    assert footage.image_folder(tmp_path / "scratch") == (folder, ["f.1.png", "f.2.jpg"])
    assert not (tmp_path / "scratch").exists()


def test_other_images_are_exported_for_the_solver(tmp_path, shot, picture, write, write_exr):
    folder = shot("f.1.png", "f.2.jpg")
    write(folder / "f.3.png", picture(3, np.uint16))
    write(folder / "f.4.tif", picture(4))
    write_exr(folder / "f.5.exr", {"RGB": picture(5, np.float32)})
    footage = open_footage(folder, warn=pytest.fail)
    scratch, names = footage.image_folder(tmp_path / "scratch")
    assert names == ["f.1.png", "f.2.jpg", "f.3.png", "f.4.tif.png", "f.5.exr.png"]
    assert sorted(path.name for path in scratch.iterdir()) == sorted(names)
    for index, name in enumerate(names):
        read = cv2.imdecode(np.fromfile(scratch / name, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert (read == footage.read_display(index)).all(), name


def test_a_long_shot_opens_at_once(tmp_path, write):
    jpeg = write(tmp_path / "one.jpg", np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8))
    for number in range(259):
        (tmp_path / f"f.{number:04d}.jpg").write_bytes(jpeg.read_bytes())
    jpeg.unlink()
    start = time.monotonic()
    assert len(open_footage(tmp_path, warn=pytest.fail).frames) == 259
    assert time.monotonic() - start < 2
