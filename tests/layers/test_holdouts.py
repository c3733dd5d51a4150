"""Where frames may show a ball whose outline is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from surface_sos_core.layers import holdouts
from surface_sos_core.layers.agreement import differences
from surface_sos_core.layers.holdouts import find_holdouts, hull_shell, silhouette
from surface_sos_core.layers.self_check import Witnesses
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks
from surface_sos_core.render.rays import RayCaster
from surface_sos_core.settings import RenderSettings, Settings

SHAPE = (36, 48)
SETTINGS = Settings().with_values({"plate.holdout_edge": 48, "plate.holdout_grow": 0, "check.uphold": False})


@pytest.fixture
def consensus(ball) -> Consensus:
    trust = np.full((12, 18, 24), 255, np.uint8)
    trust[3] = 0
    return Consensus(ball.box, ball.probability(48), trust, np.ones(12))


@pytest.fixture
def find(ball, consensus, monkeypatch):
    """Holdouts of all frames, where the fields' rays see nothing and masks (12, h, w) are given."""

    def run(masks: np.ndarray):
        def nothing(scene, proposals, rays, *_):
            differences(np.zeros((1, 1, 3), np.float32), np.ones((1, 1), bool))  # a compiled loop, as rendering has
            return SimpleNamespace(matte=torch.zeros(len(rays)))

        monkeypatch.setattr(holdouts, "render_surface", nothing)
        caster = RayCaster(ball.cameras, ball.box, np.zeros((0, 3)), RenderSettings(), torch.device("cpu"))
        scene = SimpleNamespace(extent=torch.ones(3))
        solid = SolidMasks(SHAPE, np.stack([np.packbits(mask > 127) for mask in masks]))
        witnesses = Witnesses(solid, consensus)
        return find_holdouts(scene, None, caster, ball.cameras, witnesses, SETTINGS, lambda *_: None)

    return run


def test_a_hull_covers_what_the_object_covers(ball, consensus):
    shell = hull_shell(consensus, 0.3)
    for camera in ball.cameras[:3]:
        seen = silhouette(camera, shell, SHAPE)
        cover = ball.cover(camera, SHAPE[1], SHAPE[0])
        assert seen[cover > 0.9].all()
        assert distance_transform_edt(cover == 0)[seen].max() < 3.0


def test_no_pixel_is_taken_where_only_the_hull_has_the_object(ball, find):
    found = find(np.zeros((12, *SHAPE), np.uint8))
    assert found.covered[5][ball.cover(ball.cameras[5], SHAPE[1], SHAPE[0]) > 0.9].all()
    assert not found.masked.any()


def test_masks_tell_where_the_hull_agrees_and_they_are_believed(ball, find):
    """The masks hold all of the frame; frame 3's is not believed."""
    found = find(np.full((12, *SHAPE), 255, np.uint8))
    cover = ball.cover(ball.cameras[5], SHAPE[1], SHAPE[0])
    assert found.masked[5][cover > 0.9].all() and found.masked[5].mean() < 2.0 * cover.mean()
    assert not found.masked[3].any() and found.covered[3].any()
