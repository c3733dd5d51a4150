"""Corrections followed to the frames around."""

import cv2
import numpy as np

from surface_sos_core.corrections.carry import carried
from surface_sos_core.settings import CorrectSettings, DenseFlowSettings

HEIGHT, WIDTH = 120, 200
SHIFT = 4  # pixels a frame


def texture():
    noise = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH + 60, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return (128 + 45 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)


def follow(frames, picture=None, settings=None):
    whole = texture()
    added, removed = np.zeros((2, HEIGHT, WIDTH), bool)
    added[40:70, 80:110] = True
    removed[80:95, 60:85] = True
    shown = picture or (lambda i: np.ascontiguousarray(whole[:, SHIFT * i : SHIFT * i + WIDTH]))
    settings = settings or CorrectSettings()
    return dict(carried(shown, frames, added, removed, settings, DenseFlowSettings())), added, removed


def test_a_correction_moves_with_what_it_is_on():
    found, added, removed = follow([0, 1, 2, 3])
    assert list(found) == [1, 2, 3]
    for frame, said in found.items():
        for drawn, first in ((said.object, added), (said.background, removed)):
            moved = np.roll(first, -SHIFT * frame, axis=1)
            assert drawn.sum() > 0.6 * moved.sum()
            assert not (drawn & ~cv2.dilate(moved.astype(np.uint8), np.ones((3, 3))).astype(bool)).any()


def test_it_goes_back_in_time_as_well():
    found, added, _ = follow([3, 2])
    columns = np.nonzero(found[2].object)[1]
    assert abs(columns.mean() - (np.nonzero(added)[1].mean() + SHIFT)) < 1.0


def test_it_ends_where_it_is_found_no_more():
    whole, other = texture(), 255 - texture()[::-1]

    def cut(i):
        return np.ascontiguousarray((whole if i < 2 else other)[:, SHIFT * i : SHIFT * i + WIDTH])

    found, _, _ = follow([0, 1, 2, 3], cut, CorrectSettings(least_carried=0.6))
    assert list(found) == [1]
