"""Which frames are asked for background pixels, and how they look to a plane sweep."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Lens
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.layers.sources import Sources, nearness
from surface_sos_core.settings import PlateSettings

WIDTH, HEIGHT = 96, 72
SETTINGS = PlateSettings()


@pytest.fixture(scope="module")
def plates() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [cv2.GaussianBlur(random.random((HEIGHT, WIDTH, 3), np.float32), (0, 0), 2.0) for _ in range(12)]


def test_a_frame_without_a_camera_is_no_source(ball, plates):
    cameras = [None, *ball.cameras[1:]]
    sources = Sources(lambda i: plates[i], cameras, np.zeros((12, 36, 48), np.uint8), SETTINGS)
    assert sources.usable == list(range(1, 12))


def test_pictures_are_kept_within_the_budget(ball, plates):
    read: list[int] = []

    def picture(index: int) -> np.ndarray:
        read.append(index)
        return plates[index]

    each = HEIGHT * WIDTH * 3 * 2  # half floats
    sources = Sources(picture, ball.cameras, np.zeros((12, 36, 48), np.uint8), SETTINGS, budget=2 * each)
    for index in (0, 1, 0, 2, 0, 1):
        np.testing.assert_allclose(sources.picture(index), srgb_encode(plates[index]), atol=2e-3)
    assert read == [0, 1, 2, 1]  # the one that was not asked for longest goes first


def test_a_view_is_what_a_pinhole_camera_would_have_seen(ball):
    """A picture whose colours are the rays' own directions, through a lens that bends them."""
    lens = Lens("SIMPLE_RADIAL", WIDTH, HEIGHT, (110.0, 50.0, 35.0, -0.2))
    camera = replace(ball.cameras[0], lens=lens)
    rays = lens.unproject(ball.pixel_grid(camera, WIDTH, HEIGHT)).reshape(HEIGHT, WIDTH, 3)
    linear = (0.5 + 0.5 * rays).astype(np.float32)
    view = Sources(lambda i: linear, [camera], np.zeros((1, 36, 48), np.uint8), SETTINGS).view(0, 2)
    assert view.picture.shape == (HEIGHT // 2, WIDTH // 2, 3) and view.free.shape == (HEIGHT // 2, WIDTH // 2)
    u, v = np.meshgrid(np.arange(WIDTH // 2) + 0.5, np.arange(HEIGHT // 2) + 0.5)
    direction = np.stack(
        [(u - view.centre[0]) / view.focal[0], (v - view.centre[1]) / view.focal[1]], axis=-1
    )
    inner = slice(4, -4), slice(4, -4)
    expected = srgb_encode(0.5 + 0.5 * direction)
    assert np.abs(view.picture[..., :2] - expected)[inner].max() < 0.01
    assert view.free[inner].all()


def test_a_view_says_where_the_object_hides_the_background(ball, plates):
    holdouts = np.zeros((12, 36, 48), np.uint8)
    holdouts[:, 10:20, 5:30] = 255
    view = Sources(lambda i: plates[i], ball.cameras, holdouts, SETTINGS).view(3, 2)
    assert not view.free[11:19, 6:29].any() and view.free[22:34, 2:46].all()


def test_frames_that_see_the_place_from_near_by_come_first(ball, plates):
    sources = Sources(lambda i: plates[i], ball.cameras, np.zeros((12, 36, 48), np.uint8), SETTINGS)
    camera = ball.cameras[0]
    place = ball.wall(camera, np.array([[48.0, 10.0], [30.0, 8.0], [60.0, 12.0]]))
    chosen = sources.choose(camera, place, 3, own=0)
    assert 0 not in chosen and {1, 11} & set(chosen)
    assert len(sources.choose(camera, place, 50, own=None)) <= 12


def test_nearness_falls_with_the_angle(ball):
    place = ball.box.centre[None] + 0.5
    values = [nearness(ball.cameras[0], ball.cameras[n], place, 0.25)[0] for n in (0, 2, 4, 6)]
    assert values[0] == 1.0 and all(a > b for a, b in pairwise(values))
    a, b = (place[0] - ball.cameras[n].centre for n in (0, 2))
    apart = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert nearness(ball.cameras[0], ball.cameras[2], place, apart)[0] == pytest.approx(np.exp(-1.0))
