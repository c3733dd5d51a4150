"""Which Python is taken for the core."""

import os
import sys
from pathlib import Path

import pytest

from blender_addon.job.core_python import VARIABLE, CoreNotFound, find_core_python, venv_python


@pytest.fixture
def managed(tmp_path: Path) -> Path:
    python = venv_python(tmp_path / "environment")
    python.parent.mkdir(parents=True)
    os.symlink(sys.executable, python)
    return tmp_path / "environment"


def test_preferences_come_before_the_variable_and_that_before_what_set_up_made(managed: Path, tmp_path: Path):
    other = tmp_path / "python"
    os.symlink(sys.executable, other)
    environ = {VARIABLE: str(other)}
    assert find_core_python(sys.executable, environ, managed) == Path(sys.executable)
    assert find_core_python("", environ, managed) == other
    assert find_core_python(None, {}, managed) == venv_python(managed)


def test_a_python_that_was_named_and_is_not_there_is_not_replaced_in_silence(managed: Path, tmp_path: Path):
    missing = str(tmp_path / "nowhere" / "python")
    with pytest.raises(CoreNotFound, match=f"preferences name {missing}"):
        find_core_python(missing, {}, managed)
    with pytest.raises(CoreNotFound, match=f"{VARIABLE} names {missing}"):
        find_core_python(None, {VARIABLE: missing}, managed)
    with pytest.raises(CoreNotFound):
        find_core_python(str(tmp_path), {}, managed)


def test_the_checkouts_own_environment_is_the_last_and_none_is_a_sentence(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(
        "blender_addon.job.core_python.__file__", str(tmp_path / "blender_addon" / "job" / "core_python.py")
    )
    with pytest.raises(CoreNotFound, match="Set Up"):
        find_core_python(None, {}, tmp_path / "environment")
    python = venv_python(tmp_path / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()
    assert find_core_python(None, {}) == python
