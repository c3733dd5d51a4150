"""Which Python is taken for the core."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blender_addon.job.core_python import VARIABLE, CoreNotFound, find_core_python, venv_python


@pytest.fixture
def managed(tmp_path: Path) -> Path:
    """An environment as Set Up leaves it, without the packages."""
    folder, home = tmp_path / "environment", tmp_path / "blender" / "python" / "bin"
    home.mkdir(parents=True)
    os.symlink(sys.executable, home / "python3")
    subprocess.run([home / "python3", "-m", "venv", "--without-pip", folder], check=True)
    (folder / "pyvenv.cfg").write_text(f"home = {home}\n")
    venv_python(folder).unlink()
    os.symlink(home / "python3", venv_python(folder))
    core = next(folder.glob("lib/python*/site-packages")) / "surface_sos_core"
    core.mkdir()
    (core / "__main__.py").touch()
    return folder


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


def test_an_environment_that_cannot_run_is_told_for_what_it_is(managed: Path, tmp_path: Path):
    shutil.rmtree(tmp_path / "blender")  # as one removes a Blender
    said = f"The Python in {tmp_path}/blender/python/bin that the core's environment was made with is gone: press Set Up"
    with pytest.raises(CoreNotFound, match=re.escape(said)):
        find_core_python(None, {}, managed)
    shutil.rmtree(next(managed.glob("lib/python*/site-packages")) / "surface_sos_core")
    with pytest.raises(CoreNotFound, match="was not finished: press Set Up again"):
        find_core_python(None, {}, managed)
    assert find_core_python(sys.executable, {}, managed) == Path(sys.executable)


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
