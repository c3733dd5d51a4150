"""The size that frames are trained at: an edge, and what the disk may hold."""

import pytest

from surface_sos_core.footage import open_footage
from surface_sos_core.footage.training_size import training_size


@pytest.fixture
def footage(tmp_path, write, picture):
    for n in range(5):
        write(tmp_path / f"f.{n}.png", picture(n))  # 48x32
    return open_footage(tmp_path, warn=pytest.fail)


@pytest.mark.parametrize(("edge", "size"), [(24, (24, 16)), (48, (48, 32)), (512, (48, 32)), (1, (1, 1))])
def test_the_longer_edge_is_no_longer_than_asked(footage, edge, size):
    assert training_size(footage, edge, 1.0, pytest.fail) == size


def test_frames_are_smaller_where_they_would_take_too_much(footage):
    warnings: list[str] = []
    size = training_size(footage, 48, 5 * 24 * 16 * 3 / 1e9, warnings.append)
    assert size == (24, 16)
    assert len(warnings) == 1 and "24x16" in warnings[0] and "5 frames" in warnings[0]
