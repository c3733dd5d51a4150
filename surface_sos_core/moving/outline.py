"""Where in a frame the subject is, by what its mask says about, by colours, and by what the background does not explain."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.masks.colours import LearntColours, colours_of, nearby_log_odds
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.settings import ColourSettings, OutlineSettings, Settings, ShadowColourSettings
from surface_sos_core.shapes import part_around
from surface_sos_core.stereo.known_depth import KnownDepth


@dataclass(frozen=True)
class Behind:
    """What is behind the subject, about: colour (h, w, 3) display values, its spread (h, w) over time, known (h, w) bool."""

    colour: np.ndarray
    spread: np.ndarray
    known: np.ndarray


def learn_colours(
    pictures: list[np.ndarray], votes: list[np.ndarray], settings: ColourSettings, sure: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """How often (COLOURS,) the subject and all else have each colour, over pictures (h, w, 3) uint8 and votes (h, w), where
    these are above `sure` or below 1 - `sure`; None where one of them never is."""
    learnt = LearntColours(settings)
    for rgb, vote in zip(pictures, votes, strict=True):
        learnt.add(colours_of(rgb, settings), vote > sure, vote < 1 - sure)
    return learnt.frequencies()


def outline(
    rgb: np.ndarray,
    vote: np.ndarray,
    behind: Behind,
    often: tuple[np.ndarray, np.ndarray] | None,
    settings: Settings,
) -> np.ndarray:
    """(h, w) bool: the subject in a picture (h, w, 3) uint8, by the votes (h, w) for it and the picture.

    A graph cut of log odds: the signed distance from the votes' outline, how the colours nearby are told apart, and how
    little the background explains. Colours count as far as they are right on both sides of the outline, a little away from it
    (the colour confidence of Bai et al., "Video SnapCut", 2009). What the background does not explain counts as far as that is
    rare outside, and what it explains as far as that is rare inside: so a lost part, wrong on one side, is given back.
    """
    own, inside = settings.outline, vote > 0.5
    if not inside.any() or inside.all():
        return inside
    edge = max(vote.shape)
    part = part_around(vote > own.possible, round(own.margin * edge))
    distance = signed_distance(inside[part])
    odds = np.clip(distance / (own.prior_width * edge), -own.most_prior, own.most_prior)
    heard = own.heard * edge
    away = np.abs(distance)
    ring = (away > own.ring_from * edge) & (away < own.ring_to * edge)
    if often is not None:
        sure = vote > own.sure, vote < 1 - own.sure
        colour = nearby_log_odds(rgb, *sure, often, settings.colours)[part]
        wrong = [_wrong(colour, distance > 0, ring & side, heard) for side in (distance > 0, distance <= 0)]
        odds = odds + own.colour_weight * _confidence(np.maximum(*wrong)) * colour
    unexplained = difference_odds(rgb, behind, own, settings.shadow_colour)[part]
    within = _wrong(unexplained, distance > 0, ring & (distance > 0), heard)
    outer = (distance < -own.ring_from * edge) & (away < own.outside_to * edge)
    without = _wrong(unexplained, distance > 0, outer, own.outside_heard * edge)
    believed = _confidence(np.where(unexplained > 0, without, within))
    odds = odds + own.background_weight * believed * unexplained
    out = np.zeros(vote.shape, bool)
    edges = replace(settings.edges, smoothness=own.smoothness)
    found = cut(rgb[part], odds, KnownDepth(np.zeros(odds.shape), 0.0), edges)
    out[part] = touching(found, inside[part])
    return out


def touching(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """(h, w) bool: the pieces of a mask (h, w) bool that the seed (h, w) bool touches."""
    label, _ = ndimage.label(mask, np.ones((3, 3)))
    held = np.unique(label[seed & mask])
    return mask & np.isin(label, held)


def signed_distance(inside: np.ndarray) -> np.ndarray:
    """(h, w) pixels from the outline of a mask (h, w) bool, above 0 in it."""
    within, without = ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside)
    return np.where(inside, within - 0.5, 0.5 - without)


def difference_odds(
    rgb: np.ndarray,
    behind: Behind,
    settings: OutlineSettings,
    shadows: ShadowColourSettings,
    by_texture: bool = False,
) -> np.ndarray:
    """(h, w) log odds that a pixel is not background, by how much it differs from what is behind; 0 where that is not known.

    What is as the background but darker may be the subject's shadow, and tells nothing; by_texture: unless the background has
    texture there that the picture has not, which finds a subject, but is too coarse to draw its outline.
    """
    own = cv2.GaussianBlur(rgb.astype(np.float32) / 255.0, (0, 0), settings.blur)
    clean = cv2.GaussianBlur(behind.colour.astype(np.float32), (0, 0), settings.blur)
    spread = cv2.GaussianBlur(behind.spread.astype(np.float32), (0, 0), settings.noise_blur)
    apart = np.abs(own - clean).max(axis=-1) / (spread + settings.noise)
    odds = settings.most * np.clip((apart - settings.noticed) / settings.plain, -1.0, 1.0)
    shadow = may_be_shadow(own, clean, shadows)
    if by_texture:
        shadow &= ~texture_lost(own, clean, shadows)
    odds = np.where(shadow, np.minimum(odds, 0.0), odds)
    return np.where(behind.known, odds, 0.0)


def may_be_shadow(own: np.ndarray, clean: np.ndarray, settings: ShadowColourSettings) -> np.ndarray:
    """(h, w) bool: where a picture (h, w, 3) in display values has the clean plate's tint, but is darker."""
    own, clean = np.maximum(own, 0.0), np.maximum(clean, 0.0)  # cubic interpolation swings below
    ratio = np.log((own + settings.lift) / (clean + settings.lift))
    depth, tint = -ratio.mean(axis=-1), ratio.max(axis=-1) - ratio.min(axis=-1)
    dark = (depth > settings.faintest) & (depth < settings.deepest)
    return dark & (tint < settings.tint + settings.deep_tint * depth)


