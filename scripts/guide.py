"""The pictures of docs/blender.md: one shot from an empty file to a rendered comp, pressed through in Blender's own window.

python scripts/guide.py [--work out/guide] [--to docs/images/blender]

Takes the sample, Debian's Blender 3.4 and a virtual screen, and the time of a run with the preset preview. The steps are in
guide_steps.py. A shot that is finished in WORK/shot is not made again. The pictures show the paths of WORK.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environment import ROOT, ready_python

SIZE = 1280, 800
QUALITY, TIMES = 82, 2  # of JPEG; how much larger small pictures are shown
STEPS = Path(__file__).with_name("guide_steps.py")


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Xvfb; yields its display."""
    read, write = os.pipe()
    width, height = SIZE
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    process = subprocess.Popen(words, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def install(work: Path) -> Path:
    """Blender's user folder with the add-on of this checkout."""
    subprocess.run(
        [sys.executable, str(ROOT / "build_addon.py"), "--out", str(work / "dist")], check=True, stdout=subprocess.DEVNULL
    )
    (legacy,) = (work / "dist").glob("*-legacy.zip")
    user = work / "user"
    with zipfile.ZipFile(legacy) as packed:
        packed.extractall(user / "scripts" / "addons")
    return user


def before_and_after(work: Path) -> None:
    """The upper half of the frame that was put right, over a checker: before and after."""
    import cv2
    import numpy as np

    from surface_sos_core.evaluate.report import over_checker
    from surface_sos_core.layers.exr import read_layers

    shown = []
    for name in ("before", "after"):
        picture = over_checker(read_layers(work / f"{name}.exr").foreground, 4)
        height, width = picture.shape[:2]
        shown.append(picture[: height // 2, width // 4 : width * 3 // 4])
    wide = cv2.resize(np.hstack(shown), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(work / "8_correction.png"), wide[..., ::-1])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "guide", help="folder for shot and pictures")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images" / "blender", help="folder to write to")
    options = parser.parse_args()
    if importlib.util.find_spec("surface_sos_core") is None:  # started by another Python
        return subprocess.run([ready_python(), __file__, *sys.argv[1:]], check=False).returncode

    import cv2

    work = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    user = install(work)
    shutil.copytree(ROOT / "samples", work / "samples", dirs_exist_ok=True)  # whose path the pictures show
    with virtual_screen() as display:
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")},
            "DISPLAY": display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "BLENDER_USER_RESOURCES": str(user),
            "SURFACE_SOS_PYTHON": sys.executable,
        }
        words = ["blender", "--factory-startup", "-noaudio", "-p", "0", "0", *map(str, SIZE), "-P", str(STEPS), "--"]
        words += [str(work / "samples"), str(work)]
        done = subprocess.run(words, env=environment, check=False)
    if done.returncode != 0:
        return done.returncode
    options.to.mkdir(parents=True, exist_ok=True)
    before_and_after(work)
    for picture in sorted(work.glob("*.png")):
        pixels = cv2.imread(str(picture))
        if pixels.shape[1] < SIZE[0] // TIMES:  # the sample's own size is small
            pixels = cv2.resize(pixels, None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC)
        kept = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        (options.to / f"{picture.stem}.jpg").write_bytes(kept)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
