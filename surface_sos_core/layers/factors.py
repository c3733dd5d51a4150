"""Factors of large sparse systems."""

from __future__ import annotations

from typing import Any

import scipy.sparse


def incomplete_factors(system: scipy.sparse.spmatrix, discard: float) -> Any:
    """Thresholded incomplete Cholesky factors of a positive definite `system` (N, N), which precondition its solver.

    discard: entries of the factors below it are left out. Where the rest is not positive definite any more, ever more is
    added to the diagonal. pymatting prints a warning of several lines each time, of which nobody learns anything: its own
    print is silenced, since a redirected stdout would be that of all threads. Raises ValueError where nothing helps.
    """
    from pymatting import ichol  # not above, since it is compiled for half a minute where it is first loaded

    ichol.__globals__["print"] = _silent
    return ichol(system, discard_threshold=discard)


def _silent(*_: object) -> None:
    pass
