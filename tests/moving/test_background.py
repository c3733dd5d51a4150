"""Other times of a place: those that show it in shadow are left out where others show it in light."""

import numpy as np

from surface_sos_core.moving.background import Views
from surface_sos_core.settings import ShadowColourSettings

SHAPE = 40, 60
COLOURS = ShadowColourSettings()


def views(*colours: np.ndarray) -> Views:
    whole = slice(0, SHAPE[0]), slice(0, SHAPE[1])
    seen = np.ones((len(colours), *SHAPE), bool)
    return Views(np.stack(colours).astype(np.float32), seen, tuple(range(len(colours))), whole)


def ground() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.5, 0.7, (*SHAPE, 1)) * np.array([1.0, 0.9, 0.8])


def test_what_lies_in_shadow_at_most_times_is_shown_as_at_the_others() -> None:
    light, dark = ground(), ground()
    dark[:, 20:40] *= 0.5
    found = views(light, dark, dark, dark, light).in_light(1.0, COLOURS)
    inner = np.s_[:, 4:-4, 24:36]
    assert not found.seen[1:4][inner].any() and found.seen[[0, 4]].all() and found.seen[:, :, :15].all()
    np.testing.assert_allclose(found.middle()[0][:, 24:36], light[:, 24:36], atol=1e-6)


def test_what_is_always_dark_and_what_has_another_tint_stay() -> None:
    light, blue = ground(), ground()
    assert views(light * 0.5, light * 0.5, light * 0.5).in_light(1.0, COLOURS).seen.all()
    blue[:, 20:40] *= np.array([0.2, 0.4, 0.9])
    assert views(light, blue, blue, light).in_light(1.0, COLOURS).seen.all()
    assert views(light).in_light(1.0, COLOURS).seen.all()


def test_what_was_not_seen_stays_unseen() -> None:
    found = views(ground(), ground(), ground())
    found.seen[1, :, :30] = False
    assert (found.in_light(1.0, COLOURS).seen == found.seen).all()
