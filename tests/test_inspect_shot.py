"""What is told of a shot before anything is computed, and that it is refused in the words of `segment`."""

import json
from fractions import Fraction

import cv2
import numpy as np
import OpenEXR
import pytest

from surface_sos_core import cli
from surface_sos_core.cameras import CameraModel, Points, write_model
from surface_sos_core.cameras.camera import Camera
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.inspect_shot import in_words, inspect_shot

WIDTH, HEIGHT, COUNT = 48, 32, 4
VALUE = 0.25


@pytest.fixture
def plates(tmp_path):
    """EXR frames 1001 to 1004 with an occlusion pass, anamorphic."""
    folder = tmp_path / "plates"
    folder.mkdir()
    for k in range(COUNT):
        plane = np.full((HEIGHT, WIDTH), VALUE * (k + 1), np.float32)
        channels = {f"L.Combined.{letter}": plane.copy() for letter in "RGB"}
        channels |= {f"L.AO.{letter}": np.ones_like(plane) for letter in "RGB"}
        header = {
            "compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "pixelAspectRatio": 2.0,
            "framesPerSecond": Fraction(25),
        }  # fmt: skip
        with OpenEXR.File(header, channels) as file:
            file.write(str(folder / f"plate.{1001 + k}.exr"))
    return folder


@pytest.fixture
def masks(tmp_path):
    """Of the first two frames, and one of none."""
    folder = tmp_path / "masks"
    folder.mkdir()
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    matte[:8] = 255
    for name in ("plate.1001", "plate.1002", "plate.2000"):
        cv2.imwrite(str(folder / f"{name}.png"), matte)
    return folder


@pytest.fixture
def cameras(tmp_path):
    lens = Lens("PINHOLE", WIDTH, HEIGHT, (50.0, 100.0, 24.0, 16.0))
    held = {
        f"plate.{1001 + k}.exr": Camera(f"plate.{1001 + k}.exr", lens, np.eye(3), np.array([k, 0.0, 5.0]))
        for k in range(3)
    }
    write_model(CameraModel(held, Points.empty()), tmp_path / "cameras")
    return tmp_path / "cameras"


def test_everything_that_was_understood(plates, masks, cameras):
    told = inspect_shot(plates, masks, cameras=cameras)
    assert set(told) == {"footage", "frames", "objects", "cameras", "warnings"}
    footage = told["footage"]
    assert footage["layer"] == {"name": "L.Combined", "rivals": [], "others": ["L.AO"]}
    assert (footage["width"], footage["height"], footage["first"], footage["last"]) == (48, 32, 1001, 1004)
    assert (footage["fps"], footage["pixel_aspect"], footage["orientation"]) == (25.0, 2.0, "as stored")
    assert footage["colour_space"] == "scene-linear Rec.709" and footage["source"] == str(plates)
    assert [frame["mean"] for frame in told["frames"]] == [[VALUE * (k + 1)] * 3 for k in range(COUNT)]
    assert told["objects"] == {
        "object": {
            "matched": 2,
            "frames_without": ["plate.1003", "plate.1004"],
            "files_without": ["plate.2000.png"],
            "coverage": {"plate.1001": 0.25, "plate.1002": 0.25, "plate.1003": None, "plate.1004": None},
        }
    }
    assert told["cameras"]["matched"] == 3 and told["cameras"]["frames_without"] == ["plate.1004"]
    assert told["cameras"]["lens"] == "PINHOLE 48x32, focal length 75 pixels"
    assert any("plate.2000.png" in warning for warning in told["warnings"])


def test_in_words(plates, masks):
    lines = "\n".join(in_words(inspect_shot(plates, masks, means=False)))
    for word in (
        "4 frames, 1001 to 1004",
        "48x32",
        "pixel aspect 2",
        "25 frames",
        "L.Combined; there are also L.AO",
        "25 %; none for plate.1003, plate.1004; of no frame: plate.2000.png",
    ):
        assert word in lines, word


