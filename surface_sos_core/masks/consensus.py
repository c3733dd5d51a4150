"""The probability map m^P: how much the coarse masks of all views agree, in 3D, that a place is the object.

A vote of a view for a point is its mask's value where the point projects. A single share of votes says nothing alone: a
point just outside the object is inside most silhouettes. So the share that counts as the border is the one whose hull
looks most like the masks themselves, and views and pixels that contradict that hull lose their say, round by round.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.arrays import DAMAGE, read_arrays, read_head
from surface_sos_core.cameras import Box, Camera
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.frame_stack import FrameStack, let_go
from surface_sos_core.masks.coarse import LONG_EDGE, CoarseMasks
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.thin_parts import find_thin_parts
from surface_sos_core.settings import ConsensusSettings

_SHARES = np.arange(0.40, 0.98, 0.03)
_SOFTNESS = 0.05  # how fast m^P rises with the share of votes at the border
_THIN = 0.75  # share of the border's votes that thin parts still get
_THIN_VIEWS = 60  # at most so many views are asked about thin parts
_THIN_PROBABILITY = 0.6  # m^P of thin parts: in, but colour may still take them out
_FIT_CELLS = 48  # cells a side of the grid that the box is fitted with
_KEPT_BYTES = 1 << 28  # at most, of what is kept beside the masks
_AGREED = ("grid", "trust", "agreement", "centre", "half", "rotation")
_CONTRADICTED = 0.55  # median IoU of masks with the hull, below which something is wrong with most of them
_LOOK = 128  # pixels along the longer edge of the pictures in which hulls and masks are compared


@dataclass(frozen=True)
class Consensus:
    """What the views agree on."""

    box: Box
    grid: np.ndarray
    """(R, R, R) float32, m^P over the whole box, its cells as long-sided as the box is; 0.5 at the object's border;
    indexed x, y, z."""
    trust: np.ndarray
    """(frames, h, w) uint8, how far each place of a mask is believed (255: fully), at most 128 pixels along the longer
    edge; 0 in frames whose mask is unknown."""
    agreement: np.ndarray
    """(frames,) IoU of each mask with the hull; nan where there is no mask or no camera."""


def build_consensus(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    settings: ConsensusSettings,
    box: Box | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Consensus:
    """Count the votes, fit the box (unless one is given), and settle whom to trust.

    masks.probability: (n, h, w) uint8 beside n cameras. Raises InputError where no object can be agreed on.
    """
    usable = np.array(
        [masks.known[i] and not masks.empty[i] and cameras[i] is not None for i in range(len(cameras))]
    )
    if usable.sum() < 2:
        raise InputError(
            "Fewer than two frames have both a camera and a mask that is not empty; add masks for more frames."
        )
    if box is None:
        box = _fit_box(masks, cameras, usable, settings)
    voters = evenly(np.flatnonzero(usable), settings.views)
    look_width, look_height = _look_size(masks.probability[0])
    trust = np.zeros((len(cameras), look_height, look_width), dtype=np.uint8)
    trust[usable] = 255
    weights = np.ones(len(cameras))
    region = np.ones((settings.resolution // 2,) * 3, dtype=bool)
    for round_ in range(settings.rounds):
        last = round_ == settings.rounds - 1
        if last:  # in full detail, but only where the coarse rounds found the object
            region = region.repeat(2, 0).repeat(2, 1).repeat(2, 2)
        share = _count_votes(masks, cameras, voters, weights, trust, box, region)
        border, _ = _best_share(share, masks, cameras, voters, box)
        region = ndimage.binary_dilation(share > 0.6 * border, iterations=2)
        judged = np.flatnonzero(usable) if last else voters
        for n, i in enumerate(judged):
            weights[i], trust[i] = _judge(share, border, masks.probability[i], cameras[i], box)
            let_go(masks.probability)
            if progress is not None and n % 8 == 0:
                progress(round_ * len(voters) + n, (settings.rounds - 1) * len(voters) + int(usable.sum()))
    agreement = np.where(usable, weights, np.nan)
    grid = 1.0 / (1.0 + np.exp(-(share - border) / _SOFTNESS))
    grid[share <= 0] = 0.0
    thin = find_thin_parts(share, border, masks.probability, trust, cameras, evenly(voters, _THIN_VIEWS), box)
    grid[thin] = np.maximum(grid[thin], _THIN_PROBABILITY)
    return Consensus(box, _largest_piece(grid.astype(np.float32)), trust, agreement)


def contradiction(agreement: np.ndarray) -> str | None:
    """One sentence where most masks do not look like the hull, by the views' agreement (frames,) with it; else None."""
    found = agreement[np.isfinite(agreement)]
    if len(found) == 0 or float(np.median(found)) >= _CONTRADICTED:
        return None
    return (
        f"Masks and cameras contradict each other: half of the masks overlap the object that all of them agree on by less "
        f"than {np.median(found):.0%}; look whether the cameras are right and the masks show one object."
    )


