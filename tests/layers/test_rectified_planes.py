"""A floor of two textures, seen by cameras around it, a part of which an object hides from all of them."""

import numpy as np
import pytest

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.fill import open_fills
from surface_sos_core.layers.key_frames import KeyFrame, carried
from surface_sos_core.layers.rectified_planes import rectified_planes, square_view
from surface_sos_core.layers.sources import Sources
from surface_sos_core.settings import Settings

WIDTH, HEIGHT = 120, 90
FLOOR = np.array([[0.0, 0.0, 1.0, 0.0]])
SETTINGS = Settings()
HIDDEN, RUG, BLOCK = 0.35, 1.2, np.array([0.9, 0.0, 0.4])


def looking_at_the_middle(place: np.ndarray) -> Camera:
    forward = -place / np.linalg.norm(place)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    lens = Lens("PINHOLE", WIDTH, HEIGHT, (130.0, 130.0, WIDTH / 2, HEIGHT / 2))
    return Camera("a", lens, rotation, -rotation @ place)


CAMERAS = [
    looking_at_the_middle(np.array([3 * np.cos(a), 3 * np.sin(a), 2.0 + 0.3 * np.sin(3 * a)]))
    for a in np.linspace(-0.9, 0.9, 8)
]


def pattern(places: np.ndarray) -> np.ndarray:
    """Display colours (N, 3) of the floor: a red rug of radius RUG on blue."""
    waves = 0.12 * np.sin(places[:, :1] * 9.0 + 1.0) * np.sin(places[:, 1:2] * 8.0)
    on_rug = (np.linalg.norm(places[:, :2], axis=1) < RUG)[:, None]
    return np.where(on_rug, [0.7, 0.3, 0.25], [0.25, 0.35, 0.7]) + waves


def on_floor(camera: Camera) -> np.ndarray:
    """(HEIGHT * WIDTH, 3) where its pixels meet the floor."""
    directions = camera.picture_rays(WIDTH, HEIGHT).reshape(-1, 3)
    return camera.centre - (camera.centre[2] / directions[:, 2])[:, None] * directions


def picture(camera: Camera) -> np.ndarray:
    """The floor, green where a block hangs over it."""
    floor = on_floor(camera)
    shown = pattern(floor)
    towards = floor - camera.centre
    at_height = camera.centre + ((BLOCK[2] - camera.centre[2]) / towards[:, 2])[:, None] * towards
    shown[np.abs(at_height - BLOCK).max(axis=1) < 0.15] = (0.1, 0.9, 0.1)
    return srgb_decode(shown.reshape(HEIGHT, WIDTH, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def sources() -> Sources:
    hidden = [np.linalg.norm(on_floor(camera)[:, :2], axis=1).reshape(HEIGHT, WIDTH) < HIDDEN for camera in CAMERAS]
    return Sources(lambda i: picture(CAMERAS[i]), CAMERAS, np.stack(hidden).astype(np.uint8), SETTINGS.plate)


@pytest.fixture(scope="module")
def unseen() -> np.ndarray:
    """Places that nobody saw, roughly on the floor, and a few far above it."""
    random = np.random.default_rng(0)
    places = random.uniform(-HIDDEN, HIDDEN, (300, 3)) * (0.7, 0.7, 0.02)
    places[:10, 2] = 1.5
    return places


@pytest.fixture(scope="module")
def made(sources, unseen) -> KeyFrame:
    fill = open_fills(SETTINGS).square
    assert fill is not None
    (picture_,) = rectified_planes(FLOOR, unseen, sources, fill, SETTINGS)
    return picture_


def places_of(made: KeyFrame) -> np.ndarray:
    """(H, W, 3) what its pixels show of the floor."""
    camera = made.camera
    return camera.centre + camera.centre[2] * camera.picture_rays(camera.lens.width, camera.lens.height)


def test_the_floor_is_seen_square_on(made):
    places = places_of(made)
    assert np.abs(places[..., 2]).max() < 1e-9
    steps = np.linalg.norm(np.diff(places, axis=1), axis=-1)
    assert steps.std() < 1e-9 and np.linalg.norm(np.diff(places, axis=0), axis=-1).mean() == pytest.approx(steps.mean())


def test_what_frames_show_of_it_is_what_it_is(made):
    places = places_of(made)
    away = np.linalg.norm(places[..., :2], axis=-1)
    told = (made.disparity > 0) & (away > HIDDEN + 0.1) & (np.abs(away - RUG) > 0.1)
    truth = pattern(places.reshape(-1, 3)).reshape(places.shape)
    assert told.mean() > 0.3
    assert np.sqrt(np.mean((made.colour.astype(float) - truth)[told] ** 2)) < 0.03


def test_what_stands_on_it_is_no_texture_of_it(made):
    green = made.colour[..., 1].astype(float) - made.colour[..., 0] > 0.3
    assert not (green & (made.disparity > 0)).any()


def test_the_rug_goes_on_where_nobody_saw_it(made):
    hidden = np.linalg.norm(places_of(made)[..., :2], axis=-1) < HIDDEN - 0.05
    assert (made.disparity > 0)[hidden].all()
    red = made.colour[hidden].astype(float)
    assert np.mean(red[:, 0] > red[:, 2]) > 0.95
    assert red[:, 0].std() > 0.02  # no fog


def test_all_cameras_show_the_same_of_it_and_nothing_of_it_above_the_floor(made):
    def shown(camera: Camera, height: float) -> tuple[np.ndarray, np.ndarray]:
        places = np.stack([*np.random.default_rng(1).uniform(-0.2, 0.2, (2, 50)), np.full(50, height)], axis=1)
        directions = (places - camera.centre) / ((places - camera.centre) @ camera.axis)[:, None]
        found = carried([made], camera, directions, (places - camera.centre) @ camera.axis, SETTINGS.fill)
        return found.colour, found.key

    (first, told), (second, _) = shown(CAMERAS[0], 0.0), shown(CAMERAS[-1], 0.0)
    assert (told == 0).all() and np.abs(first - second).max() < 0.02
    assert (shown(CAMERAS[0], 0.2)[1] < 0).all()


def test_a_plane_that_nobody_missed_is_not_pictured(sources, unseen):
    fill = open_fills(SETTINGS).square
    assert fill is not None
    wall = np.array([[1.0, 0.0, 0.0, 3.0]])
    assert rectified_planes(wall, unseen, sources, fill, SETTINGS) == []
    assert rectified_planes(FLOOR, unseen[:0], sources, fill, SETTINGS) == []
    assert rectified_planes(FLOOR[:0], unseen, sources, fill, SETTINGS) == []


def test_a_plane_that_faces_away_is_seen_from_the_cameras_side():
    places = np.random.default_rng(0).uniform(-1, 1, (50, 3)) * (1, 1, 0)
    for plane in (FLOOR[0], -FLOOR[0]):
        view = square_view(plane, places, CAMERAS, 3.0, SETTINGS)
        assert view.centre[2] == pytest.approx(3.0) and np.linalg.det(view.rotation) == pytest.approx(1.0)
        assert view.sees(places).all()
