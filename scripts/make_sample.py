"""Render the sample shot and its truth with Cycles: a wind-up robot on a table, filmed by a hand-held camera.

    python scripts/make_sample.py OUT                 where bpy (4.2 or newer) can be imported
    blender -b -P scripts/make_sample.py -- OUT       with an installed Blender

OUT gets plates/, masks/ (coarse and damaged as a detector's), and truth/ with matte/, clean/, mesh.ply and cameras/
(COLMAP text). Everything is procedural and seeded: the same options give the same shot.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # Blender does not put a script's folder there

from shots import robot
from shots.filming import Look, Scene, make_shot

SAMPLE = Scene(robot.build, robot.path, shadowed=False)


def main() -> None:
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 180), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--samples", type=int, default=20, help="Cycles samples per pixel, denoised")
    parser.add_argument("--quality", type=int, default=94, help="JPEG quality")
    parser.add_argument("--only", type=int, nargs="+", help="render these frame numbers only (no masks)")
    options = parser.parse_args(arguments)
    look = Look(tuple(options.size), options.samples, options.quality)
    make_shot(options.out, SAMPLE, options.frames, look, options.only or ())


if __name__ == "__main__":
    main()
