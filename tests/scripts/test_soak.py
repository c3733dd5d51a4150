"""The soak tells work that holds on to something from work that does not."""

import importlib.util
import sys
import threading
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "soak.py"
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="soaks run on Linux")


@pytest.fixture(scope="module")
def soak():
    spec = importlib.util.spec_from_file_location("soak", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["soak"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["soak"]


def test_work_that_lets_go_is_flat(soak, capsys):
    usages = soak.soak(lambda: sum(bytearray(30_000_000)[::4096]), 0.0)
    assert len(usages) == soak.LEAST and soak.growth(usages) == []
    assert capsys.readouterr().out.count("MB") == len(usages)


def test_memory_that_is_kept_is_told(soak):
    kept = []
    usages = soak.soak(lambda: kept.append(b"\1" * 40_000_000), 0.0)
    assert [words.split()[0] for words in soak.growth(usages)] == ["megabytes"]


def test_files_that_stay_open_are_told(soak):
    kept = []
    usages = soak.soak(lambda: kept.append(open(SCRIPT)), 0.0)  # noqa: SIM115
    for file in kept:
        file.close()
    assert [words.split()[0] for words in soak.growth(usages)] == ["files"]


def test_threads_that_stay_are_told(soak):
    end = threading.Event()
    usages = soak.soak(lambda: threading.Thread(target=end.wait, daemon=True).start(), 0.0)
    end.set()
    assert "threads" in [words.split()[0] for words in soak.growth(usages)]
