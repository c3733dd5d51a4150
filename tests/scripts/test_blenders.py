"""How the test command gets its Blenders, and that it never asks for rights."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def blenders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """scripts/blenders.py on a Debian without any of the programs, as a user without rights."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("blenders", ROOT / "scripts" / "blenders.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    present = {"apt-get", "sudo"}
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}" if name in present else None)
    monkeypatch.setattr(module, "is_root", lambda: False)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    module.present = present
    return module


def apt_commands(blenders: ModuleType, code: int = 0) -> list[list[str]]:
    """What would be run to install the programs, each ending with `code`."""
    seen: list[list[str]] = []

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        seen.append(words)
        return subprocess.CompletedProcess(words, code)

    blenders.provide_programs(run)
    return seen


needs_debian = pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="not Debian")


@needs_debian
def test_a_user_without_rights_is_asked_for_nothing(blenders):
    assert apt_commands(blenders) == []


@needs_debian
def test_root_and_ci_install_once_and_without_questions(blenders, monkeypatch):
    monkeypatch.setenv("CI", "true")
    update, install = apt_commands(blenders)
    assert update[:4] == ["sudo", "-n", "apt-get", "update"] and "-y" in install
    assert {"blender", "xvfb", "xdotool"} <= set(install)
    monkeypatch.setattr(blenders, "is_root", lambda: True)
    assert [command[0] for command in apt_commands(blenders)] == ["apt-get", "apt-get"]
    blenders.present |= set(blenders.PROGRAMS)
    assert apt_commands(blenders) == []


@needs_debian
def test_a_failed_step_is_told_and_is_the_last(blenders, monkeypatch, capsys):
    monkeypatch.setattr(blenders, "is_root", lambda: True)
    assert len(apt_commands(blenders, code=100)) == 1
    assert "'apt-get update -q' failed" in capsys.readouterr().err


def test_what_stays_missing_has_a_line_each(blenders, monkeypatch):
    monkeypatch.setattr(blenders, "python_of", lambda version: None)
    monkeypatch.setattr(blenders, "provide_programs", lambda: None)
    missing = blenders.provide(every=True)
    versions = [f"bpy {module.version}" for module in blenders.BPY.values()]
    assert [line.split(":")[0] for line in missing] == [*versions, "blender, Xvfb, xdotool"]
    assert "needs Python 3.11" in missing[0] and "needs Python 3.13" in missing[-2]


def test_without_option_it_is_the_newest_module_that_can_be_had(blenders, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(blenders, "provide_programs", lambda: None)
    made: list[str] = []
    monkeypatch.setattr(blenders, "python_of", lambda version: sys.executable if version == (3, 11) else None)

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        made.append(words[-1])
        Path(tmp_path, ".venv-bpy50").mkdir(exist_ok=True)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(blenders.subprocess, "run", run)
    bpy, programs = blenders.provide(every=False)
    assert "bpy 5.2.3: needs Python 3.13" in bpy and "bpy 5.1.2: needs Python 3.13" in bpy
    assert made == [str(tmp_path / ".venv-bpy50"), "bpy==5.0.1"] and "blender" in programs


def test_a_python_is_found_on_the_path_or_among_pyenvs_and_has_to_run(blenders, monkeypatch, tmp_path: Path):
    """Pythons are stood in for by scripts: one that does not run, as pyenv lays on the PATH, and one that does."""
    home = tmp_path / "pyenv" / "versions" / "3.1.4" / "bin"
    home.mkdir(parents=True)
    for python, code in ((tmp_path / "python3.1", 127), (home / "python3.1", 0)):
        python.write_text(f"#!/bin/sh\nexit {code}\n")
        python.chmod(0o755)
    monkeypatch.setattr(blenders.shutil, "which", lambda name: str(tmp_path / name))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "nowhere"))
    assert blenders.python_of((3, 1)) is None
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert blenders.python_of((3, 1)) == str(home / "python3.1")
    assert blenders.python_of(sys.version_info[:2]) == sys.executable


def test_an_environment_that_is_ready_is_not_made_again(blenders, tmp_path: Path):
    folder = tmp_path / ".venv-bpy50"
    folder.mkdir()
    (folder / "surface-sos.stamp").write_text(blenders.BPY["bpy50"].version)
    assert blenders.provide_bpy("bpy50") is None
    assert [entry.name for entry in folder.iterdir()] == ["surface-sos.stamp"]


def test_a_failed_installation_is_a_line_and_leaves_no_stamp(blenders, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(blenders, "python_of", lambda version: sys.executable)
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(blenders.subprocess, "run", lambda *_, **__: failed)
    assert "could not be installed" in (blenders.provide_bpy("bpy50") or "")
    assert not (tmp_path / ".venv-bpy50" / "surface-sos.stamp").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links take rights there")
def test_what_a_link_leads_to_is_not_cleared(blenders, monkeypatch, tmp_path: Path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "pyvenv.cfg").touch()
    (tmp_path / ".venv-bpy45").symlink_to(tmp_path / "theirs")
    monkeypatch.setattr(blenders, "python_of", lambda version: sys.executable)
    assert "is a link to" in (blenders.provide_bpy("bpy45") or "")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["pyvenv.cfg"]
