"""A child process of the core's Python: started, listened to without waiting, cancelled, and never left behind."""

from __future__ import annotations

import errno
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from ..errors import AddonError
from .messages import Error, Log, Message, Warning, from_line

CANCELLED = 130
_POLL_S = 0.05
_GUARD = Path(__file__).resolve().with_name("guard.py")


class JobError(AddonError):
    """One sentence on why a job did not start."""


class Job:
    """A running child; make one with `Job.start`. All methods return at once."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str] | None) -> None:
        self._process, self._log = process, log
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._log_turn = threading.Lock()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, parse), daemon=True)
            for stream, parse in ((process.stdout, from_line), (process.stderr, _as_log))
        ]
        for reader in self._readers:
            reader.start()

    @classmethod
    def start(cls, python: Path, arguments: Sequence[str], log: Path | None = None) -> Job:
        """Start `python` with `arguments` (-m MODULE ..., or a script).

        log: file for all that the child says; it is locked while the job runs, so that one shot has one job. Raises
        JobError where another job holds it, where it cannot be written or where the Python does not start.
        """
        held = _locked(log) if log is not None else None
        try:
            process = subprocess.Popen(
                [str(python), str(_GUARD), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                bufsize=1,
                env=_environment(),
                **_platform_options(held),
            )
        except OSError as error:
            if held is not None:
                held.close()
            raise JobError(
                f"The core's Python {python} does not start ({error.strerror}): choose another."
            ) from error
        return cls(process, held)

    def messages(self) -> list[Message]:
        """All that has come since the last call."""
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    def cancel(self) -> None:
        """Ask the child to keep a checkpoint and end; it is asked by closing its stdin, see guard.py."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def poll(self) -> int | None:
        """The exit code, once the child has ended and all it said can be had from `messages`; else None."""
        code = self._process.poll()
        if code is None or any(reader.is_alive() for reader in self._readers):
            return None
        self.cancel()
        if self._log is not None:
            self._log.close()
        return code

    def _read(self, stream: IO[str], parse: Callable[[str], Message]) -> None:
        with stream:
            for line in stream:
                self._write_log(line)
                self._queue.put(parse(line))
        self._process.wait()  # here, so that a child is not left a zombie where nobody polls any more

    def _write_log(self, line: str) -> None:
        """A log that cannot be written ends, with a warning; the job goes on."""
        with self._log_turn:
            if self._log is None:
                return
            try:
                self._log.write(line)
                self._log.flush()
            except OSError as error:
                self._queue.put(Warning(f"{self._log.name} cannot be written any more ({error.strerror})."))
                self._log = None


def run_blocking(
    python: Path,
    arguments: Sequence[str],
    on_message: Callable[[Message], None],
    log: Path | None = None,
) -> int:
    """Run a job to its end on this thread and return its exit code; for scripts and `blender -b`."""
    job = Job.start(python, arguments, log)
    while True:
        code = job.poll()
        for message in job.messages():
            on_message(message)
        if code is not None:
            return code
        time.sleep(_POLL_S)


def ending(code: int, error: Error | None, last_line: str) -> str | None:
    """One sentence on how a job ended that was not done, or None. last_line: of what it said beside events."""
    if code == 0:
        return None
    if error is not None:
        # The core speaks of its command line there.
        said = error.message.replace("the same command with --resume", "Resume")
        return f"Cancelled: {said}" if code == CANCELLED else said
    if code == CANCELLED:
        return "Cancelled."
    if code < 0:
        return f"The core was ended from outside (signal {-code}); Resume goes on from its last checkpoint."
    return f"The core ended with code {code}: {last_line or 'it said nothing, see the log'}."


def _as_log(line: str) -> Message:
    return Log(line.rstrip())


def _environment() -> dict[str, str]:
    """Ours without what would send another Python to Blender's modules."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "PYTHONUTF8": "1"}


def _platform_options(log: IO[str] | None) -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    # The child holds the lock too: should Blender die, the shot is free only once the child has ended.
    return {"pass_fds": () if log is None else (log.fileno(),)}


def _locked(path: Path) -> IO[str]:
    """The file, emptied, open for writing, and locked for as long as it is open."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise JobError(
            f"The log {path} cannot be written ({error.strerror}): choose another output folder."
        ) from error
    try:
        _lock(file)
    except OSError as error:
        file.close()
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise JobError(
                f"A job already works on this shot (it holds {path}): wait for it or cancel it."
            ) from error
        raise JobError(
            f"{path} cannot be locked ({error.strerror}): choose an output folder on another disk."
        ) from error
    if file.tell() > 0:
        file.truncate(0)
    return file


def _lock(file: IO[str]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
