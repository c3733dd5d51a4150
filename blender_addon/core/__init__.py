"""The standard-library modules that the add-on shares with the core: events, frame_numbers, manifest, wording.

In the zip they lie beside this file; in a checkout they are read from where the core has them, for scripts/batch.py also
jobs_file.
"""

from pathlib import Path

_here = Path(__file__).resolve().parent
if not (_here / "events.py").exists():
    __path__.append(str(_here.parents[1] / "surface_sos_core"))
