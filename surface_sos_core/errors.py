"""Everything that can end a run, each with the exit code that the command line promises.

A message is one sentence that names the file or frame and what to do about it; it is shown as it is.
"""


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


class Cancelled(SurfaceSosError):
    """The user asked to stop; a checkpoint is kept."""

    exit_code = 130
