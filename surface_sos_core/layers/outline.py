"""The outline of a matte moved to the picture's own edge: a graph cut at full resolution, in a band around it.

Matting reads alpha off windows of 3 x 3 pixels, so that a pattern's own edges leave bays and specks in the outline. What lies on
either side of the band is known: it tells which colours the object and the background have here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from surface_sos_core.layers.refine import thin_parts
from surface_sos_core.masks.colours import colours_tell
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.settings import ColourSettings, EdgeSettings, MattingSettings, RedrawSettings
from surface_sos_core.shapes import around_outline, part_around
from surface_sos_core.stereo.known_depth import KnownDepth

_KNOWN = 20.0  # log odds off the band, more than all else together


def cut_outline(
    display: np.ndarray,
    alpha: np.ndarray,
    radius: int,
    settings: RedrawSettings,
    matting: MattingSettings,
    colours: ColourSettings,
    edges: EdgeSettings,
) -> np.ndarray:
    """Alpha (H, W) that is 0 or 1, its outline within `radius` pixels where the plate wants it; on thin parts as it was.

    display: (H, W, 3) plate in display values. In the band each pixel's log odds are

        ln(a / (1 - a)) + ln(p(colour | object nearby) / p(colour | background nearby))

    the first, of the alpha so far, cut off at `opinion`; the second learnt on both sides of the band. A graph cut draws the
    outline, along edges where it may. It would cut thin parts short, which are mostly outline.
    """
    inside = alpha > 0.5
    band = around_outline(inside, radius)
    if not band.any():
        return alpha
    part = part_around(band, round(settings.around * radius))
    rgb = np.rint(255 * display[part].clip(0, 1)).astype(np.uint8)
    own, open_ = inside[part], band[part]
    least = 1.0 / (1.0 + np.exp(settings.opinion))
    so_far = alpha[part].clip(least, 1.0 - least)
    odds = np.log(so_far / (1.0 - so_far)) + colours_tell(rgb, own & ~open_, ~own & ~open_, colours)
    odds = np.where(open_, odds, _KNOWN * (2.0 * own - 1.0))
    smooth = replace(edges, smoothness=settings.smoothness * radius)
    tight = part_around(open_, 1)
    inside[part][tight] = cut(rgb[tight], odds[tight], KnownDepth(np.zeros(odds[tight].shape), 0.0), smooth)
    return np.where(thin_parts(alpha, radius, matting), alpha, inside.astype(np.float32))
