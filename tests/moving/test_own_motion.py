"""What moves by itself is told by how it moves, also where it looks like what is behind it."""

from dataclasses import replace

import cv2
import numpy as np

from surface_sos_core.moving.own_motion import motion_odds
from surface_sos_core.moving.registration import register
from surface_sos_core.settings import OwnMotionSettings, RegisterSettings

WIDTH, HEIGHT, COUNT = 240, 160, 9
SETTINGS = OwnMotionSettings()


def cloth(seed: int) -> np.ndarray:
    soft = cv2.GaussianBlur(np.random.default_rng(seed).random((400, 400)).astype(np.float32), (0, 0), 2)
    return np.rint(255 * np.clip((soft - soft.mean()) / soft.std() * 0.2 + 0.5, 0, 1)).astype(np.uint8)


def film(step: int, pan: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures (h, w) uint8 of a wall that a camera pans over by `pan` pixels a frame, a square of the same cloth going before it by
    `step`, and where it is, (h, w) bool."""
    wall, coat, pictures, masks = cloth(1), cloth(2), [], []
    for i in range(COUNT):
        picture, mask = (
            wall[60 : 60 + HEIGHT, 40 + pan * i :][:, :WIDTH].copy(),
            np.zeros((HEIGHT, WIDTH), bool),
        )
        left = 90 + (step - pan) * i
        mask[50:110, left : left + 60] = True
        picture[mask] = coat[:60, :60].ravel()
        pictures.append(picture)
        masks.append(mask)
    return pictures, masks


def odds(pictures: list[np.ndarray], frame: int, settings: OwnMotionSettings = SETTINGS) -> np.ndarray:
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    registration = register(pictures.__getitem__, lambda i: nothing, len(pictures), RegisterSettings())
    return motion_odds(pictures.__getitem__, registration, len(pictures), frame, settings)


def test_a_square_of_the_walls_cloth_is_told_by_its_motion() -> None:
    for step, pan in ((3, 0), (3, 3), (0, 3)):
        pictures, masks = film(step, pan)
        for frame in (0, 4, COUNT - 1):
            found, there = odds(pictures, frame) > 0, masks[frame]
            if step == 0:
                assert found.mean() < 0.005
            else:
                assert (found & there).sum() / (found | there).sum() > 0.8, (step, pan, frame)


def test_slow_motion_is_seen_over_a_longer_time() -> None:
    pictures, masks = film(1, 0)
    near = odds(pictures, 0, replace(SETTINGS, middle=1, far=1))
    assert not (near > 0).any()
    far = odds(pictures, 0, replace(SETTINGS, near=8, middle=8, far=8))
    assert (far[masks[0]] > 0).mean() > 0.7


def test_one_frame_alone_tells_nothing() -> None:
    pictures, _ = film(3, 0)
    assert (odds(pictures[:1], 0) == 0).all()
