"""The simulated farm: what it must do whatever was measured."""

import dataclasses
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from measure.scaling import Farm, Measured, scaling_entries, simulate

ENTRY = {
    "name": "ball",
    "ended": "done",
    "footage": {"frames": 100, "layers": 10, "width": 1000, "height": 1000},
    "timings": {
        "footage": 2.0,
        "cameras": 60.0,
        "masks": 30.0,
        "train": 50.0,
        "layers": 140.0,
        "mesh": 1.0,
        "report": 2.0,
    },
}
FREE = Farm(start_s=0.0, look_s=0.0, link=1e12, storage=1e12)


def test_a_shot_is_what_was_measured():
    """40 of the 140 s were the look at all 100 frames, the rest is 10 frames' layers."""
    shot = Measured.of(ENTRY, Farm())
    assert shot.frame_s == pytest.approx(10.0)
    assert shot.plates_mb == pytest.approx(300.0) and shot.layers_mb == pytest.approx(16.0)


def test_one_worker_does_everything_in_turn():
    """100 frames of 14 s and 145 s of other tasks, which nothing else lengthens."""
    made = simulate([Measured.of(ENTRY, FREE)], 1, FREE)
    assert made.seconds == pytest.approx(1545.0) and made.busy == pytest.approx(1545.0)


def test_no_number_of_workers_is_quicker_than_the_longest_chain():
    shots = [Measured.of(ENTRY, FREE)] * 3
    longest = shots[0].longest_s(FREE)
    assert longest == pytest.approx(158.0)
    assert longest <= simulate(shots, 1000, FREE).seconds < 3 * longest


def test_as_many_shots_as_workers_lose_little():
    shots = [Measured.of(ENTRY, FREE)] * 4
    assert 1545.0 - 1e-6 <= simulate(shots, 4, FREE).seconds < 1.1 * 1545.0


def test_a_slow_disk_is_felt_by_many():
    slow = dataclasses.replace(FREE, storage=10.0)
    shots = [Measured.of(ENTRY, FREE)] * 20
    few, many = ([simulate(shots, count, farm).seconds for farm in (FREE, slow)] for count in (1, 20))
    assert many[1] / many[0] > 2 * few[1] / few[0]


def test_entries_tell_what_limits_them():
    one, two, many = scaling_entries([ENTRY], 8, [1, 2, 500], FREE)
    assert one["efficiency"] == 1.0 and two["efficiency"] == pytest.approx(1.0, abs=0.05)
    assert many["efficiency"] <= many["limit"] < 0.2 and many["busy"] < 1.0
