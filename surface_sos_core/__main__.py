"""python -m surface_sos_core: the command line."""

import sys

from surface_sos_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
