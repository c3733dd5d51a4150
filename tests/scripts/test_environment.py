"""The environment that the scripts make for themselves."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """scripts/environment.py with an empty folder as its environment."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("SURFACE_SOS_VENV", str(tmp_path / "venv"))
    monkeypatch.setattr(module, "has_nvidia_gpu", lambda: False)
    return module


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def test_every_dependency_of_the_project_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["tests"]]
    for own in [requirement for requirement in wanted if requirement.startswith(project["name"])]:
        wanted.remove(own)
        wanted += [part for extra in own[own.index("[") + 1 : -1].split(",") for part in extras[extra]]
    names = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in wanted}
    assert {"av", "onnxruntime", "rembg"} <= names
    assert names <= set(pins())


def test_torch_is_the_pinned_one_in_the_build_that_suits_the_machine(environment, monkeypatch):
    version, index = pins()["torch"], "https://download.pytorch.org/whl/"
    for platform in ("linux", "win32"):
        monkeypatch.setattr(environment.sys, "platform", platform)
        words = environment.torch_requirement(gpu=False)
        assert (
            words[0] == f"torch=={version}+cpu"
            and words[words.index("--extra-index-url") + 1] == index + "cpu"
        )
    words = environment.torch_requirement(gpu=True)  # of Windows, whose build on PyPI has no CUDA
    assert (
        words[0] == f"torch=={version}+cu130"
        and words[words.index("--extra-index-url") + 1] == index + "cu130"
    )
    monkeypatch.setattr(environment.sys, "platform", "linux")
    assert environment.torch_requirement(gpu=True) == [f"torch=={version}"]
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    assert environment.torch_requirement(gpu=False) == [f"torch=={version}"]


def test_an_environment_is_made_once_and_remade_when_it_was_left_half_made(environment, monkeypatch):
    commands = []

    def call(*command: str) -> None:
        commands.append(command)
        if "venv" in command:
            python = environment.venv_python(Path(command[-1]))
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
            (Path(command[-1]) / "pyvenv.cfg").touch()

    monkeypatch.setattr(environment, "call", call)
    python = environment.ready_python()
    assert python.exists() and len(commands) == 3
    assert environment.ready_python() == python and len(commands) == 3

    monkeypatch.setattr(environment, "has_nvidia_gpu", lambda: True)
    environment.ready_python()
    assert len(commands) == 6
    assert "[tests]" in " ".join(commands[2]) and "[tests,cuda]" in " ".join(commands[5])

    def fail(*command: str) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(environment, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(environment, "call", fail)
    with pytest.raises(SystemExit):
        environment.ready_python()
    monkeypatch.setattr(environment, "call", call)
    environment.ready_python()
    assert len(commands) == 9


def test_a_folder_of_something_else_is_left_alone(environment, monkeypatch, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("precious")
    monkeypatch.setenv("SURFACE_SOS_VENV", str(tmp_path))
    with pytest.raises(SystemExit) as ending:
        environment.ready_python()
    assert ending.value.code == 3 and str(tmp_path) in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


def test_a_failed_step_ends_with_code_3_and_names_the_step(environment, capsys):
    with pytest.raises(SystemExit) as ending:
        environment.call(sys.executable, "-c", "raise SystemExit(1)")
    assert ending.value.code == 3
    assert "raise SystemExit(1)" in capsys.readouterr().err


def test_a_python_that_is_too_old_is_told_so(environment, monkeypatch, capsys):
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit) as ending:
        environment.ready_python()
    assert ending.value.code == 3
    assert "3.11" in capsys.readouterr().err


def test_the_scripts_explain_themselves_without_an_environment(tmp_path: Path):
    command = [sys.executable, "-S", str(ROOT / "scripts" / "demo.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0 and "--preset" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="links take rights there")
def test_an_environment_behind_a_link_is_used_but_never_cleared(environment, monkeypatch, tmp_path, capsys):
    """It belongs to another checkout, say."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name, text in (("pyvenv.cfg", ""), (environment.STAMP, "of another checkout"), ("precious.txt", "")):
        (theirs / name).write_text(text)
    (tmp_path / "venv").symlink_to(theirs)
    before = {path.name: path.read_text() for path in theirs.iterdir()}
    with pytest.raises(SystemExit) as ending:
        environment.ready_python()
    assert ending.value.code == 3 and str(theirs) in capsys.readouterr().err
    assert {path.name: path.read_text() for path in theirs.iterdir()} == before

    python = environment.venv_python(theirs)
    python.parent.mkdir()
    python.touch()
    (theirs / environment.STAMP).write_text(environment.fingerprint(gpu=False))
    assert environment.ready_python() == environment.venv_python(tmp_path / "venv")
