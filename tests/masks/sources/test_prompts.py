"""What a network that has to be told where the object is gets told in each frame; here one that only listens."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.network import NetworkSource


class Listener:
    prompted = True
    pieces = False

    def __init__(self):
        self.asked = []

    def look(self, rgb, prompt):
        self.asked.append(prompt)
        return []


def prompts(shot, drawn):
    network = Listener()
    with pytest.raises(InputError, match="finds no such object"):
        NetworkSource(network, drawn).find(shot)
    return network.asked


def check(asked, mattes):
    """Points on the object, to a pixel of its rim, or the box around it, in every frame."""
    assert len(asked) == len(mattes)
    for prompt, matte in zip(asked, mattes, strict=True):
        if prompt.box is None:
            column, row = prompt.points.astype(int).T
            near = cv2.dilate(matte.astype(np.uint8), np.ones((3, 3), np.uint8))
            assert len(prompt.points) >= 3 and near[row, column].mean() > 0.8
        else:
            rows, columns = np.nonzero(matte)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(prompt.box, edges, atol=4)


def test_by_the_sparse_points_that_a_frame_sees(ball_shot):
    shot, mattes = ball_shot
    asked = prompts(shot, None)
    check(asked, mattes)
    assert all(prompt.box is None for prompt in asked)


def test_by_a_drawing_on_one_frame_also_from_behind(ball_shot):
    """Of the points that the drawing shows, the frame opposite sees none."""
    shot, mattes = ball_shot
    asked = prompts(shot, Drawn((128, 96), {2: mattes[2]}))
    check(asked, mattes)
    assert [i for i, prompt in enumerate(asked) if prompt.box is not None] == [2]


def test_by_a_drawing_without_cameras(slow_shot):
    shot, mattes = slow_shot
    asked = prompts(replace(shot, model=None, cameras=[None] * 10), Drawn((128, 96), {4: mattes[4]}))
    check(asked, mattes)
    assert all(prompt.box is not None for prompt in asked)


def test_without_cameras_nor_drawing(slow_shot):
    with pytest.raises(InputError, match="wants a box"):
        NetworkSource(Listener(), None).find(replace(slow_shot[0], model=None, cameras=[None] * 10))
