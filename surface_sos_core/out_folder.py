"""A folder that a run writes to: it belongs to one run at a time, and nothing in it leads out of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from surface_sos_core.errors import InputError
from surface_sos_core.files import is_partial

WORKPLACE = "solve_"
"""How the names of folders begin that are gone once cameras are solved."""

_LOCK = ".lock"


@dataclass(frozen=True)
class OutFolder:
    """`out`, which need not exist yet."""

    out: Path

    def refuse_file(self) -> None:
        """Raises InputError where `out` is a file or lies below one."""
        for parent in self.out.parents:
            if parent.exists() and not parent.is_dir():
                raise InputError(f"{self.out} lies below {parent}, which is a file; choose another --out.")
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"{self.out} is a file; give a folder to --out.")

    def contents(self) -> list[Path]:
        """What the folder holds, but for what a run leaves that was killed before its first file."""
        return [path for path in self.out.iterdir() if not _is_left(path)] if self.out.exists() else []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder belongs to this process alone; what a run that was killed has left half written is removed.

        The lock is the operating system's: it ends with the process that holds it, however that ends. Raises InputError
        where another run has it, and where a link in the folder leads out of it.
        """
        made = not self.out.exists()
        self.out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.out / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise InputError(
                f"Another run is writing to {self.out}; wait for it to end, or choose another --out."
            ) from None
        try:
            self._tidy()
            yield
        finally:
            _release(lock)
            if made and not any(self.out.iterdir()):
                self.out.rmdir()

    def _tidy(self) -> None:
        inside = self.out.resolve()
        for place, folders, files in os.walk(self.out):  # follows no links
            for name in (*folders, *files):
                path = Path(place, name)
                if name != _LOCK and _is_left(path):
                    folders[:] = [folder for folder in folders if folder != name]
                    _remove(path)
                elif path.is_symlink() and not path.resolve().is_relative_to(inside):
                    raise InputError(
                        f"{path} is a link that leads out of {self.out}; put a copy of what it shows in its place."
                    )


def _is_left(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return path.name.startswith(WORKPLACE)
    return path.name == _LOCK or is_partial(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _release(lock: FileLock) -> None:
    """Give the lock back and take its file away: before that on systems that can, so that nobody holds a dead file."""
    file = Path(lock.lock_file)
    if os.name != "nt":
        file.unlink(missing_ok=True)
    lock.release()
    if os.name == "nt":
        with suppress(OSError):  # the next run has it already
            file.unlink(missing_ok=True)
