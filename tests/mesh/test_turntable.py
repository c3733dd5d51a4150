"""The rasteriser: what is where, what hides what, which way is up."""

import time

import numpy as np
import pytest

from surface_sos_core.mesh import Mesh, extract_surface
from surface_sos_core.mesh.turntable import BACKGROUND, render_turntable
from surface_sos_core.settings import MeshSettings

UP = np.array([0.0, 0.0, 1.0])
FRONT = np.array([0.0, -1.0, 0.0])


def sphere(resolution: int = 40) -> Mesh:
    return extract_surface(
        lambda p: np.linalg.norm(p, axis=1) - 0.5, np.ones(3), MeshSettings(resolution=resolution)
    )


def test_a_sphere_is_a_disc_on_the_background():
    mesh = sphere()
    stills = render_turntable(mesh, None, UP, (160, 120))
    assert stills.shape == (1, 120, 160, 3) and stills.dtype == np.uint8
    covered = np.any(stills[0] != BACKGROUND, axis=-1)
    assert covered.sum() == pytest.approx(np.pi * (0.47 * 120) ** 2, rel=0.03)
    rows, columns = np.nonzero(covered)
    np.testing.assert_allclose((rows.mean(), columns.mean()), (59.5, 79.5), atol=0.5)
    assert (
        stills[0, 60, 80].mean() > stills[0, 60, 80 + 50].mean() > BACKGROUND[0]
    )  # the light is at the viewer


def test_up_right_and_turns():
    mesh = sphere()
    colours = np.zeros((len(mesh.vertices), 3), np.uint8)
    colours[mesh.vertices[:, 0] > 0.3] = (0, 255, 0)  # right, seen along +y with z up
    colours[mesh.vertices[:, 1] < -0.3] = (0, 0, 255)  # towards the viewer
    colours[mesh.vertices[:, 2] > 0.2] = (255, 0, 0)  # top
    stills = render_turntable(mesh, colours, UP, (120, 120), views=4, towards=FRONT)

    def strongest(still, row, column):
        return int(np.argmax(still[row, column]))

    assert strongest(stills[0], 60, 60) == 2
    assert strongest(stills[0], 12, 60) == 0
    assert strongest(stills[0], 68, 105) == 1
    assert strongest(stills[1], 60, 60) == 1  # a quarter turn brings the right side to the front
    assert render_turntable(mesh, colours, -UP, (120, 120), towards=FRONT)[0, 108, 60].argmax() == 0


def test_the_nearer_triangle_hides_the_farther():
    square = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], float)
    quad = np.array([[0, 1, 2], [0, 2, 3]])
    for nearer_first in (False, True):
        near, far = square * 0.4 + (0, -1, 0), square + (0, 1, 0)
        blocks, paints = [(far, (255, 0, 0)), (near, (0, 255, 0))], []
        if nearer_first:
            blocks.reverse()
        for _, paint in blocks:
            paints += [paint] * 4
        mesh = Mesh(np.concatenate([b for b, _ in blocks]), np.concatenate([quad, quad + 4]))
        still = render_turntable(mesh, np.array(paints, np.uint8), UP, (100, 100), towards=FRONT)[0]
        row, column = 50 + int(0.47 * 100 / np.sqrt(3) * np.sin(np.radians(20))), 50
        assert still[row, column].argmax() == 1
        assert np.any((still[..., 0] > 100) & (still[..., 1] < 50))


def test_an_empty_mesh_is_background():
    empty = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    stills = render_turntable(empty, None, UP, (20, 10), views=2)
    assert np.all(stills == BACKGROUND) and stills.shape == (2, 10, 20, 3)


@pytest.mark.parametrize("towards", [None, UP])
def test_any_direction_works(towards):
    assert np.any(render_turntable(sphere(), None, UP, (40, 40), towards=towards) != BACKGROUND)


def test_a_hundred_thousand_faces_take_no_second():
    mesh = sphere(230)
    assert len(mesh) > 100_000
    render_turntable(sphere(), None, UP, (480, 360))  # compiled, or read from the cache
    start = time.perf_counter()
    render_turntable(mesh, None, UP, (480, 360))
    assert time.perf_counter() - start < 5  # 0.2 s on its own; other work may share the machine
