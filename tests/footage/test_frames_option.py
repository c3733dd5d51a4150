import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surface_sos_core.errors import InputError
from surface_sos_core.footage import parse_frames

SHOT = range(1001, 1041)


def test_singles_ranges_and_steps():
    chosen = parse_frames(" 1001-1009x4, 1040,1005", SHOT)
    assert [SHOT[at] for at in chosen] == [1001, 1005, 1009, 1040]


def test_a_range_may_hang_over_one_end_and_over_gaps():
    numbers = [1001, 1005, 1010]
    assert parse_frames("1-1005", numbers) == [0, 1]
    assert parse_frames("1005-999999999999999999", numbers) == [1, 2]


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("", "''"), ("1001,,1002", "''"), ("abc", "'abc'"), ("1001-", "'1001-'"), ("1001x2", "'1001x2'"),
        ("1005-1001", "'1005-1001'"), ("1001-1040x0", "'1001-1040x0'"), ("1001,7", "'7'"), ("1-9", "'1-9'"),
        ("1-5000", "'1-5000'"), ("-5", "'-5'"), ("١٠٠١", "'١٠٠١'"), ("9" * 5000, "9999"),
    ],
)  # fmt: skip
def test_the_bad_part_is_named(text, bad):
    with pytest.raises(InputError) as error:
        parse_frames(text, SHOT)
    assert bad in str(error.value) and len(str(error.value)) < 200


def test_a_range_in_a_gap_selects_nothing():
    with pytest.raises(InputError, match="1002-1004"):
        parse_frames("1002-1004", [1001, 1005])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789-x, #.e", max_size=30))
def test_garbage_gives_positions_or_an_input_error(text):
    try:
        chosen = parse_frames(text, SHOT)
    except InputError:
        return
    assert chosen and chosen == sorted(set(chosen)) and chosen[0] >= 0 and chosen[-1] < len(SHOT)
