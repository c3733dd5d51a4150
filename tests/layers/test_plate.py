"""Clean plates in a textured room whose walls' depth is known: the ball's place filled from the other frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from surface_sos_core.cameras import Lens
from surface_sos_core.evaluate.metrics import psnr
from surface_sos_core.footage.colour import srgb_decode, srgb_encode
from surface_sos_core.layers import hidden_depth
from surface_sos_core.layers.fill import open_fills
from surface_sos_core.layers.hidden_depth import Background
from surface_sos_core.layers.key_frames import KeyFrame
from surface_sos_core.layers.plate import CleanPlate, OwnFrame, bared, clean_plate
from surface_sos_core.layers.shown_depth import ShownPlaces
from surface_sos_core.layers.sources import Sources
from surface_sos_core.render.rays import RayCaster, Rays
from surface_sos_core.settings import LayerSettings, RenderSettings, Settings, StereoSettings, SweepSettings
from surface_sos_core.stereo.frame_disparity import FrameSweeps

WIDTH, HEIGHT = 96, 72
WALL = 4.0
SETTINGS = Settings(layers=LayerSettings(sources=8))
PLATE = SETTINGS.plate
BALL_COLOUR = 0.9
NO_POINTS, NO_PLANES = np.zeros((0, 3)), np.zeros((0, 4))


def texture(points: np.ndarray) -> np.ndarray:
    """Display colour (N, 3) of the room at world points: waves a few pixels long."""
    waves = np.array([[2.1, 0.7, 1.1], [0.4, 1.9, -1.3], [-1.2, 1.0, 1.7]])
    return 0.45 + 0.25 * np.sin(points @ waves.T)


@pytest.fixture(scope="module")
def clean(ball) -> list[np.ndarray]:
    """Scene-linear pictures (HEIGHT, WIDTH, 3) of the empty room."""
    pictures = []
    for camera in ball.cameras:
        seen = texture(ball.wall(camera, ball.pixel_grid(camera, WIDTH, HEIGHT)))
        pictures.append(srgb_decode(seen).reshape(HEIGHT, WIDTH, 3).astype(np.float32))
    return pictures


@pytest.fixture(scope="module")
def alphas(ball) -> list[np.ndarray]:
    return [ball.cover(camera, WIDTH, HEIGHT).astype(np.float32) for camera in ball.cameras]


@pytest.fixture(scope="module")
def plates(clean, alphas) -> list[np.ndarray]:
    return [c * (1 - a[..., None]) + BALL_COLOUR * a[..., None] for c, a in zip(clean, alphas, strict=True)]


@pytest.fixture
def off() -> float:
    """The factor by which BaCo's depth is wrong."""
    return 1.0


@pytest.fixture(autouse=True)
def backdrop(monkeypatch, off):
    """BaCo knows the walls' depth, or nearly."""

    def depth_of_the_room(scene: object, proposals: object, rays: Rays, samples: int) -> torch.Tensor:
        a = (rays.direction**2).sum(1)
        b = (rays.origin * rays.direction).sum(1)
        c = (rays.origin**2).sum(1) - WALL**2
        return off * (-b + torch.sqrt(b * b - a * c)) / a

    monkeypatch.setattr(hidden_depth, "backdrop_depth", depth_of_the_room)


def own_frame(ball, camera, index: int, linear: np.ndarray, alpha: np.ndarray, gain: float = 1.0) -> OwnFrame:
    depth = ball.hit(camera, ball.pixel_grid(camera, WIDTH, HEIGHT)).reshape(HEIGHT, WIDTH)
    depth = np.where(alpha > 0, np.nan_to_num(depth, nan=1e10), 1e10)
    return OwnFrame(index, linear, np.full(3, gain, np.float32), alpha, depth)


