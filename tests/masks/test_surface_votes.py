"""Votes of three frames about a wall, counted by hand."""

import numpy as np

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.masks.surface_votes import Voter, surface_votes
from surface_sos_core.settings import VoteSettings
from surface_sos_core.stereo.known_depth import KnownDepth

LENS = Lens("PINHOLE", 8, 8, (8.0, 8.0, 4.0, 4.0))
STEP = 0.01


def camera(x: float) -> Camera:
    return Camera("plate.png", LENS, np.eye(3), np.array([-x, 0.0, 0.0]))


def wall(disparity: float = 0.5) -> KnownDepth:
    return KnownDepth(np.full((8, 8), disparity, np.float32), STEP)


def test_votes_of_those_who_see_the_same_place():
    half = np.zeros((8, 8))
    half[:, :4] = 1.0
    depth = wall()
    depth.disparity[0] = 0.0  # unknown
    voters = [
        Voter(camera(0.0), wall(), half),
        Voter(camera(0.25), wall(), half),  # a pixel further: disparity 0.5 times focal length 8 times 0.25
        Voter(camera(0.0), wall(0.6), half),  # something else is in front
    ]
    odds, heard = surface_votes(camera(0.0), depth, voters, VoteSettings())
    assert not odds[0].any() and not heard[0].any()
    assert (
        heard[1:, 0].tolist() == [1] * 7 and (heard[1:, 1:] == 2).all()
    )  # the first column is out of the second's sight
    expected = [
        np.log(1.25 / 0.25),
        *[np.log(2.25 / 0.25)] * 3,
        np.log(1.25 / 1.25),
        *[np.log(0.25 / 2.25)] * 3,
    ]
    np.testing.assert_allclose(odds[1:], np.tile(expected, (7, 1)), atol=1e-9)


def test_many_votes_are_not_for_ever():
    voters = [Voter(camera(0.0), wall(), np.ones((8, 8)))] * 40
    odds, heard = surface_votes(camera(0.0), wall(), voters, VoteSettings())
    assert (odds == 3.5).all() and (heard == 40).all()


def test_nobody_to_ask():
    odds, heard = surface_votes(camera(0.0), wall(), [], VoteSettings())
    assert not odds.any() and not heard.any()
