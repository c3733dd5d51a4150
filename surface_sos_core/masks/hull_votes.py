"""Votes of the views for the places in a box, the hull that a share of them makes, and which views and pixels contradict it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.cameras.picture import at_size, picture_pixels
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.sampling import evenly
from surface_sos_core.settings import ConsensusSettings


def count_votes(
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    weights: np.ndarray,
    trust: np.ndarray,
    box: Box,
    region: np.ndarray,
    settings: ConsensusSettings,
) -> np.ndarray:
    """(R, R, R) share of the votes for the object; 0 outside `region` and where too few views look."""
    size = region.shape[0]
    cells = np.argwhere(region)
    world = box.cells_to_world(cells, size)
    for_object = np.zeros(len(world))
    heard = np.zeros(len(world))
    looks = np.zeros(len(world), dtype=np.int32)
    shape = masks.probability.shape[1:]
    for i in voters:
        camera = cameras[i]
        assert camera is not None
        pixels, _ = camera.project(world)
        seen, (row, column) = picture_pixels(camera, pixels, shape)
        say = weights[i] * (trust[i][at_size(row, column, shape, trust.shape[1:])] / 255.0)
        for_object[seen] += say * (masks.probability[i][row, column] / 255.0)
        heard[seen] += say
        looks[seen] += 1
    # A place that few views look at cannot be agreed on.
    enough = (looks >= max(2, settings.least_looks * len(voters))) & (heard > 0)
    share = np.zeros((size,) * 3)
    share[tuple(cells[enough].T)] = for_object[enough] / heard[enough]
    return share


def look_size(probability: np.ndarray, edge: int) -> tuple[int, int]:
    """Width and height of the picture, at most `edge` along its longer edge, in which a mask (h, w) is looked at."""
    height, width = probability.shape
    factor = min(1.0, edge / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def best_share(
    share: np.ndarray,
    masks: CoarseMasks,
    cameras: Sequence[Camera | None],
    voters: np.ndarray,
    box: Box,
    settings: ConsensusSettings,
) -> float:
    """The share of votes whose hull agrees best with the masks."""
    shares = np.arange(settings.least_share, settings.most_share, settings.share_step)
    scores = []
    for i in evenly(voters, settings.judged_views):
        width, height = look_size(masks.probability[i], settings.look_edge)
        camera = cameras[i]
        assert camera is not None
        seen = project_grid(share, box, camera, width, height)
        mask = cv2.resize(masks.probability[i], (width, height), interpolation=cv2.INTER_AREA) > 127
        hulls = seen[None] > shares[:, None, None]
        union = (hulls | mask).sum(axis=(1, 2))
        scores.append((hulls & mask).sum(axis=(1, 2)) / np.maximum(union, 1))
    # The worst views may be damaged; the others should all agree, the few that look from aside too.
    best_views = np.sort(np.array(scores), axis=0)[int(settings.worst_views * len(scores)) :]
    return float(shares[np.argmax(best_views.mean(axis=0))])


def judge(
    share: np.ndarray,
    border: float,
    probability: np.ndarray,
    camera: Camera | None,
    box: Box,
    settings: ConsensusSettings,
) -> tuple[float, np.ndarray]:
    """A view's IoU with the hull, and the trust in each place of its mask (h, w), of the size that is looked at.

    Trust is lost by blobs that the mask leaves out though nearly all other views want them (a lost part), and by blobs that
    it adds though hardly any does (a grabbed chair). What a fair number of others share stays: it may be the few views from
    aside that carve the object. Differences as thin as a wobbly outline stay too, they average out over the views.
    """
    assert camera is not None
    width, height = look_size(probability, settings.look_edge)
    seen = project_grid(share, box, camera, width, height)
    mask = cv2.resize(probability, (width, height), interpolation=cv2.INTER_AREA) > 127
    hull = seen > border
    agreement = float((hull & mask).sum() / max((hull | mask).sum(), 1))
    lost = ~mask & (seen > settings.lost_share + (1.0 - settings.lost_share) * border)
    grabbed = mask & (seen < settings.grabbed_share * border)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (settings.blob,) * 2)
    blobs = cv2.morphologyEx((lost | grabbed).astype(np.uint8), cv2.MORPH_OPEN, disc)
    return agreement, 255 * (1 - cv2.dilate(blobs, disc))
