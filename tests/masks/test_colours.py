import numpy as np
import pytest

from surface_sos_core.masks.colours import (
    COLOURS,
    colours_of,
    count,
    difference,
    frequencies,
    log_odds,
    trust_in_colours,
)

RED, BLUE = np.full((4, 4, 3), (200, 30, 30), np.uint8), np.full((4, 4, 3), (30, 40, 200), np.uint8)


def learnt(*pictures: np.ndarray) -> np.ndarray:
    found = frequencies(sum(count(colours_of(picture)) for picture in pictures))
    assert found is not None and found.sum() == pytest.approx(1)
    return found


def test_a_colour_tells_for_what_has_it():
    odds = log_odds(learnt(RED), learnt(BLUE))
    assert odds.shape == (COLOURS,)
    assert odds[colours_of(RED)].min() == 3 and odds[colours_of(BLUE)].max() == -3
    assert odds[colours_of(np.zeros((1, 1, 3), np.uint8))] == 0  # nobody has it


def test_how_well_colours_tell():
    apart, alike = difference(learnt(RED), learnt(BLUE)), difference(learnt(RED, BLUE), learnt(BLUE, RED))
    half = difference(learnt(RED), learnt(RED, BLUE))
    assert (alike, half, apart) == pytest.approx((0, 0.5, 1), abs=0.01)
    assert trust_in_colours(apart) == trust_in_colours(0.8) == 1
    assert trust_in_colours(0.4) == pytest.approx(1 / 256)


def test_no_pixels_no_frequencies():
    assert frequencies(np.zeros(COLOURS, np.int64)) is None
