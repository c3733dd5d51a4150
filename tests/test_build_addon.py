"""The zips of the add-on."""

import importlib.util
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def build_addon() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_addon", ROOT / "build_addon.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two builds, the second from a copy of the checkout with other times and with leftovers in it."""
    first, second, copy = (tmp_path_factory.mktemp(name) for name in ("first", "second", "copy"))
    for name in ("surface_sos_core", "blender_addon", "scripts"):
        shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
    for name in (
        "build_addon.py",
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    ):
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "build" / "lib" / "surface_sos_core").mkdir(parents=True)
    (copy / "build" / "lib" / "surface_sos_core" / "left_over.py").write_text("")
    (copy / "blender_addon" / "__pycache__").mkdir(exist_ok=True)
    (copy / "blender_addon" / "__pycache__" / "left_over.pyc").write_text("")
    for root, out in ((ROOT, first), (copy, second)):
        command = [sys.executable, str(root / "build_addon.py"), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return [first, second]


def test_two_builds_are_the_same_byte_for_byte(built: list[Path]):
    names = sorted(file.name for file in built[0].iterdir())
    assert names == ["surface_sos-0.1.0-legacy.zip", "surface_sos-0.1.0.zip"]
    for name in names:
        assert (built[0] / name).read_bytes() == (built[1] / name).read_bytes()


def test_both_zips_hold_the_add_on_the_shared_modules_and_the_wheel(built: list[Path]):
    with zipfile.ZipFile(built[0] / "surface_sos-0.1.0.zip") as packed:
        extension = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(built[0] / "surface_sos-0.1.0-legacy.zip") as packed:
        legacy = {name.removeprefix("surface_sos/"): packed.read(name) for name in packed.namelist()}
    assert set(extension) - set(legacy) == {"blender_manifest.toml"}
    assert {name for name in legacy if legacy[name] != extension[name]} == {"__init__.py"}
    for name in ("events.py", "manifest.py", "wording.py"):
        assert extension[f"core/{name}"] == (ROOT / "surface_sos_core" / name).read_bytes()
    assert {"core/environment.py", "core/constraints.txt"} <= set(extension)
    assert b"GNU GENERAL PUBLIC LICENSE" in extension["LICENSE"]
    assert extension["core/LICENSE"].startswith(b"MIT License")
    (wheel,) = [name for name in extension if name.endswith(".whl")]
    with zipfile.ZipFile(built[0] / "surface_sos-0.1.0.zip") as packed, packed.open(wheel) as file:
        modules = set(zipfile.ZipFile(file).namelist())
    assert {
        "surface_sos_core/cli/__init__.py",
        "surface_sos_core/py.typed",
        "surface_sos_core/__main__.py",
    } <= modules
    assert not any("left_over" in name or "__pycache__" in name for name in modules | set(extension))


def test_the_version_is_the_manifests(built: list[Path]):
    manifest = tomllib.loads((ROOT / "blender_addon" / "blender_manifest.toml").read_text())
    version = tuple(int(part) for part in manifest["version"].split("."))
    with zipfile.ZipFile(built[0] / "surface_sos-0.1.0-legacy.zip") as packed:
        names = packed.namelist()
        source = packed.read("surface_sos/__init__.py").decode()
        assert not any(name.endswith(".toml") for name in names)
    scope: dict[str, object] = {}
    exec(source[source.index("bl_info") : source.index("from .")], scope)  # noqa: S102 (of our own zip)
    info = scope["bl_info"]
    assert info["version"] == version and info["name"] == manifest["name"] and info["blender"] == (3, 4, 0)


def test_a_version_that_the_change_log_or_the_core_does_not_know_is_refused(
    build_addon, tmp_path, monkeypatch
):
    monkeypatch.setattr(build_addon, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.2.0-rc1\n\n## 0.1.0, unreleased (2026)\n")
    with pytest.raises(build_addon.BuildError, match=r"CHANGELOG.md has no section '## 0\.2\.0'"):
        build_addon.checked_version({"version": "0.2.0"})
    with pytest.raises(build_addon.BuildError, match=r"version 0\.1\.0 and pyproject.toml 0\.2\.0"):
        build_addon.checked_version({"version": "0.1.0"})
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.1.0"\n')
    assert build_addon.checked_version({"version": "0.1.0"}) == "0.1.0"


def test_blenders_own_validator_is_heeded(build_addon, built: list[Path], tmp_path: Path):
    if not any(build_addon.validators()):
        pytest.skip("no Blender 4.2 or newer and no bpy module of it, so no validator")
    assert build_addon.validated(built[0] / "surface_sos-0.1.0.zip").startswith("validated by")
    build_addon.write_zip(
        tmp_path / "bad.zip", {"blender_manifest.toml": b'id = "surface_sos"\n', "__init__.py": b""}
    )
    with pytest.raises(build_addon.BuildError, match="validator refuses"):
        build_addon.validated(tmp_path / "bad.zip")
