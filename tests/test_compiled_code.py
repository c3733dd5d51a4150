"""Numba always has a place for what it compiles, and the command line starts without it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from surface_sos_core import compiled_code


@pytest.fixture
def read_only(monkeypatch, tmp_path):
    """Neither the package nor the home may be written to; temporary files lie in tmp_path."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    yield tmp_path
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)


def test_a_temporary_folder_where_nothing_else_may_be_written_to(read_only):
    compiled_code.settle_folder()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.parent == read_only and folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    os.environ.pop("NUMBA_CACHE_DIR")
    compiled_code.settle_folder()
    assert Path(os.environ["NUMBA_CACHE_DIR"]) == folder  # the next run finds what this one compiled


def test_a_folder_of_somebody_else_is_not_used(read_only, monkeypatch):
    compiled_code.settle_folder()
    theirs = os.environ.pop("NUMBA_CACHE_DIR")
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    Path(theirs).rename(theirs.rpartition("-")[0] + "-54321")
    compiled_code.settle_folder()
    assert not os.environ["NUMBA_CACHE_DIR"].endswith("-54321")


def test_what_may_be_written_to_or_was_named_stays(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    compiled_code.settle_folder()
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setenv("NUMBA_CACHE_DIR", "mine")
    monkeypatch.setattr(os, "access", lambda *_: False)
    compiled_code.settle_folder()
    assert os.environ["NUMBA_CACHE_DIR"] == "mine"


def test_help_takes_less_than_a_third_of_a_second():
    """Of the processor's time, the least of three: other work on the machine does not count."""
    resource = pytest.importorskip("resource")  # not on Windows
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "surface_sos_core", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.3
