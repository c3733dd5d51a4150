"""A picture through a lens that bends, as a pinhole camera would have seen it."""

import numpy as np

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.stereo.pinhole import PinholeView


def test_directions_lie_where_the_view_says():
    lens = Lens("OPENCV", 120, 80, (130.0, 120.0, 62.0, 38.0, -0.15, 0.02, 0.0, 0.0))
    camera = Camera("1.png", lens, np.eye(3), np.array([1.0, 2.0, 3.0]))
    u, v = np.meshgrid(np.arange(60) + 0.5, np.arange(40) + 0.5)
    rays = lens.unproject(np.stack((u.ravel(), v.ravel()), axis=1) * 2).reshape(40, 60, 3)
    free = np.ones((80, 120), np.uint8)
    free[:, :20] = 0
    view = PinholeView.of(rays.astype(np.float32), free, camera)
    np.testing.assert_array_equal(view.place, [-1, -2, -3])
    inner = slice(4, -4), slice(4, -4)
    for k, grid in enumerate((u, v)):
        expected = (grid - view.centre[k]) / view.focal[k]
        assert np.abs(view.picture[..., k] - expected)[inner].max() < 0.004
    assert not view.free[20, :8].any() and view.free[20, 14:55].all()
