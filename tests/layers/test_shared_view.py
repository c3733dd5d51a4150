"""Which places several cameras look at."""

import numpy as np
import pytest
import torch

from surface_sos_core.cameras import Box, Lens
from surface_sos_core.fields.contraction import contract
from surface_sos_core.layers.shared_view import shared_view
from surface_sos_core.settings import MatteSettings

LENS = Lens("PINHOLE", 64, 48, (60.0, 60.0, 32.0, 24.0))
BOX = Box(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.3]), np.eye(3))


def looked_at(cameras, world: list[list[float]]) -> list[bool]:
    x = torch.from_numpy(BOX.to_box(np.array(world)))
    return (shared_view(cameras, BOX, MatteSettings()).lookup(contract(x)) > 0).tolist()


@pytest.fixture
def around(aim):
    """Cameras on a circle around the box, 10 away."""
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    places = BOX.centre + 10 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    return [aim(f"{n}.png", place, BOX.centre, LENS) for n, place in enumerate(places)]


def test_the_object_is_in_all_pictures_and_the_air_before_one_lens_in_one(around):
    before = around[0].centre + 0.5 * around[0].axis
    above = BOX.centre + np.array([0.0, 0.0, 20.0])
    assert around[0].sees(before[None])[0] and not around[1].sees(before[None])[0]
    assert looked_at(around, [BOX.centre.tolist(), before.tolist(), above.tolist()]) == [True, False, False]


def test_what_two_cameras_see_counts_where_there_are_no_more(around):
    assert looked_at(around[:2], [BOX.centre.tolist()]) == [True]


def test_many_cameras_are_asked_now_and_then(aim):
    """120 that look elsewhere, then 6 in a row at the box: too few of those that are asked."""
    away = [
        aim(f"{n}.png", BOX.centre + [10.0, 0.0, 0.0], BOX.centre + [20.0, 0.0, 0.0], LENS)
        for n in range(120)
    ]
    there = [aim(f"t{n}.png", BOX.centre + [10.0, 0.0, 0.0], BOX.centre, LENS) for n in range(6)]
    assert looked_at([*away, *there], [BOX.centre.tolist()]) == [True]
    assert looked_at([*away, *there[:2]], [BOX.centre.tolist()]) == [False]
