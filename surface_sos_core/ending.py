"""How a run ends: an exit code and one line that says what went wrong and what to do about it."""

from __future__ import annotations

import errno
from pathlib import Path

from surface_sos_core.errors import Cancelled, InputError, SetupError, SurfaceSosError, is_out_of_memory
from surface_sos_core.jobs_file import JobsError
from surface_sos_core.manifest import ManifestError

PROGRAM = "surface-sos"


def explain(error: BaseException, out: Path | None = None) -> tuple[str, int]:
    """One line that says what went wrong and what to do, and the exit code. `out`: the folder written to."""
    asked = asked_to_end(error)
    if asked is not None:
        return _cancelled(asked, out), Cancelled.exit_code
    if isinstance(error, SurfaceSosError):
        return _one_line(error), error.exit_code
    if isinstance(error, ManifestError | JobsError):
        return _one_line(error), InputError.exit_code
    if is_out_of_memory(error):
        return (
            "There is not enough memory: close other programs, or use --preset preview or smaller plates.",
            SetupError.exit_code,
        )
    if isinstance(error, ImportError) and not (error.name or "").startswith("surface_sos_core"):
        return (
            f"{_one_line(error)}: `{PROGRAM} doctor` names what is missing and how to install it.",
            SetupError.exit_code,
        )
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _FULL):
        return _explain_file(error, out)
    return (
        f"{type(error).__name__}: {_one_line(error)}; run again with --debug to see where, and report it.",
        SurfaceSosError.exit_code,
    )


_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_INPUT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)


def _explain_file(error: OSError, out: Path | None) -> tuple[str, int]:
    place = error.filename if error.filename is not None else out
    if error.errno in _FULL:
        return f"The disk of {place} is full: make room, or choose another --out.", SetupError.exit_code
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return (
            f"{place} may not be read or written: change its permissions, or choose another path.",
            SetupError.exit_code,
        )
    code = InputError.exit_code if isinstance(error, _INPUT) else SetupError.exit_code
    return f"{place}: {error.strerror or type(error).__name__}; check the path.", code


def asked_to_end(error: BaseException | None) -> BaseException | None:
    """What a signal raised, also as the cause of another error: compiled code and the making of classes wrap it in theirs."""
    while error is not None and not isinstance(error, KeyboardInterrupt | Cancelled):
        error = error.__cause__
    return error


def _cancelled(error: BaseException, out: Path | None) -> str:
    reason = f"{_one_line(error)}; " if isinstance(error, Cancelled) and str(error) else ""
    if out is not None and any(Path(out, "checkpoint").glob("*")):
        return f"{reason}a checkpoint is kept in {out}; the same command with --resume goes on from there."
    return f"{reason}nothing is left half written."


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
