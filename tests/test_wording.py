"""Numbers in sentences."""

import pytest

from surface_sos_core.wording import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("frame",), "0 frames"),
        (1, ("frame",), "1 frame"),
        (2, ("frame",), "2 frames"),
        (1, ("mask is", "masks are"), "1 mask is"),
        (11, ("mask is", "masks are"), "11 masks are"),
    ],
)
def test_one_and_many(number, words, said):
    assert counted(number, *words) == said
