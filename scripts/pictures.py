"""The documents' pictures of the sample, from the shot that demo.py has made.

python scripts/pictures.py [--shot out/demo] [--frame NAME] [--to docs/images] [--earlier OUT --truth samples/truth]
python scripts/pictures.py --moving OUT [--to docs/images]

sample.png and mesh.png show a frame and the surface, hole.webp plate and clean plate of all frames where the object is, one after
the other. --earlier: a shot of the same footage by other code; plates.jpg then sets its clean plates beside this one's and the truth.
--moving: a shot whose subject moves; moving.webp shows plate, matte over a checker and clean plate of all frames, nothing else is written.
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
    from collections.abc import Sequence

    import numpy as np

    from surface_sos_core.layers.exr import FrameLayers
    from surface_sos_core.shot_folder import ShotFolder

GREEN = 0.0, 0.6, 0.05  # scene-linear, of a green screen
TIMES = 2  # the sample is small
GAP = 4  # pixels between the pictures of a page
AROUND = 12  # pixels around the object that a loop shows, before it is enlarged
SECONDS = 0.08  # for each frame of a loop


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


def plates_page(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures (h, w, 3) uint8 of one size, row by row, with a white gap between them."""
    import numpy as np

    def framed(picture: np.ndarray) -> np.ndarray:
        return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)

    return np.vstack([np.hstack([framed(picture) for picture in row]) for row in rows])[:-GAP, :-GAP]


def hole_loop(frames: Sequence[FrameLayers]) -> list[np.ndarray]:
    """Plate and clean plate side by side where any of the frames has the object, forth and back: (h, w, 3) uint8 each."""
    import cv2
    import numpy as np

    from surface_sos_core.evaluate.report import to_display
    from surface_sos_core.shapes import part_around

    part = part_around(np.any([layers.foreground[..., 3] > 0 for layers in frames], axis=0), AROUND)
    shown = [
        cv2.resize(
            plates_page([[to_display(layers.over(layers.clean))[part], to_display(layers.clean)[part]]]),
            None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC,
        )
        for layers in frames
    ]  # fmt: skip
    return shown + shown[-2:0:-1]


def moving_loop(frames: Sequence[FrameLayers]) -> list[np.ndarray]:
    """Plate, matte over a checker and clean plate of each frame side by side: (h, w, 3) uint8 each."""
    from surface_sos_core.evaluate.report import over_checker, to_display

    return [
        plates_page(
            [[to_display(layers.over(layers.clean)), over_checker(layers.foreground), to_display(layers.clean)]]
        )
        for layers in frames
    ]


def all_layers(folder: ShotFolder) -> dict[str, FrameLayers]:
    """The layers of a shot in linear Rec.709, by the frames' names."""
    from surface_sos_core.layers.exr import read_layers

    entries = folder.manifest().frames
    return {e.name: read_layers(folder.out / e.layers).in_rec709() for e in entries if e.layers}


def write_picture(file: Path, picture: np.ndarray) -> None:
    """A picture (h, w, 3) uint8 in the format of the file's name."""
    import cv2

    file.write_bytes(cv2.imencode(file.suffix, picture[..., ::-1])[1].tobytes())


def write_loop(file: Path, pictures: Sequence[np.ndarray]) -> None:
    """An animated picture that goes on for ever; SystemExit where it cannot be written."""
    import cv2

    animation = cv2.Animation()
    animation.frames = [picture[..., ::-1].copy() for picture in pictures]
    animation.durations = [round(1000 * SECONDS)] * len(pictures)
    if not cv2.imwriteanimation(str(file), animation, [cv2.IMWRITE_WEBP_QUALITY, 60]):
        raise SystemExit(f"{file} could not be written; is there room, and may it be written to?")


def compared(
    frames: dict[str, FrameLayers], earlier: dict[str, FrameLayers], truth: Path
) -> list[list[np.ndarray]]:
    """Four frames a row each: plate, clean plate by the earlier shot, by this one, and the truth's."""
    import cv2

    from surface_sos_core.evaluate.report import to_display

    shared = [name for name in frames if name in earlier]
    rows = []
    for name in shared[:: max(1, len(shared) // 4)][:4]:
        layers, true = frames[name], cv2.imread(str(next((truth / "clean").glob(f"{name}.*"))))
        shown = (
            to_display(layers.over(layers.clean)),
            to_display(earlier[name].clean),
            to_display(layers.clean),
        )
        rows.append([*shown, true[..., ::-1]])
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shot", type=Path, default=ROOT / "out" / "demo", help="finished shot folder")
    parser.add_argument("--frame", default="plate.1012", help="the frame that is shown")
    parser.add_argument("--earlier", type=Path, help="a shot of the same footage by other code")
    parser.add_argument(
        "--truth", type=Path, default=ROOT / "samples" / "truth", help="the footage's, for --earlier"
    )
    parser.add_argument("--moving", type=Path, metavar="OUT", help="finished shot whose subject moves")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images", help="folder to write to")
    options = parser.parse_args()
    if importlib.util.find_spec("surface_sos_core") is None:  # started by another Python
        return subprocess.run([ready_python(), __file__, *sys.argv[1:]], check=False).returncode

    import numpy as np

    from surface_sos_core.evaluate.summary import report_data
    from surface_sos_core.shot_folder import ShotFolder

    if options.moving is not None:
        shown = all_layers(ShotFolder(options.moving))
        write_loop(options.to / "moving.webp", moving_loop(list(shown.values())))
        return 0
    folder = ShotFolder(options.shot)
    frames = all_layers(folder)
    if options.frame not in frames:
        raise SystemExit(
            f"{options.shot} has no layers of a frame {options.frame}; run scripts/demo.py first."
        )
    pictures = {
        "sample": frame_picture(frames[options.frame]),
        "mesh": np.hstack(report_data(folder).turntable),
    }
    for name, picture in pictures.items():
        write_picture(options.to / f"{name}.png", picture)
    if options.earlier is not None:
        earlier = all_layers(ShotFolder(options.earlier))
        write_picture(options.to / "plates.jpg", plates_page(compared(frames, earlier, options.truth)))
    write_loop(options.to / "hole.webp", hole_loop(list(frames.values())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
