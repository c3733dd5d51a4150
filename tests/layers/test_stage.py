"""What can hide the object from a frame."""

import numpy as np
import pytest

from surface_sos_core.cameras import Lens
from surface_sos_core.layers.stage import clear_depth


def test_nothing_hides_the_object_that_is_nearer_than_half_as_far_as_the_nearest_point_in_the_picture(aim):
    camera = aim(
        "a.png", np.array([0.0, -10.0, 0.0]), np.zeros(3), Lens("PINHOLE", 64, 48, (60.0, 60.0, 32.0, 24.0))
    )
    shown = np.array([[0.0, -4.0, 0.0], [0.5, 3.0, 0.2]])
    beside, behind = np.array([[40.0, -9.0, 0.0]]), np.array([[0.0, -11.0, 0.0]])
    assert clear_depth(camera, np.concatenate((shown, beside, behind))) == pytest.approx(3.0, rel=0.01)
    assert clear_depth(camera, behind) == 0.0 and clear_depth(camera, np.zeros((0, 3))) == 0.0
