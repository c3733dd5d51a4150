"""A folder that a run writes to: it belongs to one run at a time, and nothing in it leads out of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from surface_sos_core.errors import InputError
from surface_sos_core.events import Events
from surface_sos_core.files import is_partial
from surface_sos_core.leases import PREFIX, Lease, claimed

WORKPLACE = "solve_"
"""How the names of folders begin that are gone once cameras are solved."""


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
    def locked(self, events: Events | None = None) -> Iterator[None]:
        """The folder belongs to this process alone; what a run that was killed has left half written is removed.

        events: of the run, which ends with the next of them where another has taken the folder over. Raises InputError
        where another run has it (see leases.py), and where a link in the folder leads out of it.
        """
        made = not self.out.exists()
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            with claimed(self.out) as lease:
                _heed(lease, events)
                self._tidy()
                yield
        finally:
            if made and not any(self.out.iterdir()):
                self.out.rmdir()

    @contextmanager
    def shared(self, part: str, events: Events, alone: bool = False) -> Iterator[None]:
        """Others may write to the folder meanwhile, to other files: nobody has it to himself. alone: one at a time does `part`.

        Raises InputError where somebody has the folder to himself.
        """
        with claimed(self.out, part, shared=not alone) as lease:
            _heed(lease, events)
            yield

    def _tidy(self) -> None:
        inside = self.out.resolve()
        for place, folders, files in os.walk(self.out):  # follows no links
            for name in (*folders, *files):
                path = Path(place, name)
                if not name.startswith(PREFIX) and _is_left(path):
                    folders[:] = [folder for folder in folders if folder != name]
                    _remove(path)
                elif path.is_symlink() and not path.resolve().is_relative_to(inside):
                    raise InputError(
                        f"{path} is a link that leads out of {self.out}; put a copy of what it shows in its place."
                    )


def _heed(lease: Lease, events: Events | None) -> None:
    if events is not None:
        events.heed(lease.check)


def _is_left(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return path.name.startswith(WORKPLACE)
    # The former as versions left it that locked by the system alone.
    return path.name == ".lock" or is_partial(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