@pytest.fixture
def background(ball, ball_fields) -> Background:
    """Frames are not swept: without sparse points nothing tells the range."""
    sweeps = FrameSweeps(
        lambda i: np.zeros((9, 16, 3), np.uint8), (16, 9), dict(enumerate(ball.cameras)), len(ball.cameras),
        np.zeros(0), StereoSettings(), SweepSettings(),
    )  # fmt: skip
    shown = ShownPlaces(sweeps, ball.cameras, np.zeros((len(ball.cameras), 9, 16), np.uint8))
    return Background(ball_fields.scene, ball_fields.proposals, NO_POINTS, NO_PLANES, shown)


@pytest.fixture
def fill(ball, plates, alphas, background):
    """Clean a frame; `used` says which frames may give pixels, `pictures` stands for the plates."""

    def run(
        frame: int,
        used=None,
        pictures=None,
        alpha=None,
        own: bool = True,
        gain: float = 1.0,
        keys=(),
        fill=None,
    ) -> CleanPlate:
        pictures = plates if pictures is None else pictures
        cameras = [c if used is None or n in used else None for n, c in enumerate(ball.cameras)]
        holdouts = np.stack([np.uint8(255 * (a > 0)) for a in alphas])
        sources = Sources(lambda i: pictures[i], cameras, holdouts, PLATE)
        caster = RayCaster(ball.cameras, ball.box, np.zeros((0, 3)), RenderSettings(), torch.device("cpu"))
        alpha = alphas[frame] if alpha is None else alpha
        camera = ball.cameras[frame]
        return clean_plate(
            background, camera, lambda pixels: caster.cast(np.full(len(pixels), frame), pixels), sources, SETTINGS,
            own_frame(ball, camera, frame, pictures[frame] / np.float32(gain), alpha, gain) if own else None, keys, fill,
        )  # fmt: skip

    return run


