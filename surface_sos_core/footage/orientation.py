"""How pictures lie: the one rule for plates, masks and what the camera solver sees.

Frames in image files are used as their pixels are stored, whatever an EXIF or TIFF orientation says: so do COLMAP,
Blender and Nuke, and cameras and layers have to fit there. Frames of a movie are turned as its display matrix says, as
players and everything that takes frames out of movies do. HEIC and AVIF turn their pictures as a part of decoding.

Whoever draws masks on frames with an orientation sees them upright, however. `stored` brings such masks back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

_WORDS = {
    1: "upright", 2: "mirrored", 3: "upside down", 4: "mirrored and upside down", 5: "mirrored and lying on the side",
    6: "lying on the left side", 7: "mirrored and lying on the side", 8: "lying on the right side",
}  # fmt: skip


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W, ..) as a viewer shows them that heeds the EXIF orientation, 1 to 8 (TIFF 6.0, tag 274)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of `upright`."""
    return upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def described(orientations: Iterable[int]) -> str:
    """What frames with such orientations look like in the pixels that are used, "" where none asks to be turned."""
    turned = Counter(orientations)
    turned.pop(1, None)
    if not turned:
        return ""
    kinds = ", ".join(
        f"{count} with EXIF orientation {turn} ({_WORDS[turn]})" for turn, count in sorted(turned.items())
    )
    return f"frames are used as stored, not turned: {kinds}"


def of_matrix(matrix: np.ndarray) -> int:
    """The EXIF orientation of a movie's display matrix (3, 3) (ISO 14496-12, section 6.2.2), which acts on rows (x, y, 1).

    Raises ValueError for one that is no turn by quarters or mirror image.
    """
    linear = np.asarray(matrix, float)[:2, :2]
    size = np.abs(linear).max()
    if size == 0:
        return 1
    turns = {(1, 0, 0, 1): 1, (-1, 0, 0, 1): 2, (-1, 0, 0, -1): 3, (1, 0, 0, -1): 4}
    turns |= {(0, 1, 1, 0): 5, (0, 1, -1, 0): 6, (0, -1, -1, 0): 7, (0, -1, 1, 0): 8}
    a, b, c, d = (int(value) for value in np.rint(linear / size).ravel())
    found = turns.get((a, b, c, d))
    if found is None:
        raise ValueError("its frames are to be turned by an angle that is no quarter")
    return found
