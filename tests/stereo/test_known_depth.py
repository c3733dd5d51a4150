import numpy as np

from surface_sos_core.stereo.known_depth import KnownDepth


def test_what_is_seen_lies_within_three_steps():
    nearest, farthest = KnownDepth(np.array([[0.5, 0.02, 0.0]], np.float32), 0.01).span
    np.testing.assert_allclose(nearest, [[1 / 0.53, 1 / 0.05, 0.0]], rtol=1e-5)
    np.testing.assert_allclose(farthest, [[1 / 0.47, np.inf, np.inf]], rtol=1e-5)


def test_nothing_is_mixed_at_another_size():
    disparity = np.zeros((8, 8), np.float32)
    disparity[:, 4:] = 0.5
    small = KnownDepth(disparity, 0.01).at((4, 4))
    assert small.disparity.shape == (4, 4) and small.step == 0.01
    assert set(np.unique(small.disparity)) == {np.float32(0.0), np.float32(0.5)}
