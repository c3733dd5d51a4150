"""FoCoR's surface, out of the box and into the world."""

import numpy as np
import pytest

from surface_sos_core.mesh.surface import object_surface
from surface_sos_core.settings import MeshSettings


def test_the_ball_comes_out_in_world_units_though_its_box_is_turned(ball, ball_fields):
    mesh, colours = object_surface(ball_fields.scene, ball.box, MeshSettings(resolution=48))
    away = np.linalg.norm(mesh.vertices - ball.box.centre, axis=1)
    np.testing.assert_allclose(away, ball.radius, atol=0.02 * ball.radius)
    middle = mesh.vertices.mean(axis=0) - ball.box.centre
    assert np.linalg.norm(middle) < 0.02 * ball.radius
    assert colours.shape == mesh.vertices.shape and colours.dtype == np.uint8


def test_faces_look_outwards(ball, ball_fields):
    mesh, _ = object_surface(ball_fields.scene, ball.box, MeshSettings(resolution=32))
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    outwards = (np.cross(b - a, c - a) * (a - ball.box.centre)).sum(axis=1)
    assert np.mean(outwards > 0) > 0.99
    a, b, c = a - ball.box.centre, b - ball.box.centre, c - ball.box.centre
    volume = (a * np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * ball.radius**3, rel=0.05)
