"""Where numba keeps the code that it has compiled, so that a run needs not compile it again."""

from __future__ import annotations

import os


def settle_folder() -> None:
    """Give numba a folder that can be written to where it would find none and refuse to load its loops.

    It looks beside the sources and in the user's own folders by itself; where neither may be written to (a package
    installed by root, an account without a home) a folder of this user's among the temporary ones is named to it. Read
    when numba is imported, so this comes first.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    if any(_may_write(folder) for folder in (os.path.dirname(__file__), os.path.expanduser("~"))):
        return
    import tempfile

    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = os.path.join(tempfile.gettempdir(), f"surface-sos-numba-{user}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # What lies there is run: a folder that somebody else has made is not used.
    if hasattr(os, "getuid") and os.stat(folder).st_uid != os.getuid():
        folder = tempfile.mkdtemp(prefix="surface-sos-numba-")
    os.environ["NUMBA_CACHE_DIR"] = folder


def _may_write(folder: str) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.W_OK)
