import numpy as np
import pytest

from surface_sos_core.masks import colours
from surface_sos_core.masks.colours import LearntColours, colours_of

RED, BLUE = (colours_of(np.full((4, 4, 3), rgb, np.uint8)) for rgb in ((200, 30, 30), (30, 40, 200)))
EITHER = np.concatenate((RED, BLUE))


def learnt(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = LearntColours()
    both = np.concatenate((inside, outside))
    first = np.arange(len(both))[:, None].repeat(4, axis=1) < len(inside)
    found.add(both, first, ~first)
    frequencies = found.frequencies()
    assert frequencies is not None and frequencies[0].sum() == pytest.approx(1)
    np.testing.assert_allclose(frequencies[0], colours.frequencies(inside))
    return frequencies


def test_a_colour_tells_for_what_has_it():
    odds = colours.log_odds(*learnt(RED, BLUE))
    assert odds.shape == (colours.COLOURS,)
    assert odds[RED].min() == 3 and odds[BLUE].max() == -3
    assert odds[colours_of(np.zeros((1, 1, 3), np.uint8))] == 0  # nobody has it


def test_how_well_colours_tell():
    told = [colours.difference(*learnt(*pair)) for pair in ((RED, RED), (RED, EITHER), (RED, BLUE))]
    assert told == pytest.approx([0, 0.5, 1], abs=0.01)
    assert colours.trust_in_colours(told[2]) == colours.trust_in_colours(0.8) == 1
    assert colours.trust_in_colours(0.4) == pytest.approx(1 / 256)


def test_what_was_never_seen_tells_nothing():
    assert LearntColours().frequencies() is None
    assert colours.frequencies(np.zeros(0, int)) is None
