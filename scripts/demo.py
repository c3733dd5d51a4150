"""From nothing to finished layers: make the environment, segment the sample shot, measure it against its truth.

python scripts/demo.py [--preset preview|default|quality] [--out DIR]
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from environment import ROOT, ready_python


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="default", help="preview, default or quality")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "out" / "demo", help="folder to write, replaced if there"
    )
    options = parser.parse_args()
    out, samples = options.out.absolute(), ROOT / "samples"
    core = [str(ready_python()), "-m", "surface_sos_core"]

    segment = [
        *core,
        "segment",
        str(samples / "plates"),
        "--masks",
        str(samples / "masks"),
        "--out",
        str(out),
    ]
    for command in (
        [*segment, "--preset", options.preset, "--overwrite"],
        [*core, "eval", str(out), "--truth", str(samples / "truth")],
    ):
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code != 0:
            return code

    print("\nMade from samples/plates:")
    print(f"  mattes, clean plates, depth, normals   {out / 'layers'}")
    print(f"  surface                                {out / 'mesh' / 'object.ply'}")
    print(f"  cameras                                {out / 'cameras'}")
    print(f"  report                                 {out / 'report.html'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
