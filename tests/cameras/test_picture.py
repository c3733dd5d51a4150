"""Points in a picture of another size than the camera's."""

import numpy as np

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.cameras.picture import at_size, picture_pixels

CAMERA = Camera("a.png", Lens("PINHOLE", 40, 20, (30.0, 30.0, 20.0, 10.0)), np.eye(3), np.zeros(3))


def test_pixels_fall_where_they_do_in_the_cameras_own_picture():
    pixels = np.array([[0.0, 0.0], [39.9, 19.9], [10.1, 5.1], [40.0, 5.0], [5.0, -0.1], [np.nan, np.nan]])
    inside, (row, column) = picture_pixels(CAMERA, pixels, (5, 20))
    assert inside.tolist() == [True, True, True, False, False, False]
    assert row.tolist() == [0, 4, 1] and column.tolist() == [0, 19, 5]


def test_what_lies_at_the_very_end_is_in_the_last_pixel_at_any_size():
    end = np.nextafter([[40.0, 20.0]], 0)
    for height, width in ((7, 13), (20, 40), (1, 1), (333, 777)):
        inside, (row, column) = picture_pixels(CAMERA, end, (height, width))
        assert inside.all() and (row[0], column[0]) == (height - 1, width - 1)


def test_rays_of_a_small_pictures_pixels_lead_back_to_them():
    """`picture_pixels` undoes `Camera.picture_rays`, at any size."""
    for width, height in ((13, 7), (40, 20), (57, 31)):
        world = CAMERA.centre + 3.0 * CAMERA.picture_rays(width, height).reshape(-1, 3)
        inside, (row, column) = picture_pixels(CAMERA, CAMERA.project(world)[0], (height, width))
        assert inside.all()
        np.testing.assert_array_equal(row * width + column, np.arange(width * height))


def test_a_place_in_a_picture_of_another_size():
    row, column = at_size(np.array([0, 5, 11]), np.array([0, 7, 15]), (12, 16), (3, 4))
    assert row.tolist() == [0, 1, 2] and column.tolist() == [0, 1, 3]
