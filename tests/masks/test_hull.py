"""A grid seen from cameras, against what geometry says."""

import numpy as np
import pytest

from surface_sos_core.masks.hull import project_grid


@pytest.mark.parametrize("number", [0, 5, 10])
def test_the_picture_of_a_ball(ball, number):
    """A turned box that is no cube, pictures at a size other than the lens's."""
    camera = ball.cameras[number]
    seen = project_grid(ball.probability(96), ball.box, camera, 64, 48) > 0.5
    truth = ball.cover(camera, 64, 48) > 0.5
    assert seen.shape == (48, 64)
    assert (seen & truth).sum() / (seen | truth).sum() > 0.95


def test_the_largest_value_on_a_ray_counts(ball):
    grid = np.zeros((32, 32, 32), np.float32)
    grid[16:, 16:, 16:], grid[:16, :16, :16] = 0.25, 0.75
    picture = project_grid(grid, ball.box, ball.cameras[0], 48, 36)
    assert set(np.unique(picture)) == {np.float32(0.0), np.float32(0.25), np.float32(0.75)}
    # where the nearer or farther corner of 0.75 projects, nothing less is seen
    corner = ball.box.to_world(-0.5 * ball.box.extent[None])
    pixel, _ = ball.cameras[0].project(corner)
    column, row = (pixel[0] * (48 / 96, 36 / 72)).astype(int)
    assert picture[row, column] == np.float32(0.75)


def test_rays_that_miss_the_box_see_nothing(ball, aim):
    camera = ball.cameras[0]
    outwards = aim("away.png", camera.centre, 2 * camera.centre - ball.box.centre, camera.lens)
    full = np.ones((8, 8, 8), np.float32)
    assert project_grid(full, ball.box, outwards, 24, 18).max() == 0.0
    assert project_grid(full, ball.box, camera, 24, 18).max() == 1.0


def test_a_camera_in_the_box_sees_what_is_ahead_of_it(ball, aim):
    camera = aim("in.png", ball.box.centre, ball.cameras[0].centre, ball.cameras[0].lens)
    full = np.ones((8, 8, 8), np.float32)
    assert project_grid(full, ball.box, camera, 24, 18).min() == 1.0
