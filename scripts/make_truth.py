"""Render shots with exact truth, to measure on: soft mattes, clean plates with and without shadow, mesh, cameras.

    python scripts/make_truth.py [SHOT ...] [--cache DIR]                 where bpy (4.2 or newer) can be imported
    blender -b -P scripts/make_truth.py -- [SHOT ...] [--cache DIR]       with an installed Blender

DIR gets a folder for each shot: plates/, masks/ (coarse, damaged as a detector's) and truth/. A shot that is there already
is kept. The shots, each of another kind:

    chair   circled; thin rods and holes
    bear    forward facing; fur and whiskers (fur has no surface: the skin below it is truth/skin.ply)
    can     hand-held among clutter, things in front; exposure drifts, and every frame is blurred by the camera's motion
    kettle  circled on a carpet; metal that mirrors, a second camera with another white balance, views from the ground
    wires   wires and straps of one or two pixels before hedges of small leaves
    board   a house on a board that belongs to it
    onboard the same on a board that does not
    white   white on white before a light wall
    lantern glass in part; panes count as the object, whatever is seen through them
    edge    reaches out of the picture in all frames
    walker-travelling, walker-turning, walker-zooming, walker-locked
            a figure that walks, with its shadow, before a camera that does so (no mesh)

Everything is procedural and seeded: the same options give the same pixels.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # Blender does not put a script's folder there

from shots import bear, board, can, chair, edge, kettle, lantern, walker, white, wires
from shots.filming import Look, Scene, make_shot

walking = partial(Scene, walker.build, surface=None, moves=walker.walk, shutter=0.01)
SCENES = {
    "chair": Scene(chair.build, chair.path),
    "bear": Scene(bear.build, bear.path, surface="skin.ply"),
    "can": Scene(can.build, can.path, shutter=0.005, grade=can.grade),
    "kettle": Scene(kettle.build, kettle.path, grade=kettle.grade),
    "wires": Scene(wires.build, wires.path),
    "board": Scene(partial(board.build, belongs=True), board.path),
    "onboard": Scene(partial(board.build, belongs=False), board.path),
    "white": Scene(white.build, white.path),
    "edge": Scene(edge.build, edge.path),
    "lantern": Scene(lantern.build, lantern.path),
    "walker-travelling": walking(path=walker.travelling),
    "walker-turning": walking(path=walker.turning),
    "walker-zooming": walking(path=walker.zooming, focal=walker.zoom),
    "walker-locked": walking(path=walker.locked),
}
CACHE = Path(__file__).resolve().parent.parent / "out" / "truth"


def main() -> None:
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shots", nargs="*", metavar="SHOT", help=f"of {', '.join(SCENES)}; all otherwise")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR", help="out/truth otherwise")
    parser.add_argument("--small", action="store_true", help="6 frames of 160x90, in seconds")
    parser.add_argument("--frames", type=int, help="24 otherwise")
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="320 180 otherwise")
    parser.add_argument("--samples", type=int, help="Cycles samples per pixel, denoised; 20 otherwise")
    parser.add_argument("--threads", type=int, default=0, help="of Cycles; all cores otherwise")
    options = parser.parse_args(arguments)
    if unknown := set(options.shots) - set(SCENES):
        parser.error(f"there is no shot called {min(unknown)}; choose of {', '.join(SCENES)}")
    frames, size, samples = (6, (160, 90), 12) if options.small else (24, (320, 180), 20)
    look = Look(tuple(options.size or size), options.samples or samples, 95, options.threads)
    for name in options.shots or SCENES:
        out = options.cache / name
        if out.exists():
            print(f"{out} is there already", flush=True)
            continue
        # Rendered beside its place, so that a shot in the cache is always a whole one.
        partial = out.with_name(f".{name}.{os.getpid()}")
        try:
            make_shot(partial, SCENES[name], options.frames or frames, look)
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        print(f"{out} is done", flush=True)


if __name__ == "__main__":
    main()
