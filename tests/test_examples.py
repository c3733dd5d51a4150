"""The examples of the public Python API, in docstrings and in the README: each runs, and says what it is said to say."""

import doctest
import inspect
import re
import shutil
from pathlib import Path

import pytest

import surface_sos_core
from surface_sos_core import open_shot

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = [name for name in surface_sos_core.__all__ if not name.startswith("_")]


def example(name: str) -> doctest.DocTest:
    found = doctest.DocTestFinder(recurse=False).find(getattr(surface_sos_core, name), name)
    return found[0]


def check(test: doctest.DocTest) -> None:
    said: list[str] = []
    failed, _ = doctest.DocTestRunner().run(test, out=said.append)
    assert not failed, "".join(said)


def folder_with_samples(folder: Path) -> Path:
    (folder / "samples").symlink_to(ROOT / "samples")
    return folder


@pytest.fixture(scope="module")
def segmented(tmp_path_factory) -> Path:
    """A folder in which the example of `segment` has run."""
    folder = folder_with_samples(tmp_path_factory.mktemp("examples"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        check(example("segment"))
    return folder


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "segment" and example(name).examples])
def test_an_example_runs(name, segmented, tmp_path, monkeypatch):
    shutil.copytree(segmented / "shot", tmp_path / "shot")
    monkeypatch.chdir(folder_with_samples(tmp_path))
    check(example(name))


def test_every_public_function_has_an_example_and_everything_public_a_text():
    for name in PUBLIC:
        thing = getattr(surface_sos_core, name)
        assert inspect.getdoc(thing), name
        assert example(name).examples or not inspect.isfunction(thing), name


def test_the_example_of_the_readme_makes_a_matte(tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(folder_with_samples(tmp_path))
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 (the README's own)
    (frame,) = open_shot(names["result"].out).frames
    assert names["comp"].shape == (180, 320, 3)
    assert 0.05 < (names["matte"] > 0.5).mean() < 0.5 and (names["matte"] == frame.alpha).all()
    assert len(code.splitlines()) <= 15
