"""Planes among points, and where rays meet them."""

import numpy as np
import pytest

from surface_sos_core.cameras.planes import across, find_plane, find_planes, plane_disparity


def table_and_wall(noise: float = 0.002) -> np.ndarray:
    random = np.random.default_rng(1)
    flat = random.uniform(-1, 1, (300, 3))
    table, wall = flat[:200] * (1, 1, 0), flat[200:] * (1, 0, 1) + (0, 2, 0)
    clutter = random.uniform(-1, 1, (60, 3))
    return np.concatenate([table, wall, clutter]) + noise * random.standard_normal((360, 3))


def test_the_larger_plane_comes_first():
    planes = find_planes(table_and_wall(), 0.01, 30, 6, 400)
    assert len(planes) == 2
    assert abs(planes[0, 2]) > 0.999 and abs(planes[0, 3]) < 0.01
    assert abs(planes[1, 1]) > 0.999 and abs(abs(planes[1, 3]) - 2) < 0.02
    np.testing.assert_allclose(np.linalg.norm(planes[:, :3], axis=1), 1.0)
    assert len(find_planes(table_and_wall(), 0.01, 30, 1, 400)) == 1


def test_the_fullest_that_is_accepted_is_taken_and_faces_a_place():
    upright = find_plane(
        table_and_wall(), 0.01, 30, 400, np.array([0.0, 9.0, 0.0]), lambda plane: plane[1] > 0.9
    )
    assert upright is not None and upright[1] > 0.999 and abs(upright[3] + 2) < 0.02
    for above in (1.0, -1.0):
        table = find_plane(table_and_wall(), 0.01, 30, 400, np.array([0.0, 0.0, above]))
        assert table is not None and table[2] * above > 0.999
    assert find_plane(table_and_wall(), 0.01, 30, 400, accepts=lambda plane: False) is None


def test_a_point_drawn_twice_makes_no_plane():
    """Three points of which two are one lie on no plane, though each is near to a normal of no length."""
    heap = np.random.default_rng(4).uniform(-0.3, 0.3, (30, 3))
    assert find_plane(heap, 0.001, 10, 500) is None
    assert find_plane(np.repeat(heap[:2], 20, axis=0), 0.001, 10, 100) is None


def test_clutter_alone_has_no_plane():
    points = np.random.default_rng(2).uniform(-1, 1, (200, 3))
    assert len(find_planes(points, 0.005, 30, 6, 400)) == 0


def test_too_few_points_or_points_of_one_place_have_no_plane():
    assert find_planes(np.zeros((0, 3)), 0.1, 30, 6, 400).shape == (0, 4)
    assert find_planes(np.ones((100, 3)), 0.1, 30, 6, 400).shape == (0, 4)


def test_rays_meet_planes_at_their_disparity():
    planes = np.array([[0.0, 0.0, 1.0, -4.0], [0.0, 1.0, 0.0, -1.0]])
    directions = np.array([[[0.0, 0.5, 1.0], [0.2, -0.5, 1.0]]])
    found = plane_disparity(planes, np.zeros(3), directions)
    np.testing.assert_allclose(found[0], [[0.25, 0.25]])
    np.testing.assert_allclose(found[1], [[0.5, -0.5]])  # the second ray goes away from it


def test_vectors_across_a_normal_are_at_right_angles_to_it_and_each_other():
    normals = np.random.default_rng(0).normal(size=(40, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    first, second = across(normals)
    for frame in np.stack([first, second, normals], axis=1):
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1.0)
    np.testing.assert_array_equal(across(normals[3]), (first[3], second[3]))
