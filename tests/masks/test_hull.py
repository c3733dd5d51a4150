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


def test_only_what_lies_within_the_span_counts(ball):
    """A grid of two halves, near and far; a span that ends between them sees the near one, and the other way round."""
    camera = ball.cameras[0]
    grid = np.zeros((32, 32, 32), np.float32)
    centres = (np.stack(np.meshgrid(*[np.arange(32)] * 3, indexing="ij"), -1) + 0.5) / 16 - 1
    world = ball.box.to_world((centres * ball.box.extent).reshape(-1, 3))
    middle = float((ball.box.centre - camera.centre) @ camera.axis)
    near = ((world - camera.centre) @ camera.axis < middle).reshape(grid.shape)
    grid[near], grid[~near] = 0.25, 0.75
    edge = np.full((36, 48), middle)
    room, nothing, endless = 0.1 * ball.box.half.max(), np.zeros((36, 48)), np.full((36, 48), np.inf)
    before = project_grid(grid, ball.box, camera, 48, 36, (nothing, edge - room))
    behind = project_grid(grid, ball.box, camera, 48, 36, (edge + room, endless))
    assert before[18, 24] == np.float32(0.25) and behind[18, 24] == np.float32(0.75)
    whole = project_grid(grid, ball.box, camera, 48, 36)
    np.testing.assert_array_equal(project_grid(grid, ball.box, camera, 48, 36, (nothing, endless)), whole)
    thin = project_grid(grid, ball.box, camera, 48, 36, (edge - 2 * room, edge - 1.9999 * room))
    assert thin[18, 24] == np.float32(0.25)  # less than a step is looked at all the same
    assert project_grid(grid, ball.box, camera, 48, 36, (endless, endless)).max() == 0.0
