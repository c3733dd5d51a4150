"""The command line: what may be typed (parsers), what each command calls (commands), and where its words go (output).

0 done   1 our fault   2 bad input   3 environment   4 cameras could not be solved   130 cancelled
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress

from surface_sos_core.cli.output import asks_for_events, leave_untold, output, signals_cancel
from surface_sos_core.cli.parsers import parser
from surface_sos_core.ending import explain
from surface_sos_core.errors import Cancelled, SurfaceSosError
from surface_sos_core.events import Events

__all__ = ["explain", "main"]

_TITLES = {SurfaceSosError.exit_code: "Internal error", Cancelled.exit_code: "Cancelled"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    with warnings.catch_warnings(), output(asks_for_events(words)) as listener:
        if not debug:
            warnings.simplefilter("ignore")  # of libraries; ours are events
        out = None
        try:
            with signals_cancel():
                args = parser().parse_args(words)
                out = getattr(args, "out", None)
                args.command(args, listener)
            return 0
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (told, with its exit code)
            if debug:
                traceback.print_exception(error)
            message, code = explain(error, out)
            if code == Cancelled.exit_code and sys.unraisablehook is sys.__unraisablehook__:
                sys.unraisablehook = leave_untold  # objects cut in their making trip over their own end
            with suppress(Cancelled):  # nobody reads the events: stderr is left
                Events(listener).error(message, code)
            listener.close()
            print(f"{_TITLES.get(code, 'Error')}: {message}", file=sys.stderr)
            return code
