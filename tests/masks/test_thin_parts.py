"""A ball with a thin rod on top, in masks whose outlines wobble: the rod is found, the fuzz is not."""

import numpy as np
import pytest

from surface_sos_core.masks.thin_parts import find_thin_parts
from surface_sos_core.settings import ThinPartSettings

WIDTH, HEIGHT = 192, 144
SIZE = 64


@pytest.fixture(scope="module")
def rod(ball) -> tuple[np.ndarray, np.ndarray]:
    """Ends (3,) of a rod that stands on the ball, along the box's third axis."""
    up = ball.box.rotation[:, 2]
    return ball.box.centre + 0.9 * ball.radius * up, ball.box.centre + 1.45 * ball.radius * up


def masks(ball, rod, seed: int = 0) -> np.ndarray:
    """(12, HEIGHT, WIDTH) uint8: the ball, a little larger or smaller in each view, and the rod in three of four pixels."""
    random = np.random.default_rng(seed)
    found = []
    for camera in ball.cameras:
        pixels = ball.pixel_grid(camera, WIDTH, HEIGHT)
        radius = ball.radius * (1 + 0.03 * random.standard_normal())
        inside = ~np.isnan(ball.hit(camera, pixels, radius))
        along = np.linspace(0, 1, 400)[:, None]
        place, _ = camera.project(rod[0] * (1 - along) + rod[1] * along)
        at = (place * (WIDTH / camera.lens.width)).astype(int)
        picture = inside.reshape(HEIGHT, WIDTH)
        kept = random.random(400) < 0.75
        picture[at[kept, 1], at[kept, 0]] = True
        found.append(np.uint8(255 * picture))
    return np.array(found)


def votes(ball, probability: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE, SIZE) share of the views for each cell."""
    ticks = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    cells = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    world = ball.box.to_world(cells * ball.box.extent)
    share = np.zeros(len(world))
    for mask, camera in zip(probability, ball.cameras, strict=True):
        pixels, _ = camera.project(world)
        at = (pixels * (WIDTH / camera.lens.width)).astype(int)
        share += mask[at[:, 1].clip(0, HEIGHT - 1), at[:, 0].clip(0, WIDTH - 1)] / 255.0
    return (share / len(ball.cameras)).reshape(SIZE, SIZE, SIZE)


def cells_of(ball, world: np.ndarray) -> np.ndarray:
    return ((ball.box.to_box(world) / ball.box.extent + 1) / 2 * SIZE).astype(int)


def find(ball, probability, trust=None) -> np.ndarray:
    trust = np.full_like(probability, 255) if trust is None else trust
    share = votes(ball, probability)
    return find_thin_parts(
        share, 0.9, probability, trust, ball.cameras, np.arange(12), ball.box, ThinPartSettings()
    )


def test_a_rod_is_found_and_no_fuzz(ball, rod):
    found = find(ball, masks(ball, rod))
    along = np.linspace(0.35, 0.95, 20)[:, None]
    cells = cells_of(ball, rod[0] * (1 - along) + rod[1] * along)
    near = np.array([found[tuple(slice(c - 1, c + 2) for c in cell)].any() for cell in cells])
    assert near.mean() > 0.6
    places = (np.argwhere(found) + 0.5) / SIZE * 2 - 1
    world = ball.box.to_world(places * ball.box.extent)
    axis = (rod[1] - rod[0]) / np.linalg.norm(rod[1] - rod[0])
    offset = world - rod[0]
    away = np.linalg.norm(offset - np.outer(offset @ axis, axis), axis=1)
    assert np.mean(away < 6 * 2 * ball.box.half.max() / SIZE) > 0.9


def test_without_a_rod_nothing_is_found(ball, rod):
    nowhere = (ball.box.centre, ball.box.centre)
    assert find(ball, masks(ball, nowhere)).sum() == 0


def test_masks_that_are_not_trusted_do_not_count(ball, rod):
    probability = masks(ball, rod)
    assert find(ball, probability, np.zeros_like(probability)).sum() == 0