def test_the_command_prints_one_object(plates, masks, capsys):
    assert cli.main(["inspect", str(plates), "--masks", str(masks), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["footage"]["layer"]["name"] == "L.Combined" and told["frames"][0]["mean"] == [VALUE] * 3
    assert cli.main(["inspect", str(plates), "--layer", "AO", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"][0]["mean"] == [1.0] * 3


def test_a_person_reads_warnings_below(plates, masks, capsys):
    assert cli.main(["inspect", str(plates), "--masks", str(masks)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("footage") and printed[-1].startswith("Warning: 1 of 3 masks of no frame")


@pytest.mark.parametrize(
    "options",
    [
        ["--layer", "none"],
        ["--masks", "nowhere"],
        ["--frames", "7"],
        ["--cameras", "nowhere"],
        ["--box", "nowhere"],
    ],
)
def test_what_segment_would_refuse_is_refused_in_its_words(plates, tmp_path, options, capsys):
    assert cli.main(["inspect", str(plates), *options]) == 2
    sentence = capsys.readouterr().err
    out = str(tmp_path / "out")
    assert cli.main(["segment", str(plates), "--out", out, "--device", "cpu", *options]) == 2
    assert capsys.readouterr().err == sentence and sentence.startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_colour_space_is_told_and_asked_for(plates, capsys):
    """LogC4 as ACEScg, and what cannot be had, in the words of `segment`."""
    told = inspect_shot(plates, colour_space="ARRI LogC4")
    footage = told["footage"]
    assert (footage["colour_space"], footage["layers_space"]) == ("ARRI LogC4", "ACEScg")
    assert "ARRI LogC4 (layers in ACEScg)" in in_words(told)[0]
    grey = [np.mean(frame["mean"]) for frame in told["frames"]]
    assert (
        0.1 < grey[0] < 0.18 < grey[1] < grey[3] and grey[3] > 100
    )  # LogC4 is 0.278 at 18 % grey, and 470 at 1
    assert cli.main(["inspect", str(plates), "--colour-space", "LogC5"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "LogC5" in said and "ARRI LogC4" in said
    assert cli.main(["inspect", str(plates), "--ocio", "ocio://no-such-config"]) == 2
    assert "ocio://no-such-config cannot be used" in capsys.readouterr().err


def test_the_picture_is_a_frame_with_its_mask_over_it(plates, masks, tmp_path, capfd):
    file = tmp_path / "seen" / "check.png"
    options = ["inspect", str(plates), "--masks", str(masks), "--picture", str(file)]
    assert cli.main([*options, "--events", "jsonl"]) == 0
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (inputs,) = [event for event in told if event["event"] == "inputs"]
    # Of the frames with a mask, 1001 and 1002, the middle one; the mask is white in its upper quarter.
    assert inputs["picture"] == {"path": str(file), "frame": 1002}
    assert any(line.startswith("masks") for line in inputs["lines"])
    picture = cv2.imread(str(file))[..., ::-1].astype(int)
    plate = round(255 * (1.055 * (2 * VALUE) ** (1 / 2.4) - 0.055))
    assert picture.shape == (HEIGHT, WIDTH, 3) and np.all(picture[12:] == plate)
    assert np.all(picture[3, 3:-3] == np.rint((plate + np.array([255, 60, 30])) / 2))


def test_the_picture_is_of_a_mask_that_shows_something(plates, masks, tmp_path):
    cv2.imwrite(str(masks / "plate.1002.png"), np.zeros((HEIGHT, WIDTH), np.uint8))
    told = inspect_shot(plates, masks, means=False, picture=tmp_path / "check.png")
    assert told["picture"]["frame"] == 1001


def test_the_picture_without_masks_is_the_middle_frame(plates, tmp_path):
    told = inspect_shot(plates, means=False, picture=tmp_path / "check.png")
    assert told["picture"]["frame"] == 1003
    assert len(np.unique(cv2.imread(str(tmp_path / "check.png")))) == 1
