import numpy as np

from surface_sos_core.footage.frame_stack import TemporaryValues


def test_values_come_back_as_they_went():
    values = TemporaryValues(3, (5, 4))
    first = np.random.default_rng(0).normal(size=(4, 5))
    values[1] = first
    np.testing.assert_array_equal(values[1], first.astype(np.float32))
    values[2] = np.asfortranarray(first)[::-1]
    np.testing.assert_array_equal(values[2], first[::-1].astype(np.float32))
    assert values[0].shape == (4, 5) and not values[0].any()
    got = values[1]
    got[:] = 9
    np.testing.assert_array_equal(values[1], first.astype(np.float32))  # a copy
