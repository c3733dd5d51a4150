import numpy as np
import pytest

from surface_sos_core.sampling import evenly


@pytest.mark.parametrize(("count", "most"), [(0, 3), (2, 3), (3, 3), (10, 3), (100, 7)])
def test_some_of_many_with_both_ends(count, most):
    chosen = evenly(np.arange(count) * 2, most)
    assert len(chosen) == min(count, most) == len(set(chosen.tolist()))
    if count:
        assert chosen[0] == 0 and chosen[-1] == 2 * (count - 1)
        assert np.ptp(np.diff(chosen)) <= 2 if len(chosen) > 1 else True
