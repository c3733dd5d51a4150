"""The README's pictures of the sample, from the shot that demo.py has made.

python scripts/pictures.py [--shot out/demo] [--frame NAME] [--to docs/images]
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from environment import ROOT, ready_python

if TYPE_CHECKING:
    import numpy as np

    from surface_sos_core.layers.exr import FrameLayers

GREEN = 0.0, 0.6, 0.05  # scene-linear, of a green screen
TIMES = 2  # the sample is small


def frame_picture(layers: FrameLayers) -> np.ndarray:
    """Plate and matte over a checker, below them matte over green and clean plate, each TIMES as large as the layers.

    (2 TIMES H, 2 TIMES W, 3) uint8.
    """
    import cv2
    import numpy as np

    from surface_sos_core.evaluate.report import over_checker, to_display

    shown = (
        to_display(layers.over(layers.clean)),
        over_checker(layers.foreground),
        to_display(layers.over(np.float32(GREEN))),
        to_display(layers.clean),
    )
    plate, checker, green, clean = (
        cv2.resize(picture, None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC) for picture in shown
    )
    return np.vstack([np.hstack([plate, checker]), np.hstack([green, clean])])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shot", type=Path, default=ROOT / "out" / "demo", help="finished shot folder")
    parser.add_argument("--frame", default="plate.1012", help="the frame that is shown")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images", help="folder to write to")
    options = parser.parse_args()
    if importlib.util.find_spec("surface_sos_core") is None:  # started by another Python
        return subprocess.run([ready_python(), __file__, *sys.argv[1:]], check=False).returncode

    import cv2
    import numpy as np

    from surface_sos_core.evaluate.summary import report_data
    from surface_sos_core.layers.exr import read_layers
    from surface_sos_core.shot_folder import ShotFolder

    folder = ShotFolder(options.shot)
    made = {entry.name: entry.layers for entry in folder.manifest().frames}
    if not (layers := made.get(options.frame)):
        raise SystemExit(
            f"{options.shot} has no layers of a frame {options.frame}; run scripts/demo.py first."
        )
    pictures = {
        "sample": frame_picture(read_layers(folder.out / layers).in_rec709()),
        "mesh": np.hstack(report_data(folder).turntable),
    }
    for name, picture in pictures.items():
        (options.to / f"{name}.png").write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
