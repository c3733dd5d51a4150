"""Cameras of a model to frames of the footage."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.match import framed_model, match_cameras
from surface_sos_core.errors import InputError

LENS = Lens("PINHOLE", 640, 480, (500.0, 500.0, 320.0, 240.0))


@dataclass
class OneFrame:
    name: str
    file: str


@dataclass
class Shot:
    frames: list[OneFrame]
    width: int = 640
    height: int = 480
    display_window: tuple[int, int, int, int] = (0, 0, 639, 479)
    folder: Path = Path("shot")
    counted: bool = False


def shot(*files: str, size: tuple[int, int] = (640, 480)) -> Shot:
    frames = [OneFrame(f.rsplit(".", 1)[0], f) for f in files]
    return Shot(frames, *size, (0, 0, size[0] - 1, size[1] - 1))


def model(*names: str, lens: Lens = LENS) -> CameraModel:
    return CameraModel({n: Camera(n, lens, np.eye(3), np.zeros(3)) for n in names}, Points.empty())


def matched(cameras: CameraModel, footage: Shot) -> tuple[list[str | None], list[str]]:
    notes: list[str] = []
    return [c.name if c else None for c in match_cameras(cameras, footage, notes.append)], notes


def test_by_file_name_then_by_stem_whatever_the_folder() -> None:
    names = ["b.1002.png", "plates/b.1001.exr", "b.1003.jpg", "b.1003.png"]
    found, notes = matched(model(*names), shot("b.1001.exr", "b.1002.exr", "b.1003.png"))
    assert found == ["plates/b.1001.exr", "b.1002.png", "b.1003.png"]
    assert len(notes) == 1 and "b.1003.jpg" in notes[0]


def test_leftovers_on_both_sides_are_listed() -> None:
    found, notes = matched(model("a.jpg", "x.jpg"), shot("a.jpg", "b.jpg"))
    assert found == ["a.jpg", None]
    assert any("x.jpg" in n and "left out" in n for n in notes)
    assert any("b.jpg" in n and "no camera" in n for n in notes)


def test_nothing_matches() -> None:
    with pytest.raises(InputError, match="no image of the camera model matches.*x.jpg.*a.jpg"):
        matched(model("x.jpg"), shot("a.jpg"))


def test_two_images_for_one_frame() -> None:
    with pytest.raises(InputError, match="left/a.jpg and right/a.jpg"):
        matched(model("left/a.jpg", "right/a.jpg"), shot("a.jpg"))


def test_names_without_an_extension() -> None:
    found, notes = matched(model("plate.1001", "plate.1002"), shot("plate.1001.jpg", "plate.1002.jpg"))
    assert found == ["plate.1001", "plate.1002"] and not notes


def test_rigs_are_told_apart_by_the_folder_of_the_frames() -> None:
    rigs = model("cam1/0001.jpg", "cam2/0001.jpg", "cam1/0002.jpg", "cam2/0002.jpg")
    footage = replace(shot("0001.jpg", "0002.jpg"), folder=Path("/shots/take/cam2"))
    found, notes = matched(rigs, footage)
    assert found == ["cam2/0001.jpg", "cam2/0002.jpg"]
    assert len(notes) == 1 and "cam1/0001.jpg" in notes[0]


def test_frames_of_a_movie_are_matched_by_their_place() -> None:
    clip = replace(shot("clip.0001.png", "clip.0002.png"), counted=True)
    found, notes = matched(model("frame_00001.jpg", "frame_00000.jpg"), clip)
    assert found == ["frame_00000.jpg", "frame_00001.jpg"] and "by number" in notes[0]
    with pytest.raises(InputError, match="no image of the camera model matches"):
        matched(model("frame_00001.jpg"), clip)


def test_a_model_of_the_display_window_is_brought_to_what_is_stored_around_it() -> None:
    footage = replace(shot("a.exr", "b.exr", size=(660, 490)), display_window=(8, 4, 647, 483))
    half = Lens("PINHOLE", 320, 240, (250.0, 250.0, 160.0, 120.0))
    whole = Lens("PINHOLE", 660, 490, LENS.params)
    points = Points(
        np.zeros((1, 3)), np.zeros((1, 3), np.uint8), np.zeros(1), np.array([0, 3]), np.array([0, 1, 2], np.int32),
        np.array([[10.0, 20.0], [10.0, 20.0], [10.0, 20.0]]),
    )  # fmt: skip
    lenses = {"a.exr": LENS, "b.exr": half, "c.exr": whole}
    given = CameraModel({n: Camera(n, lens, np.eye(3), np.zeros(3)) for n, lens in lenses.items()}, points)
    framed = framed_model(given, footage)
    for name in ("a.exr", "b.exr"):
        lens = framed.cameras[name].lens
        assert (lens.width, lens.height, lens.params) == (660, 490, (500.0, 500.0, 328.0, 244.0))
    assert framed.cameras["c.exr"].lens == whole
    np.testing.assert_allclose(framed.points.track_xy, [[18, 24], [28, 44], [10, 20]])
    assert [camera is not None for camera in match_cameras(framed, footage, print)] == [True, True]
    assert framed_model(given, shot("a.exr")) is given


def test_lens_is_rescaled_to_frames_of_the_same_shape() -> None:
    notes: list[str] = []
    (camera,) = match_cameras(model("a.jpg"), shot("a.jpg", size=(320, 240)), notes.append)
    assert camera is not None
    assert camera.lens.params == (250.0, 250.0, 160.0, 120.0) and camera.lens.width == 320
    assert len(notes) == 1 and "640x480" in notes[0]
    (camera,) = match_cameras(model("a.jpg"), shot("a.jpg", size=(321, 240)), notes.append)
    assert camera is not None and camera.lens.width == 321


def test_frames_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match="a.jpg is 640x480 but the frames are 640x360"):
        matched(model("a.jpg"), shot("a.jpg", size=(640, 360)))


def test_a_lens_that_ends_inside_the_image_is_told() -> None:
    folding = Lens("SIMPLE_RADIAL", 640, 480, (200.0, 320.0, 240.0, -0.3))
    _, notes = matched(model("a.jpg", lens=folding), shot("a.jpg"))
    assert len(notes) == 1 and "does not reach" in notes[0]
