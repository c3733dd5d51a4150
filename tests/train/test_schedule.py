"""What changes with the step."""

from itertools import pairwise

import pytest

from surface_sos_core.settings import TrainSettings
from surface_sos_core.train.schedule import learning_rate, least_sharpness, mask_weight

SETTINGS = TrainSettings(iterations=1000)


def test_learning_rate_ramps_holds_and_decays():
    rates = [learning_rate(step, SETTINGS) for step in range(1000)]
    assert 0 < rates[0] < 0.1
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(1.0) and top < 200
    assert all(a <= b for a, b in pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in pairwise(rates[top:]))
    assert 0 < rates[-1] < 0.2


def test_the_mask_is_strong_first_and_weak_later():
    border = round(SETTINGS.mask_part * SETTINGS.iterations)
    assert mask_weight(0, SETTINGS) == mask_weight(border - 1, SETTINGS) == SETTINGS.mask_weight
    assert mask_weight(border, SETTINGS) == mask_weight(999, SETTINGS) == SETTINGS.late_mask_weight
    assert SETTINGS.mask_weight > SETTINGS.late_mask_weight > 0


def test_the_surface_goes_from_soft_to_sharp_in_pixels():
    pixel = 0.01
    widths = [1.0 / least_sharpness(step, pixel, SETTINGS) / pixel for step in range(0, 1001, 50)]
    assert widths[0] == pytest.approx(SETTINGS.soft_pixels)
    assert widths[-1] == pytest.approx(SETTINGS.sharp_pixels)
    assert all(a >= b for a, b in pairwise(widths))
    assert least_sharpness(300, 2 * pixel, SETTINGS) == pytest.approx(
        0.5 * least_sharpness(300, pixel, SETTINGS)
    )


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_very_short_runs(iterations):
    short = TrainSettings(iterations=iterations)
    for step in range(iterations + 1):
        assert 0 < learning_rate(step, short) <= 1
        assert least_sharpness(step, 0.01, short) > 0
        assert mask_weight(step, short) > 0
