"""Rays of pixels, and what the plates and masks show there."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.cameras import Lens, Points
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.train.batches import sights_of

WIDE = Lens("OPENCV", 96, 72, (70.0, 72.0, 47.0, 37.0, -0.12, 0.03, 0.002, -0.001))
LARGE = Lens("SIMPLE_RADIAL", 192, 144, (220.0, 96.0, 72.0, 0.08))


@pytest.fixture(scope="module")
def cameras(ball):
    """Three lenses, and two frames without a camera."""
    lenses = [ball.cameras[0].lens, WIDE, LARGE]
    found = [replace(camera, lens=lenses[n % 3]) for n, camera in enumerate(ball.cameras)]
    found[3] = found[8] = None
    return found


def expected_points(ball, camera, pixels: np.ndarray, depth: float) -> np.ndarray:
    origin, directions = camera.rays(pixels)
    return ball.box.to_box(origin + depth * directions)


def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plates of 48x36 whose colours are column, row and frame; masks of 24x18, white in the upper half, and trust."""
    plates = np.zeros((12, 36, 48, 3), np.uint8)
    plates[..., 0], plates[..., 1] = np.arange(48), np.arange(36)[:, None]
    plates[..., 2] = np.arange(12)[:, None, None]
    masks = np.zeros((12, 18, 24), np.uint8)
    masks[:, :9] = 255
    trust = np.full_like(masks, 255)
    trust[:, :, :12] = 0
    return plates, masks, trust


@pytest.fixture(scope="module")
def batches(cameras, make_batches):
    plates, masks, trust = pictures()
    return make_batches(plates, masks, 3, cameras, trust)


def test_drawn_pixels_and_their_rays_belong_together(ball, cameras, batches):
    batch = batches.draw(0)
    columns, rows, frames = np.round(batch.plate.numpy() * 255).astype(int).T
    found = batch.rays.at(torch.full((len(frames), 1), 6.0))[:, 0].numpy()
    for n, i in enumerate(frames):
        lens = cameras[i].lens
        pixel = np.array([[(columns[n] + 0.5) * lens.width / 48, (rows[n] + 0.5) * lens.height / 36]])
        np.testing.assert_allclose(found[n], expected_points(ball, cameras[i], pixel, 6.0)[0], atol=5e-5)
    np.testing.assert_array_equal(batch.mask.numpy(), rows < 18)
    np.testing.assert_array_equal(batch.trust.numpy(), columns >= 24)


def test_batches_have_the_size_that_was_asked_for(batches, tiny):
    batch = batches.draw(0)
    assert len(batch.rays) == len(batch.plate) == len(batch.mask) == len(batch.trust) == tiny.train.rays


def test_frames_without_a_camera_are_never_drawn_and_all_others_are(batches):
    drawn = np.concatenate([np.round(batches.draw(n).plate[:, 2].numpy() * 255) for n in range(30)])
    assert set(drawn.astype(int)) == set(range(12)) - {3, 8}


def test_most_rays_fall_near_the_object(ball, batches, cameras):
    near, total = 0, 0
    for n in range(10):
        columns, rows, frames = np.round(batches.draw(n).plate.numpy() * 255).astype(int).T
        for column, row, i in zip(columns, rows, frames, strict=True):
            lens = cameras[i].lens
            pixel = np.array([[(column + 0.5) * lens.width / 48, (row + 0.5) * lens.height / 36]])
            near += not np.isnan(ball.hit(cameras[i], pixel, 1.5 * ball.radius)[0])
            total += 1
    assert near / total > 0.5


def test_the_same_seed_draws_the_same(make_batches):
    plates, masks, _ = pictures()
    a, b, c = (make_batches(plates, masks, seed).draw(0) for seed in (5, 5, 6))
    assert torch.equal(a.plate, b.plate) and torch.equal(a.rays.direction, b.rays.direction)
    assert not torch.equal(a.plate, c.plate)


