import numpy as np

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.stereo.known_depth import KnownDepth, pixels_that_show, places_shown

CAMERA = Camera(
    "0.png",
    Lens("SIMPLE_RADIAL", 192, 128, (200.0, 96.0, 64.0, -0.05)),
    np.eye(3),
    np.array([-0.3, 0.0, 0.1]),
)


def slope() -> np.ndarray:
    """Disparities (64, 96), unknown in the leftmost columns."""
    disparity = np.linspace(0.2, 0.4, 96, dtype=np.float32)[None].repeat(64, axis=0)
    disparity[:, :10] = 0
    return disparity


def test_places_are_shown_by_the_pixels_they_come_from():
    disparity = slope()
    world = places_shown(CAMERA, disparity, disparity > 0)
    assert world.shape == (64 * 86, 3)
    shown = pixels_that_show(world, CAMERA, disparity, 1e-4)
    np.testing.assert_array_equal(shown, np.flatnonzero(disparity > 0))


def test_places_that_no_pixel_shows():
    disparity = slope()
    pixels = np.zeros(disparity.shape, bool)
    pixels[5, [3, 30, 60]] = True
    true = np.where(disparity > 0, disparity, 0.001)  # far behind where nothing is known
    places = places_shown(CAMERA, true, pixels)
    assert pixels_that_show(places, CAMERA, disparity, 0.01).tolist() == [-1, 5 * 96 + 30, 5 * 96 + 60]
    assert (pixels_that_show(places_shown(CAMERA, true / 2, pixels), CAMERA, disparity, 0.01) == -1).all()
    behind = 2 * CAMERA.centre - places
    assert (pixels_that_show(behind, CAMERA, disparity, 9.0) == -1).all()


def test_what_is_seen_lies_within_three_steps():
    nearest, farthest = KnownDepth(np.array([[0.5, 0.02, 0.0]], np.float32), 0.01).span(3.0)
    np.testing.assert_allclose(nearest, [[1 / 0.53, 1 / 0.05, 0.0]], rtol=1e-5)
    np.testing.assert_allclose(farthest, [[1 / 0.47, np.inf, np.inf]], rtol=1e-5)


def test_nothing_is_mixed_at_another_size():
    disparity = np.zeros((8, 8), np.float32)
    disparity[:, 4:] = 0.5
    small = KnownDepth(disparity, 0.01).at((4, 4))
    assert small.disparity.shape == (4, 4) and small.step == 0.01
    assert set(np.unique(small.disparity)) == {np.float32(0.0), np.float32(0.5)}
