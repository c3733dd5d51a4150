"""How far sources agree, against numpy's own medians."""

import warnings

import numpy as np

from surface_sos_core.layers.agreement import differences


def test_differences_are_those_of_plain_medians():
    random = np.random.default_rng(0)
    colours = random.random((7, 200, 3)).astype(np.float32)
    seen = random.random((7, 200)) < 0.5
    seen[:, 0], seen[:, 1] = False, [True] + [False] * 6
    known = np.where(seen[..., None], colours, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody sees the first place
        expected = np.abs(known - np.nanmedian(known, axis=0)).max(axis=-1)
        middle = np.nanmedian(expected, axis=0)
    apart, typical = differences(colours, seen)
    np.testing.assert_allclose(apart, np.nan_to_num(expected), atol=1e-6)
    np.testing.assert_allclose(typical, np.nan_to_num(middle), atol=1e-6)
    assert typical[0] == 0 and apart[0, 1] == 0  # one source alone agrees with itself
