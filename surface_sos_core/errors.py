"""Everything that can end a run, each with the exit code that the command line promises.

A message is one sentence that names the file or frame and what to do about it; it is shown as it is.
"""

import errno


class SurfaceSosError(Exception):
    """Base of every error the project raises on purpose; on its own it means a fault of ours."""

    exit_code = 1


class InputError(SurfaceSosError):
    """Footage, masks, a camera model, an option or an output folder that cannot be used."""

    exit_code = 2


class SetupError(SurfaceSosError):
    """Something the run needs is missing on this machine (a library, a device, disk space)."""

    exit_code = 3


class SolveError(SurfaceSosError):
    """The cameras could not be solved from the footage."""

    exit_code = 4


class ShotsFailed(SurfaceSosError):
    """Some of many shots failed; the exit code is that of the first one."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Cancelled(SurfaceSosError):
    """The user asked to stop; a checkpoint is kept."""

    exit_code = 130


def is_out_of_memory(error: BaseException) -> bool:
    """Python's word for it, or PyTorch's or OpenCV's, neither of which may be loaded yet."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if "OutOfMemoryError" in {kind.__name__ for kind in type(error).__mro__}:
        return True
    phrases = (
        "not enough memory", "can't allocate memory", "Insufficient memory", "can't start new thread", "bad_alloc",
        "bad allocation",
    )  # fmt: skip
    return any(phrase in str(error) for phrase in phrases)