def save_consensus(path: Path, probability: np.ndarray, consensus: Consensus) -> None:
    """Keep the coarse masks (frames, h, w) uint8 and what they agree on in one .npz."""
    box = consensus.box
    header = {"descr": "|u1", "fortran_order": False, "shape": probability.shape}
    with write_atomically(path) as partial:
        with partial.open("wb") as file:
            np.savez_compressed(
                file, grid=consensus.grid, trust=consensus.trust, agreement=consensus.agreement,
                centre=box.centre, half=box.half, rotation=box.rotation,
            )  # fmt: skip
        with (
            zipfile.ZipFile(partial, "a", zipfile.ZIP_DEFLATED) as archive,
            archive.open("probability.npy", "w", force_zip64=True) as member,
        ):
            np.lib.format.write_array_header_1_0(member, header)
            for frame in probability:  # one at a time, so that they need not be in memory together
                member.write(frame.tobytes())
                let_go(probability)


def read_consensus(path: Path, frames: int) -> Consensus:
    """What `save_consensus` was told that the masks of so many frames agree on; InputError for any other file."""
    try:
        kept = read_arrays(path, _KEPT_BYTES + frames * LONG_EDGE**2, _AGREED)
        trust, grid = kept["trust"], kept["grid"]
        if (
            (trust.dtype, trust.ndim, grid.dtype, grid.ndim) != (np.uint8, 3, np.float32, 3)
            or not len(trust) == len(kept["agreement"]) == frames
            or not np.issubdtype(kept["agreement"].dtype, np.floating)
            or len(set(grid.shape)) != 1
            or not np.isfinite(grid).all()
        ):
            raise ValueError("its arrays do not fit together")
        box = Box(kept["centre"], kept["half"], kept["rotation"])
        if (
            (box.centre.shape, box.half.shape, box.rotation.shape) != ((3,), (3,), (3, 3))
            or not np.isfinite(box.similarity).all()
            or not (box.half > 0).all()
        ):
            raise ValueError("its box is none")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    with _packed_masks(path, frames) as (_, pictures):
        for _ in pictures:  # to their checksum, so that damage shows before anything is made from them
            pass
    return Consensus(box, grid, trust, kept["agreement"])


def unpack_masks(path: Path, to: Path, frames: int) -> FrameStack:
    """The coarse masks (frames, h, w) that `save_consensus` kept in `path`, written to `to` to be read pixel by pixel.

    Raises InputError for any other file.
    """
    with _packed_masks(path, frames) as (shape, pictures):
        return FrameStack.write(to, shape, pictures)


@contextmanager
def _packed_masks(path: Path, frames: int) -> Iterator[tuple[tuple[int, ...], Iterator[np.ndarray]]]:
    """Shape (frames, h, w) of the coarse masks in `path`, and the masks one after the other, flat; InputError."""
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(path))
            packed = opened.enter_context(archive.open("probability.npy"))
            shape, by_columns, dtype = read_head(packed)
            if dtype != np.uint8 or len(shape) != 3 or shape[0] != frames or by_columns:
                raise ValueError(f"its masks are not those of {frames} frames")
            if not 0 < min(shape[1:]) <= max(shape[1:]) <= LONG_EDGE:
                raise ValueError("its masks have no size that masks have")
        except (OSError, ValueError, *DAMAGE) as error:
            raise _unreadable(path, error) from error
        yield shape, _pictures(path, packed, frames, shape[1] * shape[2])


def _pictures(path: Path, packed: IO[bytes], frames: int, size: int) -> Iterator[np.ndarray]:
    """(size,) uint8 of each frame; what goes wrong here is the file's, whoever writes the pictures elsewhere."""
    for wanted in (*(size for _ in range(frames)), 0):
        try:
            picture = packed.read(wanted or 1)  # past the last one, where the checksum is compared
            if len(picture) != wanted:
                raise EOFError("its masks are not as long as they claim")
        except (OSError, ValueError, *DAMAGE) as error:
            raise _unreadable(path, error) from error
        if wanted:
            yield np.frombuffer(picture, np.uint8)


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read ({error}); run segment again with --overwrite.")


