"""Files that appear whole or not at all, and what a run that was killed leaves of them."""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PARTIAL = re.compile(r"\..*\.[0-9a-f]{8}(\.[^.]+)?", re.DOTALL)
_LONGEST_STEM = 48  # what is written beside a file must not have a name too long for the disk


@contextmanager
def write_atomically(path: Path, previous: Path | None = None) -> Iterator[Path]:
    """Yields a path beside `path` to write to, and moves it into place when the block ends well.

    The temporary name keeps the suffix, since many writers choose the format by it. What is moved has reached the disk,
    so that a power cut leaves the old file or the new one. `previous`: where the file that was at `path` is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem[:_LONGEST_STEM]}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield partial
        _sync_file(partial)
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(partial, path)
        _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def is_partial(path: Path) -> bool:
    """Whether the name is one that `write_atomically` writes under."""
    return _PARTIAL.fullmatch(path.name) is not None


def system_error(error: Exception, path: Path) -> Exception:
    """The OSError about `path` that a library has put into words of its own, or the error as it is."""
    for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG):
        if os.strerror(number) in str(error):
            return OSError(number, os.strerror(number), str(path))
    return error


def _sync_file(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Let the folder's new entry reach the disk, where the system has a way to ask for it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # network disks need not know it
            os.fsync(handle)
    finally:
        os.close(handle)
