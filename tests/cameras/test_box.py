"""The scene box's similarity."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from surface_sos_core.cameras.box import Box
from surface_sos_core.cameras.quaternion import rotation_from_quaternion


def some_box() -> Box:
    turn = np.array([0.7, 0.2, -0.4, 0.5])
    return Box(
        np.array([1.0, -2.0, 3.0]),
        np.array([0.5, 2.0, 1.0]),
        rotation_from_quaternion(turn / np.linalg.norm(turn)),
    )


def test_corners_and_extent() -> None:
    box = some_box()
    np.testing.assert_allclose(box.extent, [0.25, 1.0, 0.5])
    tip = box.centre + box.rotation @ (box.half * [1, -1, 1])
    np.testing.assert_allclose(box.to_box(tip[None]), [[0.25, -1.0, 0.5]], atol=1e-12)
    assert box.contains(tip[None] * 0.999 + box.centre * 0.001).all()
    assert not box.contains(box.centre + (tip - box.centre)[None] * 1.001).any()


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=3))
@settings(max_examples=50, deadline=None)
def test_there_and_back(point: list[float]) -> None:
    box, world = some_box(), np.array([point])
    np.testing.assert_allclose(box.to_world(box.to_box(world)), world, atol=1e-11)
    by_matrix = box.similarity @ [*point, 1.0]
    np.testing.assert_allclose(by_matrix[:3], box.to_box(world)[0], atol=1e-11)


def test_it_is_a_similarity() -> None:
    box = some_box()
    a, b = np.random.default_rng(0).normal(size=(2, 40, 3))
    before, after = np.linalg.norm(a - b, axis=1), np.linalg.norm(box.to_box(a) - box.to_box(b), axis=1)
    np.testing.assert_allclose(after, before * box.scale)
    assert np.linalg.det(box.similarity[:3, :3]) > 0


def test_between_its_own_corners_it_is_itself_and_half_of_it_lies_within() -> None:
    box = some_box()
    same, upper = box.between(-box.half, box.half), box.between(np.zeros(3), box.half)
    np.testing.assert_allclose(same.centre, box.centre)
    np.testing.assert_allclose(same.half, box.half)
    np.testing.assert_allclose(upper.half, box.half / 2)
    np.testing.assert_allclose(box.to_box(upper.centre[None])[0], box.extent / 2)
