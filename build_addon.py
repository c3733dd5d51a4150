"""Builds the add-on's zips: the extension for Blender 4.2 and newer, and the legacy add-on for 3.4 to 4.1.

python build_addon.py [--out dist]

Both hold the add-on (GPL-3.0-or-later), the modules that it shares with the core (in core/, MIT) and the core's wheel, and
are the same byte for byte whenever they are built from the same files. Exit code 1 and one sentence where something does
not fit together.

The wheel is data, which Set Up installs into an environment of its own, so the manifest does not name it under `wheels`:
Blender would unpack it into the Python of all its extensions, without the gigabytes that it needs.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent
ADDON = ROOT / "blender_addon"
SHARED = {
    "core/events.py": ROOT / "surface_sos_core" / "events.py",
    "core/frame_numbers.py": ROOT / "surface_sos_core" / "frame_numbers.py",
    "core/manifest.py": ROOT / "surface_sos_core" / "manifest.py",
    "core/wording.py": ROOT / "surface_sos_core" / "wording.py",
    "core/environment.py": ROOT / "scripts" / "environment.py",
    "core/constraints.txt": ROOT / "constraints.txt",
    "core/LICENSE": ROOT / "LICENSE",
}
SETUPTOOLS = "80.9.0"  # another one could write another wheel
LEGACY_FOLDER = "surface_sos"
LEGACY_BLENDER = (3, 4, 0)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
FILE_MODE = 0o100644 << 16


class BuildError(Exception):
    """One sentence on what does not fit together."""


class Zips(NamedTuple):
    extension: Path
    legacy: Path


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder to write the zips to")
    options = parser.parse_args()
    try:
        zips = build(options.out)
        print(f"extension  {zips.extension}")
        print(f"legacy     {zips.legacy}")
        print(validated(zips.extension))
    except BuildError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def build(out: Path) -> Zips:
    """Write both zips into `out`. Raises BuildError."""
    manifest = read_manifest()
    version = checked_version(manifest)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(Path(scratch))
        files = addon_files() | {f"wheels/{wheel.name}": wheel.read_bytes()}
    out.mkdir(parents=True, exist_ok=True)
    zips = Zips(out / f"surface_sos-{version}.zip", out / f"surface_sos-{version}-legacy.zip")
    write_zip(zips.extension, files)
    legacy = {name: content for name, content in files.items() if name != "blender_manifest.toml"}
    legacy["__init__.py"] = with_bl_info(files["__init__.py"].decode(), manifest).encode()
    write_zip(zips.legacy, {f"{LEGACY_FOLDER}/{name}": content for name, content in legacy.items()})
    return zips


def read_manifest() -> dict[str, Any]:
    return tomllib.loads((ADDON / "blender_manifest.toml").read_text(encoding="utf-8"))


def checked_version(manifest: dict[str, Any]) -> str:
    """The manifest's version, which the core's and the change log must know too."""
    version = str(manifest["version"])
    core = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if core != version:
        raise BuildError(
            f"blender_manifest.toml has version {version} and pyproject.toml {core}: make them the same."
        )
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(version)}(?![\w.-])", log, re.MULTILINE):
        raise BuildError(f"CHANGELOG.md has no section '## {version}': write what changed.")
    return version


def addon_files() -> dict[str, bytes]:
    """What both zips hold but the wheel, by path."""
    own = {
        path.relative_to(ADDON).as_posix(): path
        for path in ADDON.rglob("*")
        if (path.suffix in (".py", ".toml") or path.name == "LICENSE") and "__pycache__" not in path.parts
    }
    return {name: path.read_bytes() for name, path in (own | SHARED).items()}


def with_bl_info(source: str, manifest: dict[str, Any]) -> str:
    """__init__.py with the bl_info that Blender up to 4.1 reads, after the module's docstring."""
    info = {
        "name": manifest["name"],
        "author": manifest["maintainer"],
        "version": tuple(int(part) for part in manifest["version"].split(".")),
        "blender": LEGACY_BLENDER,
        "location": "3D Viewport and Clip Editor > Side Bar > Surface-SOS",
        "description": manifest["tagline"],
        "category": "Compositing",
    }
    lines = source.splitlines(keepends=True)
    docstring = ast.parse(source).body[0]
    end = docstring.end_lineno or 0
    entries = "".join(f"    {name!r}: {value!r},\n" for name, value in info.items())
    return "".join([*lines[:end], f"\nbl_info = {{\n{entries}}}\n", *lines[end:]])


def build_wheel(scratch: Path) -> Path:
    """The core's wheel, built from a copy without leftovers of earlier builds, and packed again without times."""
    source, made = scratch / "source", scratch / "made"
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "surface_sos_core", source / "surface_sos_core", ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    pin = scratch / "constraints.txt"
    pin.write_text(f"setuptools=={SETUPTOOLS}\n")
    pins = {name: str(pin) for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT")}
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(made), str(source)],
        env={**os.environ, **pins, "SOURCE_DATE_EPOCH": "315532800"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BuildError(f"The core's wheel could not be built: {' '.join(done.stderr.split()[-60:])}")
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    write_zip(wheel, files)
    return wheel


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Files by name, in order of the names, all with one time and one mode; packed, they would depend on zlib."""
    partial = path.with_name(f".{path.name}")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr, entry.create_system = FILE_MODE, 3
            entry.compress_type = zipfile.ZIP_STORED
            packed.writestr(entry, files[name])
    os.replace(partial, path)


def validated(extension: Path) -> str:
    """What Blender's own validator says of the extension, or that none was found. Raises BuildError where it objects."""
    for command in validators():
        done = subprocess.run(
            [*command, str(extension)], capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            raise BuildError(
                f"Blender's validator refuses {extension}: {' '.join((done.stdout + done.stderr).split())}"
            )
        return f"validated by {command[-2] if len(command) > 2 else command[0]}"
    return "not validated: neither Blender 4.2 or newer nor a bpy module of it was found"


def validators() -> Iterable[list[str]]:
    """Commands that validate an extension, best first: Blender's program, then the tool inside a bpy module."""
    blender = os.environ.get("SURFACE_SOS_BLENDER") or shutil.which("blender")
    if blender is not None and _version(blender) >= (4, 2):
        yield [blender, "--command", "extension", "validate"]
    for python in sorted(ROOT.glob(".venv-bpy*/bin/python"), reverse=True):
        for tool in python.parents[1].glob(
            "lib/*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
        ):
            yield [str(python), str(tool), "validate"]


def _version(blender: str) -> tuple[int, ...]:
    done = subprocess.run([blender, "--version"], capture_output=True, text=True, check=False, timeout=60)
    found = re.search(r"Blender (\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else (0,)


if __name__ == "__main__":
    raise SystemExit(main())
