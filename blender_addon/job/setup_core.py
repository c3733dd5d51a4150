"""Makes the environment of the core for "Set up", in a Python of the system: PYTHON setup_core.py FOLDER WHEEL

environment.py and constraints.txt lie in the folder above it in the zip. Says how it goes as the core does, in events.
"""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

import environment
from core.events import Events, json_line  # type: ignore[import-not-found]


def main(folder: Path, wheel: Path) -> int:
    signal.signal(signal.SIGTERM, _cancel)  # so that pip ends with us
    events = Events(lambda event: print(json_line(event), end="", flush=True))
    try:
        events.stage("environment", 1, 2)
        environment.make(folder, environment.has_nvidia_gpu(), [str(wheel)], HERE / "constraints.txt")
        events.stage("check", 2, 2)
        environment.call(str(environment.venv_python(folder)), "-m", "surface_sos_core", "doctor")
    except KeyboardInterrupt:
        events.error("Set up was cancelled; press it again to begin anew.", 130)
        return 130
    except SystemExit:
        events.error(f"The environment in {folder} could not be made; the log beside it tells why.", 3)
        return 3
    return 0


def _cancel(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
