"""Signals that wait for the end of a step."""

import os
import signal
import threading

import pytest

from surface_sos_core.interruption import held_back

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to itself")


class Asked(Exception):
    pass


@pytest.fixture
def handled():
    """SIGTERM raises Asked, and SIGINT KeyboardInterrupt, as in the command line."""

    def ask(number, frame):
        raise Asked

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, ask),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    yield ask
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, Asked), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_waits_until_it_is_let_in(handled, number, error):
    steps = []
    with pytest.raises(error), held_back() as let_in:
        for step in range(5):
            steps.append(f"begun {step}")
            if step == 2:
                os.kill(os.getpid(), number)
            steps.append(f"ended {step}")
            let_in()
    assert steps[-1] == "ended 2"
    assert signal.getsignal(signal.SIGTERM) is handled


def test_who_asks_twice_means_at_once(handled):
    done = False
    with pytest.raises(Asked), held_back():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        done = True
    assert not done


def test_what_was_never_let_in_is_acted_on_at_the_end(handled):
    done = False
    with pytest.raises(Asked), held_back():
        os.kill(os.getpid(), signal.SIGTERM)
        done = True
    assert done


def test_an_error_of_the_work_itself_comes_first(handled):
    with pytest.raises(ZeroDivisionError), held_back():
        os.kill(os.getpid(), signal.SIGTERM)
        _ = 1 / 0


def test_nothing_is_held_outside_the_main_thread(handled):
    ran = []

    def work() -> None:
        with held_back() as let_in:
            let_in()
            ran.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [handled]