def clearly_darker(own: np.ndarray, clean: np.ndarray, settings: ShadowColourSettings) -> np.ndarray:
    """The same where it is as dark as plain shadows are."""
    return may_be_shadow(own, clean, replace(settings, faintest=settings.plain))


def texture_lost(own: np.ndarray, clean: np.ndarray, settings: ShadowColourSettings) -> np.ndarray:
    """(h, w) bool: where the clean plate (h, w, 3), in display values, has texture that a picture of it has not."""
    kept, there = _texture(own, clean, settings)
    return there & (kept < settings.texture_kept)


def in_shadow(
    rgb: np.ndarray, behind: Behind, outlines: OutlineSettings, settings: ShadowColourSettings
) -> np.ndarray:
    """(h, w) bool: where a picture (h, w, 3) uint8 surely shows the background, but in shadow: clearly darker, of its tint, and
    with the texture that it has there."""
    own = cv2.GaussianBlur(rgb.astype(np.float32) / 255.0, (0, 0), outlines.blur)
    clean = cv2.GaussianBlur(behind.colour.astype(np.float32), (0, 0), outlines.blur)
    kept, there = _texture(own, clean, settings)
    dark = clearly_darker(own, clean, settings)
    return behind.known & dark & there & (kept >= settings.texture_kept)


def _texture(
    own: np.ndarray, clean: np.ndarray, settings: ShadowColourSettings
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) how much of the clean plate's texture a picture of it keeps, and (h, w) bool where it has any; both pictures
    (h, w, 3) display values.

    A shadow takes light, so the texture's slopes stay in the logarithm, also at the shadow's own outline: the coefficient

        c = sum(g . g') / sum(g . g)

    of the picture's slopes g' by the plate's g, summed around each pixel, is 1 in shadow and 0 where something else is seen.
    """
    own, clean = np.maximum(own, 0.0), np.maximum(clean, 0.0)  # cubic interpolation swings below
    sigma = settings.texture_around * max(own.shape)
    seen, slope = (np.stack(np.gradient(np.log(one.mean(axis=-1) + settings.lift))) for one in (own, clean))
    # No steeper than the texture, or the shadow's own outline would outweigh it.
    seen = seen * np.minimum(
        1.0, np.linalg.norm(slope, axis=0) / np.maximum(np.linalg.norm(seen, axis=0), 1e-6)
    )
    kept, whole = (
        cv2.GaussianBlur((slope * other).sum(axis=0).astype(np.float32), (0, 0), sigma)
        for other in (seen, slope)
    )
    return kept / np.maximum(whole, 1e-12), whole > settings.texture**2


def _wrong(odds: np.ndarray, inside: np.ndarray, where: np.ndarray, sigma: float) -> np.ndarray:
    """(h, w) 0 to 1: how far a cue's log odds (h, w) are wrong within about `sigma` pixels, of those `where` (h, w) bool it is
    known what is inside (h, w) bool."""
    weight = where.astype(np.float32)
    wrong = weight * np.abs(inside - 1.0 / (1.0 + np.exp(-odds))).astype(np.float32)
    total = cv2.GaussianBlur(wrong, (0, 0), sigma)
    return total / (cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-4)


def _confidence(wrong: np.ndarray) -> np.ndarray:
    """0 to 1: what a cue counts that is so far wrong; one that is wrong by half tells nothing."""
    return np.clip(1.0 - 2.0 * wrong, 0.0, 1.0)
