"""By which code and which libraries a result was made.

The version of a stage's code is the package's version and a hash of the source files that shape its result: the file of the
stage and all files of this package that it takes anything from, directly or not, found by reading their imports. So a
developer's or a nightly's change counts, for the stages that it can reach and for no other. Line ends do not count, nor
does what is compiled. What shapes no pixel (BOOKKEEPING) is left out: a sentence of an error makes nothing again. Settings
are left out as well, since their values are noted one by one.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = "surface_sos_core"
BOOKKEEPING = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "errors", "events", "files", "interruption", "leases", "manifest", "out_folder", "provenance", "settings",
        "shot_folder", "stages.frame_files", "stages.run", "train.preview", "wording",
    )
)  # fmt: skip
"""Modules, or packages with all that is in them, that no result depends on."""

SOFTWARE = (
    "surface-sos-core", "torch", "numpy", "numba", "pycolmap", "opencv-python-headless", "openimageio", "av", "OpenEXR",
    "opencolorio",
)  # fmt: skip

_ROOT = Path(__file__).resolve().parent
_DIGITS = 12


@cache
def code_version(*modules: str) -> str:
    """The version of the code that `modules`, by dotted names, run: "0.1.0+3f9a0c1d22b7".

    Read from the files once in a process (a few tenths of a second). Where the sources are not there, it is the package's
    version alone.
    """
    digest, files = hashlib.sha256(), sorted(sources(*modules))
    if not files:
        return package_version()
    for name in files:
        text = _file(name).read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return f"{package_version()}+{digest.hexdigest()[:_DIGITS]}"


def sources(*modules: str) -> set[str]:
    """The modules of this package that `modules` take anything from, directly or not, themselves among them."""
    found: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in found or not _counts(name):
            continue
        found.add(name)
        todo += _taken(name)
    return found


def software_versions() -> dict[str, str]:
    """Versions of the libraries that shape results, by name."""
    return {name: _installed(name) or "unknown" for name in SOFTWARE}


def package_version() -> str:
    """This package's own; "0+source" where it runs from a folder that was never installed."""
    return _installed("surface-sos-core") or "0+source"


def joined(versions: list[str]) -> str:
    """One text for all the versions that a thing was made by, in order, each once."""
    return ", ".join(dict.fromkeys(part for text in versions for part in text.split(", ")))


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _counts(module: str) -> bool:
    """Whether it is a module of this package with a source file that results may depend on."""
    parts = module.split(".")
    if parts[0] != PACKAGE or any(".".join(parts[: i + 1]) in BOOKKEEPING for i in range(len(parts))):
        return False
    return _file(module).is_file()


def _file(module: str) -> Path:
    path = _ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _taken(module: str) -> frozenset[str]:
    """The modules that a module takes something from: those that define it, not the packages that pass it on."""
    taken: set[str] = set()
    for node in ast.walk(_parsed(module)):
        if isinstance(node, ast.Import):
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            taken |= {_home(node.module, alias.name) for alias in node.names}
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(PACKAGE)
        ):
            taken.add(node.value)  # run by name, as `python -m` does
    return frozenset(taken)


def _home(module: str, name: str) -> str:
    """The module in which `name`, imported from `module`, is defined; it may be a module itself."""
    if not _counts(module) or _file(f"{module}.{name}").is_file():
        return f"{module}.{name}" if _counts(f"{module}.{name}") else module
    if _file(module).name == "__init__.py":
        for node in _parsed(module).body:
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _home(node.module, alias.name)
    return module


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse(_file(module).read_bytes())
