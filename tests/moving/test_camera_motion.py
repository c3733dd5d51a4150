"""What the camera does, told by the background of rendered shots whose cameras are known."""

import cv2
import numpy as np
import pytest
from walker import HEIGHT, WIDTH, Walker, walker

from surface_sos_core.moving.camera_motion import (
    FREE,
    LOCKED,
    TURNING,
    CameraMotion,
    area_share,
    camera_motion,
)
from surface_sos_core.moving.registration import Step, grown, register
from surface_sos_core.settings import Settings


def motion(shot: Walker, wanted: str | None = None) -> CameraMotion:
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in shot.frames]
    held_out = [grown(alpha > 0.3, 0.02) for alpha in shot.alpha]
    registration = register(grey.__getitem__, held_out.__getitem__, len(grey), Settings().register)
    return camera_motion(registration, grey.__getitem__, held_out.__getitem__, Settings(), wanted)


@pytest.mark.parametrize("camera", ["turning", "zooming"])
def test_rotations_and_focal_lengths_of_a_camera_that_turns(camera: str) -> None:
    shot = walker(camera, 12)
    found = motion(shot)

    assert found.kind == TURNING
    assert found.zooms == (camera == "zooming")
    np.testing.assert_allclose(found.focal, shot.focal, rtol=0.05)
    turned = found.rotations @ found.rotations[0].T
    truth = shot.rotations @ shot.rotations[0].T
    for one, other in zip(turned, truth, strict=True):
        assert np.linalg.norm(cv2.Rodrigues(one @ other.T)[0]) < np.radians(0.5)
    model = found.model([str(i) for i in range(12)], (2 * WIDTH, 2 * HEIGHT), 2.0)
    assert len({camera.lens for camera in model.cameras.values()}) == (12 if camera == "zooming" else 1)
    assert model.cameras["0"].lens.params[0] == pytest.approx(2 * found.focal[0])


def test_a_camera_that_stands_and_one_that_travels() -> None:
    assert motion(walker("locked", 8)).kind == LOCKED
    travelling = motion(walker("sliding", 12))
    assert travelling.kind == FREE
    assert "near and far move differently" in travelling.reason


def test_what_is_given_is_not_asked_of_the_pictures() -> None:
    shot = walker("turning", 6)
    assert motion(shot, LOCKED).kind == LOCKED
    assert motion(shot, FREE).kind == FREE


def test_a_wall_full_of_corners_does_not_outvote_the_ground() -> None:
    x, y = np.meshgrid(np.arange(0, 240, 4), np.arange(0, 60, 4))
    wall = np.column_stack((x.ravel(), y.ravel()))
    x, y = np.meshgrid(np.arange(0, 240, 15), np.arange(65, 130, 15))
    ground = np.column_stack((x.ravel(), y.ravel()))
    corners = np.concatenate((wall, ground)).astype(np.float32)
    step = Step(np.eye(3), corners, corners, np.arange(len(corners)) < len(wall))
    assert step.share > 0.9
    assert area_share(step, (136, 240), Settings().camera_move) < 0.6