def test_a_step_draws_the_same_whatever_was_drawn_before(batches):
    first = batches.draw(7)
    batches.draw(8)
    again = batches.draw(7)
    assert torch.equal(first.plate, again.plate) and torch.equal(first.rays.direction, again.rays.direction)
    assert not torch.equal(first.plate, batches.draw(8).plate)


def test_pixel_is_the_size_of_a_training_pixel_on_the_object(ball, make_batches):
    plates, masks, _ = pictures()
    camera = ball.cameras[0]
    ahead = camera.centre + camera.axis * ((ball.box.centre - camera.centre) @ camera.axis)
    pixels, _ = camera.project(np.stack([ahead, ahead + camera.rotation[0]]))
    world_unit = np.linalg.norm(pixels[1] - pixels[0]) * 48 / 96  # training pixels
    assert make_batches(plates, masks).pixel == pytest.approx(
        ball.box.scale / world_unit, rel=0.12
    )  # cameras stand at two distances


def test_sparse_points_are_sorted_by_the_consensus(ball, make_batches):
    """Points deep in the ball, far from it, and just outside it, where nobody can tell."""
    generator = np.random.default_rng(0)
    towards = generator.normal(size=(300, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    away = np.repeat([0.8, 1.08, 2.5], 100)[:, None] * ball.radius
    plates, masks, _ = pictures()
    batch = make_batches(plates, masks, points=ball.box.centre + away * towards).draw(0)
    radius = ball.radius * ball.box.scale
    on = np.linalg.norm(batch.object_points.numpy(), axis=1)
    off = np.linalg.norm(batch.other_points.numpy(), axis=1)
    np.testing.assert_allclose(on, 0.8 * radius, rtol=1e-4)
    np.testing.assert_allclose(off, 2.5 * radius, rtol=1e-4)


def test_a_model_without_points_gives_none(batches):
    batch = batches.draw(0)
    assert batch.object_points.shape == batch.other_points.shape == (0, 3)


def test_rays_at_sparse_points_know_their_depth(ball, cameras, make_batches):
    """Six points, the last with too short a track, in images 0, 1 (of two lenses) and 3 (no camera)."""
    xyz = ball.box.centre + np.random.default_rng(1).normal(size=(6, 3)) * 0.4
    images = np.array([0, 1, 3] * 5 + [0], np.int32)
    points = Points(
        xyz, np.zeros((6, 3), np.uint8), np.zeros(6), np.array([0, 3, 6, 9, 12, 15, 16]), images,
        np.full((16, 2), np.nan),
    )  # fmt: skip
    names = [f"plate.{1001 + n}.png" for n in range(12)]
    sights = sights_of(points, names, cameras, 3)
    assert len(sights.xyz) == 5 and sorted(sights.frame) == [0] * 5 + [1] * 5
    plates, masks, _ = pictures()
    batch = make_batches(plates, masks, 0, cameras, sights=sights).draw(0)
    known = batch.depth.numpy() > 0
    assert known.any() and not known.all()
    found = batch.rays.at(batch.depth[:, None])[:, 0].numpy()[known]
    apart = np.linalg.norm(found[:, None] - ball.box.to_box(xyz[:5]), axis=2).min(axis=1)
    assert apart.max() < 0.1  # a training pixel is 0.06 wide


def test_a_model_without_points_gives_no_depth(batches):
    assert not batches.draw(0).depth.any()


def test_colours_are_brought_to_one_exposure(ball, make_batches):
    plates = np.full((len(ball.cameras), 72, 96, 3), 100, np.uint8)
    masks = np.full((len(ball.cameras), 72, 96), 255, np.uint8)
    gains = np.tile(np.linspace(0.5, 2.0, len(masks), dtype=np.float32)[:, None], (1, 3))
    frames, zeros = np.arange(len(masks)), np.zeros(len(masks), int)
    batch = make_batches(plates, masks, gains=gains).look(frames, zeros, zeros, np.zeros(len(masks)))
    np.testing.assert_allclose(srgb_decode(batch.plate.numpy()), srgb_decode(100 / 255) * gains, rtol=1e-4)
