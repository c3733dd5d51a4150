"""Runs a module or a script, and ends it as Ctrl-C would as soon as its stdin closes.

    PYTHON guard.py -m MODULE ARGUMENTS...    or    PYTHON guard.py SCRIPT ARGUMENTS...

Blender holds the other end of stdin. It closes it to cancel, and the system closes it when Blender ends in whatever
way, so that no job outlives Blender. Runs in the core's Python: standard library only, nothing of the add-on.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 60.0  # for keeping a checkpoint
CANCELLED = 130


def main() -> None:
    pipe = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what is run must not wait for this pipe
    threading.Thread(target=_watch, args=(pipe,), daemon=True).start()
    if sys.platform != "win32":
        os.nice(10)  # Blender's interface comes first
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this folder, whose modules are the add-on's own
    del sys.argv[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


def _watch(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGBREAK)
    else:
        # To the main thread, so that it wakes from whatever it waits for.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(CANCELLED)


if __name__ == "__main__":
    main()
