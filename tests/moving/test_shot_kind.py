"""What a shot is taken for, and shots that are refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from walker import walker

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.moving.found import moving_masks
from surface_sos_core.moving.shot_kind import shot_kind
from surface_sos_core.settings import Settings

SAMPLE = Path(__file__).parents[2] / "samples" / "plates"


def write(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir()
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"shot.{1001 + i}.png"), frame[..., ::-1])
    return folder


def kind(folder: Path, subject: str = "auto", camera_move: str = "auto"):
    return shot_kind(open_footage(folder), None, subject, camera_move, Settings(), lambda done, total: None)


def test_the_sample_shot_stands_still_before_a_camera_that_travels() -> None:
    found = kind(SAMPLE)
    assert not found.moving
    assert "travels" in found.told


def test_before_a_camera_that_stands_the_subject_is_taken_to_move_unless_it_is_said_otherwise(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "plates", list(walker("locked", 6).frames))
    found = kind(folder)
    assert found.moving
    assert "stands" in found.told and "--subject still" in found.told
    assert not kind(folder, subject="still").moving


def test_a_cut_is_named_by_its_frames(tmp_path: Path) -> None:
    one, other = walker("locked", 6), walker("turning", 6)
    folder = write(tmp_path / "plates", [*one.frames, *(255 - other.frames)])
    with pytest.raises(InputError, match=r"cut between frames 1006 .* and 1007 "):
        kind(folder)


def test_a_flash_frame_is_named(tmp_path: Path) -> None:
    frames = list(walker("locked", 8).frames)
    frames[4] = np.full_like(frames[4], 250)
    with pytest.raises(InputError, match=r"Frame 1005 .* flash"):
        kind(write(tmp_path / "plates", frames))


def test_where_nothing_moves_nothing_can_be_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "plates", list(walker("turning", 8).plates))
    with pytest.raises(InputError, match="Nothing in the footage moves"):
        moving_masks(open_footage(folder), Settings(), lambda done, total: None)
