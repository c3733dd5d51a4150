"""A thing before a board before a wall, filmed by a camera that slides: it stands, or it moves."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from surface_sos_core.footage import open_footage
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.box import BoxSource
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.moving.registration import grown
from surface_sos_core.moving.shot_kind import ShotKind, doubt_that_it_stands, shot_kind
from surface_sos_core.moving.subject_motion import share_that_moves
from surface_sos_core.settings import RegisterSettings, Settings, SubjectMotionSettings

WIDTH, HEIGHT, COUNT, FOCAL = 320, 180, 10, 300.0
DEPTHS = {"wall": 4.0, "board": 3.0, "thing": 2.5}
SETTINGS = SubjectMotionSettings()


def texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((700, 700, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.rint(255 * np.clip((soft - soft.mean()) / soft.std() * 0.2 + 0.5, 0, 1)).astype(np.uint8)


TEXTURES = {name: texture(n) for n, name in enumerate(DEPTHS)}


def places(i: int, depth: float, moved: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays of frame i meet a plane that far away, that was moved by so much; the camera slides along x and y."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    x, y = (x - WIDTH / 2) * depth / FOCAL, (y - HEIGHT / 2) * depth / FOCAL
    return x + 0.05 * (i - 4.5) - moved[0], y + 0.01 * (i - 4.5) - moved[1]


def film(step: tuple[float, float]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures (h, w, 3) uint8 and masks (h, w) bool, the thing going by `step` from frame to frame."""
    pictures, masks = [], []
    for i in range(COUNT):
        picture, mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), bool)
        for name, depth in DEPTHS.items():
            moved = (step[0] * i, step[1] * i) if name == "thing" else (0.0, 0.0)
            x, y = places(i, depth, moved)
            shown = cv2.remap(
                TEXTURES[name],
                (100 * x + 350).astype(np.float32),
                (100 * y + 350).astype(np.float32),
                cv2.INTER_LINEAR,
            )
            where = {
                "wall": np.ones(x.shape, bool),
                "board": y > 0.35,
                "thing": np.maximum(abs(x), abs(y)) < 0.35,
            }[name]
            picture = np.where(where[..., None], shown, picture)
            mask = where
        pictures.append(picture)
        masks.append(mask)
    return pictures, masks


def share(step: tuple[float, float], known: list[int] | None = None, **changes: float) -> float | None:
    pictures, masks = film(step)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    return share_that_moves(
        grey.__getitem__, lambda i: grown(masks[i], 0.02), masks.__getitem__, known or list(range(COUNT)),
        replace(SETTINGS, **changes), RegisterSettings(),
    )  # fmt: skip


def test_a_thing_that_stands_is_where_it_can_be():
    found = share((0.0, 0.0))
    assert found is not None and found < 0.1


def test_a_thing_that_goes_up_is_not():
    found = share((0.0, -0.04))
    assert found is not None and found > 0.9


def test_too_little_tells_nothing():
    assert share((0.0, -0.04), known=[0, 1]) is None
    assert share((0.0, -0.04), least_subject=1000) is None
    assert share((0.0, -0.04), fits=1e-5) is None


@pytest.mark.parametrize(("step", "moving"), [((0.0, 0.0), False), ((0.0, -0.04), True)])
def test_the_shot_is_taken_for_what_its_points_say(step, moving):
    pictures, masks = film(step)
    given = CoarseMasks.unknown(COUNT, (WIDTH, HEIGHT))
    for i, mask in enumerate(masks):
        given.put(i, mask)
    found = shot_kind(Film(pictures), given, "auto", "auto", Settings(), lambda done, total: None)
    assert found.camera.kind == "free" and found.moving == moving
    assert ("of the subject's points move against the world" in found.told) == moving
    assert not shot_kind(Film(pictures), given, "still", "auto", Settings(), lambda done, total: None).moving
    told: list[str] = []
    doubt_that_it_stands(Film(pictures), given, Settings(), told.append)
    assert len(told) == moving and all("--subject moving" in sentence for sentence in told)
    doubt_that_it_stands(Film(pictures), CoarseMasks.unknown(COUNT, (WIDTH, HEIGHT)), Settings(), told.append)
    assert len(told) == moving


@pytest.mark.parametrize(("step", "moving"), [((0.0, 0.0), False), ((0.0, -0.04), True)])
def test_a_box_on_one_frame_is_enough_to_tell(step, moving, tmp_path):
    pictures, masks = film(step)
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"slide.{1001 + i}.png"), picture[..., ::-1])
    footage, settings = open_footage(tmp_path), Settings()
    source = BoxSource(Drawn((WIDTH, HEIGHT), {4: masks[4]}))
    around = source.nearby(footage, settings)
    assert around.known.sum() > 7
    found = shot_kind(footage, around, "auto", "auto", settings, lambda done, total: None, drawn=True)
    assert found.camera.kind == "free" and found.moving == moving
    few = source.nearby(footage, settings.with_values({"subject_motion.drawn_reach": 2}))
    assert np.flatnonzero(few.known).tolist() == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(("step", "moving"), [((0.0, 0.0), False), ((0.0, -0.04), True)])
def test_a_box_has_background_in_it_as_well(step, moving):
    pictures, masks = film(step)
    roomy = CoarseMasks.unknown(COUNT, (WIDTH, HEIGHT))
    for i, mask in enumerate(masks):
        rows, columns = np.nonzero(mask)
        width, box = np.ptp(columns), np.zeros(mask.shape, bool)
        box[
            max(0, rows.min() - 4) : rows.max() + 5, max(0, columns.min() - width) : columns.max() + width
        ] = True
        roomy.put(i, box)

    def found(drawn: bool) -> ShotKind:
        return shot_kind(
            Film(pictures), roomy, "auto", "auto", Settings(), lambda done, total: None, drawn=drawn
        )

    assert found(drawn=True).moving == moving
    assert not found(drawn=False).moving
    assert ("of the points in the drawing move" in found(drawn=True).told) == moving


class Film:
    """As much of footage as is looked at."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self._pictures, self.frames = pictures, pictures
        self.width, self.height = WIDTH, HEIGHT

    def read_display(self, i: int) -> np.ndarray:
        return self._pictures[i]

    def read_small(self, i: int, size: tuple[int, int]) -> np.ndarray:
        return cv2.resize(self.read_display(i), size, interpolation=cv2.INTER_AREA)