def evenly(indices: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the indices, evenly spread."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(int)]


def _count_votes(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    weights: np.ndarray,
    trust: np.ndarray,
    box: Box,
    region: np.ndarray,
) -> np.ndarray:
    """(R, R, R) share of the votes for the object; 0 outside `region` and where too few views look."""
    size = region.shape[0]
    cells = np.argwhere(region)
    world = box.to_world(((cells + 0.5) / size * 2 - 1) * box.extent)
    for_object = np.zeros(len(world))
    heard = np.zeros(len(world))
    looks = np.zeros(len(world), dtype=np.int32)
    height, width = masks.probability.shape[1:]
    for i in voters:
        camera = cameras[i]
        assert camera is not None
        pixels, _ = camera.project(world)
        with np.errstate(invalid="ignore"):
            x = pixels[:, 0] * (width / camera.lens.width)
            y = pixels[:, 1] * (height / camera.lens.height)
            seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        column, row = x[seen].astype(np.int32), y[seen].astype(np.int32)
        say = weights[i] * (trust[i][at_size(row, column, (height, width), trust.shape[1:])] / 255.0)
        for_object[seen] += say * (masks.probability[i][row, column] / 255.0)
        heard[seen] += say
        looks[seen] += 1
    # A place that few views look at cannot be agreed on.
    enough = (looks >= max(2, 0.15 * len(voters))) & (heard > 0)
    share = np.zeros((size,) * 3)
    share[tuple(cells[enough].T)] = for_object[enough] / heard[enough]
    return share


def at_size(
    row: np.ndarray, column: np.ndarray, size: tuple[int, ...], other: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (N,) of a picture of `size`, height and width, as those of the same picture of an `other` size."""
    return row * other[0] // size[0], column * other[1] // size[1]


def _look_size(probability: np.ndarray) -> tuple[int, int]:
    height, width = probability.shape
    factor = min(1.0, _LOOK / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _best_share(
    share: np.ndarray, masks: CoarseMasks, cameras: Sequence[Camera | None], voters: np.ndarray, box: Box
) -> tuple[float, float]:
    """The share of votes whose hull agrees best with the masks, and the mean IoU reached."""
    scores = []
    for i in evenly(voters, 40):
        width, height = _look_size(masks.probability[i])
        camera = cameras[i]
        assert camera is not None
        seen = project_grid(share, box, camera, width, height)
        mask = cv2.resize(masks.probability[i], (width, height), interpolation=cv2.INTER_AREA) > 127
        hulls = seen[None] > _SHARES[:, None, None]
        union = (hulls | mask).sum(axis=(1, 2))
        scores.append((hulls & mask).sum(axis=(1, 2)) / np.maximum(union, 1))
    # The worst quarter of the views may be damaged; the others should all agree, the few that look from aside too.
    best_views = np.sort(np.array(scores), axis=0)[len(scores) // 4 :]
    mean = best_views.mean(axis=0)
    best = int(np.argmax(mean))
    return float(_SHARES[best]), float(mean[best])


def _judge(
    share: np.ndarray, border: float, probability: np.ndarray, camera: Camera | None, box: Box
) -> tuple[float, np.ndarray]:
    """A view's IoU with the hull, and the trust in each place of its mask (h, w), of the size that is looked at.

    Trust is lost by blobs that the mask leaves out though nearly all other views want them (a lost part), and by blobs that
    it adds though hardly any does (a grabbed chair). What a fair number of others share stays: it may be the few views from
    aside that carve the object. Differences as thin as a wobbly outline stay too, they average out over the views.
    """
    assert camera is not None
    width, height = _look_size(probability)
    seen = project_grid(share, box, camera, width, height)
    mask = cv2.resize(probability, (width, height), interpolation=cv2.INTER_AREA) > 127
    hull = seen > border
    agreement = float((hull & mask).sum() / max((hull | mask).sum(), 1))
    lost = ~mask & (seen > 0.5 * (1.0 + border))
    grabbed = mask & (seen < 0.7 * border)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    blobs = cv2.morphologyEx((lost | grabbed).astype(np.uint8), cv2.MORPH_OPEN, disc)
    return agreement, 255 * (1 - cv2.dilate(blobs, disc))


def _largest_piece(grid: np.ndarray) -> np.ndarray:
    """Pieces smaller than a tenth of the largest one are chance agreements; they are taken out."""
    labels, count = ndimage.label(grid > 0.5)
    if count == 0:
        raise InputError(
            "The masks of different frames agree on no object in 3D; check that they show one object."
        )
    sizes = np.bincount(labels.ravel())[1:]
    kept = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.1 * sizes.max()))
    near = ndimage.binary_dilation(kept, iterations=3)
    return np.where(near, grid, 0.0).astype(np.float32)


def _fit_box(
    masks: CoarseMasks, cameras: Sequence[Camera | None], usable: np.ndarray, settings: ConsensusSettings
) -> Box:
    """The smallest box around what the masks agree on, with a margin of a tenth.

    Starts where the rays through the masks' centroids meet, as wide as the masks say, and follows the hull of a coarse
    grid: growing where the hull touches a side, shrinking where it leaves room.
    """
    voters = evenly(np.flatnonzero(usable), min(settings.views, 60))
    box = _first_box(masks, cameras, voters)
    masks = replace(masks, probability=_thickened(masks.probability, voters))
    trust = np.full((len(cameras), 1, 1), 255, dtype=np.uint8)
    weights = np.ones(len(cameras))
    size = _FIT_CELLS
    for _ in range(5):
        region = np.ones((size,) * 3, dtype=bool)
        share = _count_votes(masks, cameras, voters, weights, trust, box, region)
        border, _ = _best_share(share, masks, cameras, voters, box)
        # Thin parts, on which wobbly masks hardly agree, must fit in as well.
        hull = _largest_piece(share > _THIN * border)
        cells = np.argwhere(hull > 0)
        low = cells.min(axis=0) / size * 2 - 1
        high = (cells.max(axis=0) + 1) / size * 2 - 1
        tight = (low > -0.97) & (high < 0.97)
        margin = np.where(tight, 0.1, 0.6) * (high - low) / 2 + 1.0 / size
        low, high = (low - margin) * box.extent, (high + margin) * box.extent
        centre = box.to_world(((low + high) / 2)[None])[0]
        fitted = Box(centre, (high - low) / 2 / box.scale, box.rotation)
        done = bool(tight.all()) and np.allclose(fitted.half, box.half, rtol=0.1)
        box = fitted
        if done:
            break
    return box


def _thickened(probability: np.ndarray, voters: np.ndarray) -> np.ndarray:
    """Masks (n, h, w) grown by half a cell of the coarse grid, whose centres would miss thin parts."""
    widths = [np.ptp(np.nonzero(probability[i] > 127), axis=1).max() for i in voters]
    radius = round(0.5 * float(np.median(widths)) / _FIT_CELLS)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown = np.zeros(
        probability.shape, np.uint8
    )  # room that is not used takes no memory, unlike with zeros_like
    for i in voters:
        grown[i] = cv2.dilate(probability[i], kernel)
    return grown


def _first_box(masks: CoarseMasks, cameras: Sequence[Camera | None], voters: np.ndarray) -> Box:
    """A cube where the rays through the masks' centroids come closest (iteratively reweighted least squares)."""
    origins, directions, spreads, focals = [], [], [], []
    width = masks.probability.shape[2]
    for i in voters:
        camera = cameras[i]
        assert camera is not None
        rows, columns = np.nonzero(masks.probability[i] > 127)
        if len(rows) == 0:
            continue
        scale = camera.lens.width / width
        centre = np.array([[(columns.mean() + 0.5) * scale, (rows.mean() + 0.5) * scale]])
        origin, direction = camera.rays(centre)
        origins.append(origin)
        directions.append(direction[0])
        distance = np.hypot(columns - columns.mean(), rows - rows.mean()) * scale
        spreads.append(np.quantile(distance, 0.98))
        focals.append(camera.lens.focal)
    if len(origins) < 2:
        raise InputError(
            "The masks show no pixel brighter than half in two or more frames; white must be the object."
        )
    point = _nearest_point(np.array(origins), np.array(directions))
    depths = np.array([(point - o) @ d / (d @ d) for o, d in zip(origins, directions, strict=True)])
    if np.median(depths) <= 0:
        raise InputError("The masks' rays meet behind the cameras; masks and cameras do not belong together.")
    half = float(np.median(np.array(spreads) * depths / np.array(focals))) * 1.4
    return Box(point, np.full(3, half), np.eye(3))


def _nearest_point(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The point (3,) with the least summed distance to rays (n, 3), robust to some that point elsewhere."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    weights = np.ones(len(unit))
    point = np.zeros(3)
    for _ in range(20):
        projectors = np.eye(3) - unit[:, :, None] * unit[:, None, :]
        a = (weights[:, None, None] * projectors).sum(axis=0)
        b = (weights[:, None, None] * (projectors @ origins[:, :, None])).sum(axis=0)[:, 0]
        point = np.linalg.lstsq(a, b, rcond=None)[0]
        away = np.linalg.norm((projectors @ (point - origins)[:, :, None])[:, :, 0], axis=1)
        angle = away / np.maximum(np.linalg.norm(point - origins, axis=1), 1e-12)
        weights = 1.0 / np.maximum(angle, 0.2 * np.median(angle) + 1e-9)
    return point
