"""Frames side by side."""

import threading
import time
from contextlib import closing

import numba
import pytest
import torch

from surface_sos_core.layers.at_once import frames_at_once, in_order

CPU = torch.device("cpu")


@numba.njit(parallel=True)
def total(count):
    result = 0
    for number in numba.prange(count):
        result += number
    return result


@pytest.mark.parametrize("at_once", [1, 3])
def test_items_come_in_order_and_no_more_is_begun_than_is_needed(at_once):
    begun, done = [], []

    def work(item):
        begun.append(item)
        return item * item

    for item, made in in_order(work, range(20), at_once):
        done.append(item)
        assert made == item * item and len(begun) <= len(done) + 2 * at_once
    assert done == list(range(20))


def test_items_are_worked_on_side_by_side_on_one_core_each():
    meeting = threading.Barrier(2, timeout=30)
    before = torch.get_num_threads(), numba.get_num_threads()

    def work(item):
        meeting.wait()  # nobody comes through alone
        return threading.get_ident(), numba.get_num_threads()

    made = [made for _, made in in_order(work, range(4), 2)]
    assert len({thread for thread, _ in made}) == 2 and {cores for _, cores in made} == {1}
    assert (torch.get_num_threads(), numba.get_num_threads()) == before


@pytest.mark.parametrize("at_once", [1, 2])
def test_an_error_comes_out_in_its_items_place_and_ends_the_work(at_once):
    begun = []

    def work(item):
        begun.append(item)
        if item == 3:
            raise MemoryError("no room")
        return item

    done = []
    with pytest.raises(MemoryError, match="no room"):
        for item, _ in in_order(work, range(50), at_once):
            done.append(item)
    assert done == [0, 1, 2] and len(begun) < 10


def test_as_many_frames_as_cores_and_memory_allow(monkeypatch):
    total(10)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    assert frames_at_once(640 * 480, CPU) == 6
    assert frames_at_once(1920 * 1080, CPU) == 2
    assert frames_at_once(4096 * 2160, CPU) == 1
    assert frames_at_once(640 * 480, torch.device("cuda")) == 1
    monkeypatch.setattr(numba, "threading_layer", lambda: "workqueue")
    assert frames_at_once(640 * 480, CPU) == 1


def test_whoever_leaves_early_leaves_nothing_running():
    begun, ended = [], []

    def work(item):
        begun.append(item)
        time.sleep(0.05)
        ended.append(item)
        return item

    threads = torch.get_num_threads()
    with closing(in_order(work, range(50), 2)) as made:
        assert next(made) == (0, 0)
    assert sorted(begun) == sorted(ended) and len(begun) < 10
    assert torch.get_num_threads() == threads