def quality(found: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    return psnr(srgb_encode(found.clip(0, 1)), srgb_encode(truth), region)


def far_from(alpha: np.ndarray, pixels: int = 8) -> np.ndarray:
    return distance_transform_edt(alpha == 0) > pixels


def test_pixels_outside_the_hole_are_the_plates_own_bit_for_bit(fill, plates, alphas):
    done = fill(0)
    outside = far_from(alphas[0])
    assert outside.sum() > 1000
    np.testing.assert_array_equal(done.colour[outside], plates[0][outside])
    assert np.all(done.seen[outside] == 1.0)


def test_what_is_not_hidden_after_all_is_the_plates_own_again(fill, plates, alphas):
    island = alphas[0].copy()
    island[:6, :6] = 1.0
    before = fill(0, alpha=island)
    after = bared(before, plates[0], alphas[0] > 0, SETTINGS)
    outside, ball = far_from(alphas[0]), alphas[0] > 0
    assert not np.array_equal(before.colour[outside], plates[0][outside])
    np.testing.assert_array_equal(after.colour[outside], plates[0][outside])
    np.testing.assert_array_equal(after.colour[ball], before.colour[ball])
    assert np.all(after.seen[outside] == 1.0) and np.array_equal(after.seen[ball], before.seen[ball])


@pytest.mark.parametrize("frame", [0, 5])
def test_the_hole_shows_the_room(fill, clean, alphas, frame):
    done = fill(frame)
    hole = alphas[frame] > 0
    assert done.colour.dtype == np.float32 and np.isfinite(done.colour).all()
    assert quality(done.colour, clean[frame], hole) > 30.0
    assert quality(done.colour, clean[frame], ~hole) > 30.0  # its margin as well
    assert np.mean(done.seen[hole] == 1.0) > 0.8  # all sources see it; they agree but for sharp edges


@pytest.mark.parametrize("off", [0.87, 1.15])
@pytest.mark.parametrize("frame", [0, 5])
def test_the_frames_correct_a_depth_that_is_off(fill, clean, alphas, frame):
    assert quality(fill(frame).colour, clean[frame], alphas[frame] > 0) > 26.0


def test_bright_plates_are_not_clipped(fill, plates, clean):
    bright = [8.0 * p for p in plates]
    done = fill(0, pictures=bright)
    wrong = np.abs(done.colour - 8.0 * clean[0])
    assert done.colour.max() > 2.0 and np.median(wrong / (8.0 * clean[0])) < 0.05


def test_sources_of_another_exposure_are_matched(fill, plates, clean, alphas):
    uneven = [p * (1.0 if n == 0 else 1.25 if n % 2 else 0.85) for n, p in enumerate(plates)]
    done = fill(0, pictures=[np.float32(p) for p in uneven])
    assert quality(done.colour, clean[0], alphas[0] > 0) > 27.0


def test_a_frame_that_is_darker_than_its_sources_stays_dark(fill, plates, clean, alphas):
    done = fill(0, gain=1.6)
    assert quality(1.6 * done.colour, clean[0], alphas[0] > 0) > 30.0
    outside = far_from(alphas[0])
    np.testing.assert_array_equal(done.colour[outside], (plates[0] / np.float32(1.6))[outside])


def test_a_passer_by_in_one_source_does_not_come_through(fill, plates, clean, alphas):
    pictures = [p.copy() for p in plates]
    pictures[1][20:50, 10:60] = (0.9, 0.0, 0.0)
    assert quality(fill(0, pictures=pictures).colour, clean[0], alphas[0] > 0) > 25.0


def test_what_sources_disagree_about_is_no_background(fill, clean, alphas):
    """Every source shows something else: nobody saw what is there."""
    random = np.random.default_rng(0)
    pictures = [random.uniform(0.0, 1.0, picture.shape).astype(np.float32) for picture in clean]
    hole = alphas[0] > 0
    assert np.mean(fill(0, pictures=pictures).seen[hole]) < 0.1


def test_without_sources_the_hole_is_invented_and_says_so(fill, plates, alphas):
    done = fill(0, used=[0])
    hole = alphas[0] > 0
    assert np.all(done.seen[hole] == 0.0)
    assert np.isfinite(done.colour).all()
    outside = far_from(alphas[0])
    np.testing.assert_array_equal(done.colour[outside], plates[0][outside])
    # what is invented meets what is around it, and is not the ball
    inside = srgb_encode(done.colour[hole])
    around = srgb_encode(plates[0][far_from(alphas[0], 2) & ~far_from(alphas[0], 10)])
    assert np.abs(inside.mean(axis=0) - around.mean(axis=0)).max() < 0.15


def texture_of(found: np.ndarray, region: np.ndarray) -> float:
    """Root mean square difference of neighbours within a region, in display values."""
    shown = srgb_encode(found.clip(0, 1))
    step = (shown[:, 1:] - shown[:, :-1])[region[:, 1:] & region[:, :-1]]
    return float(np.sqrt(np.mean(step**2)))


def test_what_nobody_saw_gets_the_texture_around_it(fill, plates, clean, alphas):
    smooth, textured = fill(0, used=[0]), fill(0, used=[0], fill=open_fills(SETTINGS).frame)
    hole = alphas[0] > 0
    truth = texture_of(clean[0], hole)
    assert (
        texture_of(smooth.colour, hole)
        < 0.5 * truth
        < truth
        < texture_of(textured.colour, hole)
        < 2.5 * truth
    )
    assert np.all(textured.seen[hole] == 0.0) and textured.unfilled == 0 < smooth.unfilled
    outside = far_from(alphas[0])
    np.testing.assert_array_equal(textured.colour[outside], plates[0][outside])


def test_every_frame_shows_what_the_key_frame_invented(ball, fill, plates, clean, alphas):
    """Nobody saw what the ball hides from two neighbours; both show what one of them has there."""
    texture = open_fills(SETTINGS).frame
    first = fill(0, used=[0], fill=texture)
    key = KeyFrame(ball.cameras[0], srgb_encode(first.colour).astype(np.float16), first.disparity)
    again, other = (fill(n, used=[n], keys=[key], fill=texture) for n in (0, 1))
    hole = alphas[0] > 0
    assert quality(again.colour, first.colour, hole) > 30.0
    # What frame 1 has at a place, against what frame 0 has of the same place of the wall
    pixels = ball.pixel_grid(ball.cameras[1], WIDTH, HEIGHT)
    at, _ = ball.cameras[0].project(ball.wall(ball.cameras[1], pixels))
    inside = ((at > 1) & (at < (WIDTH - 1, HEIGHT - 1))).all(axis=1)
    safe = np.where(inside[:, None], at, 0).astype(int)
    both = ((alphas[1] > 0).ravel() & inside & hole[safe[:, 1], safe[:, 0]]).reshape(HEIGHT, WIDTH)
    assert both.sum() > 50 and np.all(other.seen[both] == 0.0)
    expected = first.colour[safe[:, 1], safe[:, 0]].reshape(HEIGHT, WIDTH, 3)
    carried, alone = (
        quality(done.colour, expected, both) for done in (other, fill(1, used=[1], fill=texture))
    )
    assert carried > 18.0 and carried > alone + 1.0


def test_seen_is_set_where_a_source_sees_and_only_there(ball, fill, alphas):
    """One source: the places that it sees are computed here, from the truth."""
    frame, source = 0, 2
    done = fill(frame, used=[frame, source])
    camera, other = ball.cameras[frame], ball.cameras[source]
    pixels, depth = other.project(ball.wall(camera, ball.pixel_grid(camera, WIDTH, HEIGHT)))
    inside = (depth > 0) & np.all((pixels > 2) & (pixels < (WIDTH - 2, HEIGHT - 2)), axis=1)
    safe = np.where(inside[:, None], pixels, 0).astype(int)
    free = (inside & far_from(alphas[source], 1)[safe[:, 1], safe[:, 0]]).reshape(HEIGHT, WIDTH)
    hidden = (~np.all((pixels > -2) & (pixels < (WIDTH + 2, HEIGHT + 2)), axis=1)).reshape(HEIGHT, WIDTH)
    hole = alphas[frame] > 0
    assert (hole & free).any()
    assert np.mean(done.seen[hole & free] == 1.0) > 0.97
    assert np.all(done.seen[hole & hidden] == 0.0)
    assert set(np.unique(done.seen)) <= {0.0, 1.0}


def test_no_object_no_change(fill, plates):
    done = fill(3, alpha=np.zeros((HEIGHT, WIDTH), np.float32))
    np.testing.assert_array_equal(done.colour, plates[3])
    assert np.all(done.seen == 1.0)


def test_a_camera_that_filmed_nothing_gets_a_whole_picture(fill, clean):
    done = fill(0, used=range(1, 12), own=False)
    everywhere = done.seen == 1.0
    assert everywhere.mean() > 0.5
    assert quality(done.colour, clean[0], everywhere) > 24.0


def test_a_distorted_lens(ball, background, clean):
    """The frame's own lens bends straight lines; its hole still shows the right part of the room."""
    lens = Lens("SIMPLE_RADIAL", WIDTH, HEIGHT, (110.0, 48.0, 36.0, -0.15))
    camera = replace(ball.cameras[0], lens=lens)
    truth = srgb_decode(texture(ball.wall(camera, ball.pixel_grid(camera, WIDTH, HEIGHT))))
    truth = truth.reshape(HEIGHT, WIDTH, 3).astype(np.float32)
    alpha = ball.cover(camera, WIDTH, HEIGHT).astype(np.float32)
    own = truth * (1 - alpha[..., None]) + BALL_COLOUR * alpha[..., None]
    cameras = [camera, *ball.cameras[1:]]
    sources = Sources(lambda i: clean[i], cameras, np.zeros((12, 36, 48), np.uint8), PLATE)
    caster = RayCaster(cameras, ball.box, np.zeros((0, 3)), RenderSettings(), torch.device("cpu"))
    done = clean_plate(
        background, camera, lambda pixels: caster.cast(np.zeros(len(pixels), np.int64), pixels), sources,
        SETTINGS, own_frame(ball, camera, 0, own, alpha), (), None,
    )  # fmt: skip
    assert quality(done.colour, truth, alpha > 0) > 30.0
