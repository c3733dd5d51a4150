"""Who writes to a folder: claims that machines see which share the folder, but neither its locks nor a clock.

A claim is an empty file in the folder, named after what it is for and the machine that holds it. Its process touches it
every few seconds. Another process of the same machine asks the operating system, whose lock on the file ends with the
process that holds it. Another machine watches the file: one whose time has not changed for as long as a minute is dead, by
the watcher's own clock, and may be removed. Names are never used twice, so nobody removes a claim that he did not watch.
"""

from __future__ import annotations

import errno
import os
import platform
import random
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from surface_sos_core.errors import InputError, SetupError

PREFIX = ".lock."
WHOLE = "all"
"""What is claimed by who wants no other in the folder."""

BEAT_S = 5.0  # between two touches
QUIET_S = 60.0
"""After which a claim of another machine is dead; network disks may show a touch half a minute late."""
_TRIES = 4  # two that come at the same moment see each other, step back, and come again
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # of disks that know none


@dataclass(frozen=True)
class Claim:
    """What another holds, or held."""

    path: Path
    part: str
    machine: str

    @staticmethod
    def of(path: Path) -> Claim:
        part, machine = path.name.removeprefix(PREFIX).split(".")[:2]
        return Claim(path, part, machine)


class Lease:
    """A claim of this process, kept alive until it is ended.

    Raises Timeout where somebody looked at its file before it was locked.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self.path = folder / f"{PREFIX}{part}.{_machine()}.{uuid.uuid4().hex[:8]}"
        self._lock, self._ended, self._lost = FileLock(self.path, timeout=0), threading.Event(), False
        try:
            self._lock.acquire()
        except OSError as error:
            if isinstance(error, Timeout) or error.errno not in _NO_LOCKS:
                raise
            self.path.touch()
        self._beats = threading.Thread(target=self._beat, daemon=True)
        self._beats.start()

    def check(self) -> None:
        """Raises SetupError where another has taken over meanwhile, since nothing was heard of this process."""
        if self._lost:
            raise SetupError(
                f"Another run has taken over {self.path.parent}, since this one was not heard of for {QUIET_S:.0f} s; "
                "let that one go on."
            )

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                os.utime(self.path)
            except FileNotFoundError:
                self._lost = True
                return
            except OSError:
                continue  # a disk that is away for a moment; others judge how long

    def end(self) -> None:
        """Nobody has to heed it any more."""
        self._ended.set()
        self._beats.join()
        _withdraw(self.path, self._lock)


@contextmanager
def claimed(folder: Path, part: str = WHOLE, shared: bool = False) -> Iterator[Lease]:
    """`part` of the folder belongs to this process, together with others that share it where it is `shared`.

    part: letters, digits and dashes; WHOLE excludes everybody. Raises InputError where others have it, after up to a minute
    where a machine may have died that had it.
    """
    lease = _staked(folder, part, shared)
    try:
        yield lease
    finally:
        lease.end()


def _staked(folder: Path, part: str, shared: bool) -> Lease:
    rival = None
    for _ in range(_TRIES):
        try:
            lease = Lease(folder, part)
        except Timeout:
            continue
        try:
            others = [Claim.of(path) for path in folder.glob(f"{PREFIX}*.*.*") if path != lease.path]
            rival = _living([claim for claim in others if _excludes(claim, part, shared)])
        except BaseException:
            lease.end()
            raise
        if rival is None:
            return lease
        lease.end()
        time.sleep(random.uniform(0.02, 0.2))
    where = f" on {rival.machine}" if rival is not None and rival.machine != _machine() else ""
    raise InputError(
        f"Another run{where} is writing to {folder}; wait for it to end, or choose another --out."
    )


def _excludes(claim: Claim, part: str, shared: bool) -> bool:
    return WHOLE in (claim.part, part) or (claim.part == part and not shared)


def _living(claims: list[Claim]) -> Claim | None:
    """One that somebody holds; None where all are dead, which are removed then."""
    told = {claim: _held_here(claim) for claim in claims}
    if True in told.values():
        return next(claim for claim in told if told[claim])
    watched = {claim: _touched(claim.path) for claim in told if told[claim] is None}
    end = time.monotonic() + QUIET_S
    while watched and time.monotonic() < end:
        for claim, first in list(watched.items()):
            now = _touched(claim.path)
            if now is None:
                del watched[claim]
            elif now != first:
                return claim
        time.sleep(0.2 if watched else 0)
    for claim in watched:
        claim.path.unlink(missing_ok=True)
    return None


def _held_here(claim: Claim) -> bool | None:
    """Whether a process of this machine holds the claim, which is removed where it does no more; None where the system
    cannot tell."""
    if claim.machine != _machine():
        return None
    probe = FileLock(claim.path, timeout=0)
    try:
        probe.acquire()
    except Timeout:
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    _withdraw(claim.path, probe)
    return False


def _touched(path: Path) -> int | None:
    """When the file was touched, by the clock of whoever did; None where it is gone."""
    try:
        with path.open("rb") as file:  # opening asks the server of a network disk, which a stat need not
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _withdraw(path: Path, lock: FileLock) -> None:
    """Take the file away and give the lock back: in this order on systems that can, so that nobody holds a dead file."""
    if os.name != "nt":
        path.unlink(missing_ok=True)
    lock.release()
    if os.name == "nt":
        with suppress(OSError):  # another looks at it
            path.unlink(missing_ok=True)


def _machine() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:40] or "unknown"
