"""Requests as the core's command line takes them."""

from dataclasses import replace
from pathlib import Path

import pytest

from blender_addon.job.command import (
    Request,
    arguments,
    inspect_arguments,
    job_folder,
    masks_obstacle,
    obstacle,
    out_obstacle,
    with_paths,
)
from surface_sos_core.cli.parsers import parser
from surface_sos_core.shot_folder import ShotFolder


def test_the_core_understands_every_choice():
    request = Request(
        "plates/plate.####.exr",
        "-shots/a",
        masks="my masks",
        cameras="-cameras",
        box="box.json",
        preset="quality",
        device="cpu",
        frames="-5-10x2",
        subject="moving",
        camera_move="locked",
        seed=7,
        mode="resume",
    )
    words = arguments(request)
    assert words[:3] == ["-m", "surface_sos_core", "segment"]
    args = parser().parse_args(words[2:])
    assert (args.footage, args.out) == ("plates/plate.####.exr", Path("-shots/a"))
    assert (args.masks, args.cameras, args.box) == ("my masks", Path("-cameras"), Path("box.json"))
    assert (args.preset, args.device, args.frames, args.seed) == ("quality", "cpu", "-5-10x2", 7)
    assert (args.subject, args.camera_move) == ("moving", "locked")
    assert args.resume and not args.overwrite and args.events == "jsonl"


def test_what_is_not_chosen_is_left_to_the_core():
    args = parser().parse_args(arguments(Request("plates", "out"))[2:])
    assert (args.masks, args.cameras, args.box, args.frames, args.seed) == (None,) * 5
    assert (args.subject, args.camera_move) == ("auto", "auto")
    assert not args.resume and not args.overwrite


def test_the_core_understands_what_is_asked_before_a_run():
    request = Request(
        "plates",
        "out",
        masks="-roto",
        cameras="model",
        box="box.json",
        frames="-5",
        pick="car",
        colour_space="ACEScg",
        ocio="studio.ocio",
    )
    args = parser().parse_args(inspect_arguments(request, Path("check.png"))[2:])
    assert (args.name, args.footage, args.masks, args.pick) == ("inspect", "plates", "-roto", "car")
    assert (args.cameras, args.box, args.frames) == (Path("model"), Path("box.json"), "-5")
    assert (args.colour_space, str(args.ocio)) == ("ACEScg", "studio.ocio")
    assert args.picture == Path("check.png") and args.events == "jsonl"


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    (tmp_path / "plates").mkdir()
    return Request(str(tmp_path / "plates"), str(tmp_path / "shot"))


def test_a_request_that_can_start_meets_no_obstacle(request_: Request):
    assert obstacle(request_) is None
    assert obstacle(replace(request_, footage=f"{request_.footage}/plate.####.exr")) is None
    assert obstacle(replace(request_, mode="overwrite")) is None


def test_each_obstacle_is_a_sentence_that_names_the_path(request_: Request, tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("")
    missing = str(tmp_path / "nowhere")
    for changed, named in (
        (replace(request_, footage=""), "footage"),
        (replace(request_, footage=missing), missing),
        (replace(request_, footage=f"{missing}/plate.%04d.png"), missing),
        (replace(request_, masks=missing), missing),
        (replace(request_, cameras=missing), missing),
        (replace(request_, box=missing), missing),
        (replace(request_, out=""), "output"),
        (replace(request_, out=str(tmp_path / "file")), "is a file"),
        (replace(request_, out=str(tmp_path / "full")), "other files"),
        (replace(request_, mode="resume"), "no shot to resume"),
    ):
        reason = obstacle(changed)
        assert reason is not None and named in reason and reason.endswith(".")


def test_a_folder_with_a_shot_wants_resume_or_overwrite(request_: Request):
    out = Path(request_.out)
    out.mkdir()
    (out / "shot.json").write_text("{}")
    assert "Resume" in (obstacle(request_) or "")
    assert obstacle(replace(request_, mode="resume")) is None
    assert obstacle(replace(request_, mode="overwrite")) is None


def test_what_a_killed_run_left_before_its_first_file_is_no_obstacle(request_: Request):
    out = Path(request_.out)
    out.mkdir()
    for name in (".lock", ".shot.0123abcd.json"):
        (out / name).touch()
    assert out_obstacle(request_.out, "new") is None
    ShotFolder(out).check("new")  # as the core has it
    (out / "thesis.txt").touch()
    assert "other files" in (out_obstacle(request_.out, "new") or "")


def test_a_folder_that_may_not_be_looked_into_is_an_obstacle(request_: Request, monkeypatch):
    """As the panel asks at every redraw, where an exception would leave it empty."""
    Path(request_.out).mkdir()

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", denied)
    reason = out_obstacle(request_.out, "new")
    assert reason is not None and request_.out in reason and "Permission denied" in reason


def test_the_jobs_own_files_lie_beside_the_shot_and_not_in_it(request_: Request):
    assert job_folder(request_.out) == Path(request_.out).with_name("shot.job")


def test_sources_of_masks_keep_their_names_and_their_paths_are_checked(tmp_path: Path):
    (tmp_path / "box.json").write_text("{}")
    for source, expected in (
        ("auto", "auto"),
        ("box:box.json", f"box:{tmp_path / 'box.json'}"),
        ("sam2:box.json", f"sam2:{tmp_path / 'box.json'}"),
        ("roto", str(tmp_path / "roto")),
    ):
        assert with_paths(source, lambda path: str(tmp_path / path)) == expected
    (tmp_path / "masks.mov").write_text("")
    for source in (
        "auto",
        f"box:{tmp_path / 'box.json'}",
        f"box:{tmp_path}",
        str(tmp_path / "masks.mov"),
        None,
    ):
        assert masks_obstacle(source) is None
    for source in (f"box:{tmp_path / 'gone.json'}", str(tmp_path / "gone")):
        assert "gone" in masks_obstacle(source)
