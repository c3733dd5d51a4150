"""Alpha by the clean plate, where the ground beside the subject is darkened by its shadow."""

import numpy as np

from surface_sos_core.moving.matte import solve_alpha
from surface_sos_core.moving.outline import may_be_shadow
from surface_sos_core.moving.plate import Plate
from surface_sos_core.settings import preset

SETTINGS = preset("preview")


def wheel_on_the_road():
    """A dark wheel, the darkest shadow below it, and a road that other times show in full light: picture, mask, plate, both."""
    random = np.random.default_rng(3)
    road = 0.5 + 0.03 * random.standard_normal((120, 160, 1)) * np.ones(3)
    picture, mask = road.copy(), np.zeros((120, 160), np.float32)
    mask[30:70, 50:110] = 1.0
    shadow = np.zeros(mask.shape, bool)
    shadow[70:80, 50:110] = True
    picture[mask > 0] = 0.12 + 0.01 * random.standard_normal((int(mask.sum()), 3))
    picture[shadow] *= 0.3
    return picture.astype(np.float32), mask, Plate(road.astype(np.float32), np.ones(mask.shape, bool)), shadow


def test_a_shadow_at_the_contact_is_no_part_of_the_subject():
    picture, mask, plate, shadow = wheel_on_the_road()
    plain = ~may_be_shadow(picture, plate.colour, SETTINGS.shadow_colour)
    assert (~plain)[shadow].mean() > 0.95
    heard = solve_alpha(picture, mask, plate, np.ones(mask.shape, bool), SETTINGS)
    told = solve_alpha(picture, mask, plate, plain, SETTINGS)
    contact = shadow.copy()
    contact[73:] = False
    assert told[contact].mean() < 0.6 * heard[contact].mean()
    assert told[40:60, 60:100].min() == 1.0 and told[90:].max() == 0.0


def test_a_picture_that_swings_below_black_is_compared_without_a_warning():
    dark = np.full((4, 4, 3), -0.1, np.float32)
    with np.errstate(all="raise"):
        assert not may_be_shadow(dark, dark, SETTINGS.shadow_colour).any()
