"""Points that stand and points that move, before a camera that slides and before one that stands."""

import numpy as np

from surface_sos_core.cameras.epipolar import sampson_distance, share_off

GENERATOR = np.random.default_rng(3)


def seen(points: np.ndarray, slid: float) -> np.ndarray:
    return 300 * (points[:, :2] - (slid, 0)) / points[:, 2:] + (160, 90)


def scene(slid: float, moved: tuple[float, float, float], wrong: float = 0.0) -> float | None:
    """The share that is told of a subject that moved by so much, where a share of the background's matches is wrong."""
    room = GENERATOR.uniform((-2, -1, 3), (2, 1, 6), (200, 3))
    thing = GENERATOR.uniform((-0.3, -0.3, 2), (0.3, 0.3, 2.4), (60, 3))
    other = seen(room, slid)
    bad = GENERATOR.random(len(room)) < wrong
    other[bad] += GENERATOR.uniform(-40, 40, (bad.sum(), 2))
    return share_off((seen(room, 0), other), (seen(thing, 0), seen(thing + moved, slid)), 1.0, 1.3, 0.6)


def test_what_stands_is_where_the_room_lets_it_be():
    assert scene(0.2, (0, 0, 0)) < 0.05
    assert scene(0.2, (0, 0, 0), wrong=0.2) < 0.1


def test_what_moves_across_its_epipolar_lines_is_told():
    assert scene(0.2, (0, 0.1, 0)) > 0.95
    assert scene(0.2, (0, 0.1, 0), wrong=0.2) > 0.95


def test_before_a_camera_that_stands_all_that_moves_is_told():
    assert scene(0, (0.1, 0, 0)) == 1.0 and scene(0, (0, 0, 0)) == 0.0


def test_matches_that_do_not_agree_and_few_of_them_tell_nothing():
    assert scene(0.2, (0, 0.1, 0), wrong=0.7) is None
    few = np.zeros((5, 2))
    assert share_off((few, few), (few, few), 1.0, 1.3, 0.6) is None


def test_distances_are_those_of_the_definition():
    """A camera that slides along x: places on the same row meet, others miss by their rows' difference over sqrt 2."""
    epipolar = np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]], float)
    one = np.array([[10.0, 20.0], [10.0, 20.0]])
    other = np.array([[35.0, 20.0], [35.0, 26.0]])
    np.testing.assert_allclose(sampson_distance(epipolar, one, other), [0, 6 / np.sqrt(2)])


def test_matches_that_no_geometry_fits_tell_nothing():
    """OpenCV's own assertion, which some such matches run into, is no end of the work."""
    for seed in range(40):
        random = np.random.default_rng(seed)
        one, other = random.uniform(0, 320, (2, 15, 2))
        on_a_line = np.column_stack((one[:, 0], np.full(15, 90.0)))
        for pair in ((one, other), (on_a_line, on_a_line + random.uniform(-9, 9, (15, 1)))):
            assert share_off(pair, pair, 1.0, 1.3, 0.95) in (None, 0.0)
