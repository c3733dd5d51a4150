"""Rays of pixels, and where they cross the box."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.cameras import Lens
from surface_sos_core.render.rays import RayCaster, Rays, box_span, near_depth
from surface_sos_core.settings import RenderSettings

CPU = torch.device("cpu")
SETTINGS = RenderSettings()
WIDE = Lens("OPENCV", 96, 72, (70.0, 72.0, 47.0, 37.0, -0.12, 0.03, 0.002, -0.001))
LARGE = Lens("SIMPLE_RADIAL", 192, 144, (220.0, 96.0, 72.0, 0.08))


@pytest.fixture(scope="module")
def cameras(ball):
    """Three lenses, and two frames without a camera."""
    lenses = [ball.cameras[0].lens, WIDE, LARGE]
    found = [replace(camera, lens=lenses[n % 3]) for n, camera in enumerate(ball.cameras)]
    found[3] = found[8] = None
    return found


def expected_points(ball, camera, pixels: np.ndarray, depth: float) -> np.ndarray:
    origin, directions = camera.rays(pixels)
    return ball.box.to_box(origin + depth * directions)


def test_box_span_by_hand():
    origin = torch.tensor([[-3.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-3.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
    direction = torch.tensor([[1.0, 0.0, 0.0]]).repeat(4, 1)
    enter, leave = box_span(Rays(origin, direction, torch.zeros(4)), torch.tensor([1.0, 0.5, 0.25]))
    assert (enter[0].item(), leave[0].item()) == pytest.approx((2.0, 4.0))
    assert (enter[1].item(), leave[1].item()) == pytest.approx((0.0, 1.0))  # from within: from the start
    assert leave[2] <= enter[2] and leave[3] <= enter[3]  # past it, and behind


def test_rays_are_the_cameras_own_in_box_coordinates(ball, cameras):
    generator = np.random.default_rng(0)
    frames = generator.choice([0, 1, 2, 4, 5, 7], 60)
    pixels = generator.uniform(0, 1, (60, 2)) * [
        (cameras[i].lens.width, cameras[i].lens.height) for i in frames
    ]
    rays = RayCaster(cameras, ball.box, np.zeros((0, 3)), SETTINGS, CPU).cast(frames, pixels)
    for depth in (0.0, 1.0, 7.0):
        found = rays.at(torch.full((60, 1), depth))[:, 0].numpy()
        for n, i in enumerate(frames):
            np.testing.assert_allclose(
                found[n], expected_points(ball, cameras[i], pixels[n : n + 1], depth)[0], atol=2e-5
            )


def test_rays_of_frames_with_one_lens(ball):
    frames = np.arange(12)
    pixels = np.tile([[10.5, 60.5]], (12, 1))
    rays = RayCaster(ball.cameras, ball.box, np.zeros((0, 3)), SETTINGS, CPU).cast(frames, pixels)
    found = rays.at(torch.full((12, 1), 5.0))[:, 0].numpy()
    for i in frames:
        np.testing.assert_allclose(
            found[i], expected_points(ball, ball.cameras[i], pixels[:1], 5.0)[0], atol=2e-5
        )


def test_a_frame_without_a_camera_has_no_rays(ball, cameras):
    with pytest.raises(ValueError, match="3"):
        RayCaster(cameras, ball.box, np.zeros((0, 3)), SETTINGS, CPU).cast(
            np.array([3]), np.array([[1.0, 1.0]])
        )


def test_no_background_is_nearer_than_half_as_far_as_the_nearest_point_in_the_picture(aim):
    lens = Lens("PINHOLE", 64, 48, (60.0, 60.0, 32.0, 24.0))
    camera = aim("a.png", np.array([0.0, -10.0, 0.0]), np.zeros(3), lens)
    shown = np.array([[0.0, -4.0, 0.0], [0.5, 3.0, 0.2]])
    beside, behind = np.array([[40.0, -9.0, 0.0]]), np.array([[0.0, -11.0, 0.0]])
    assert near_depth(camera, np.concatenate((shown, beside, behind)), SETTINGS) == pytest.approx(
        3.0, rel=0.01
    )
    assert (
        near_depth(camera, behind, SETTINGS) == 0.0 and near_depth(camera, np.zeros((0, 3)), SETTINGS) == 0.0
    )


def test_rays_know_where_their_frames_background_begins(ball, cameras):
    points = ball.box.centre[None]
    caster, frames = RayCaster(cameras, ball.box, points, SETTINGS, CPU), np.array([0, 2, 0, 5])
    near = caster.cast(frames, np.full((4, 2), 5.0)).near.numpy()
    expected = [near_depth(cameras[i], points, SETTINGS) for i in frames]
    assert min(expected) > 0.0
    np.testing.assert_allclose(near, expected, rtol=1e-6)
