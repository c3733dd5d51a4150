"""Surface extraction: known shapes, shells, seams between slabs, evaluations spent."""

import numpy as np
import pytest
import trimesh

from surface_sos_core.mesh import Mesh, extract_surface, vertex_normals
from surface_sos_core.settings import MeshSettings

CUBE = np.ones(3)


def surface(sdf, resolution, extent, smallest=0.05, **more) -> Mesh:
    return extract_surface(sdf, extent, MeshSettings(resolution=resolution, smallest_shell=smallest), **more)


def ball(points, centre=(0, 0, 0), radius=0.5):
    return np.linalg.norm(points - np.asarray(centre, np.float32), axis=1) - radius


def torus(points, large=0.6, small=0.2):
    around = np.hypot(points[:, 0], points[:, 1]) - large
    return np.hypot(around, points[:, 2]) - small


def as_trimesh(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


@pytest.mark.parametrize("resolution", [40, 63, 128])
def test_sphere(resolution):
    mesh = surface(ball, resolution, CUBE)
    solid = as_trimesh(mesh)
    assert np.abs(ball(mesh.vertices)).max() < 0.3 * 2 / resolution
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.volume == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.02)  # positive: faces look outward
    assert solid.euler_number == 2
    assert solid.area_faces.min() > 0


def test_torus_has_one_hole():
    mesh = surface(torus, 96, np.array([1.0, 1.0, 0.3]))
    solid = as_trimesh(mesh)
    assert np.abs(torus(mesh.vertices)).max() < 0.01
    assert solid.euler_number == 0 and solid.is_watertight
    assert solid.volume == pytest.approx(2 * np.pi**2 * 0.6 * 0.2**2, rel=0.02)


def test_normals_follow_the_gradient():
    mesh = surface(ball, 64, CUBE)
    out = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    assert np.einsum("vi,vi->v", vertex_normals(mesh), out).min() > 0.97


def test_coordinates_of_a_flat_box():
    extent = np.array([0.5, 1.0, 0.25])
    mesh = surface(lambda p: ball(p, (0.2, -0.6, 0.05), 0.15), 120, extent)
    np.testing.assert_allclose(mesh.vertices.min(0), (0.05, -0.75, -0.1), atol=0.01)
    np.testing.assert_allclose(mesh.vertices.max(0), (0.35, -0.45, 0.2), atol=0.01)


def test_two_parts_are_kept_and_specks_dropped():
    centres = [((-0.5, 0, 0), 0.35), ((0.5, 0.1, 0), 0.2)]
    specks = [((0, 0.8, 0.8), 0.04), ((0.2, -0.8, 0.7), 0.05), ((0.9, 0.9, -0.9), 0.03)]

    def field(points):
        return np.min([ball(points, *part) for part in centres + specks], axis=0)

    solid = as_trimesh(surface(field, 96, CUBE))
    parts = solid.split(only_watertight=False)
    assert len(parts) == 2 and solid.is_watertight
    assert len(as_trimesh(surface(field, 96, CUBE, smallest=0.0)).split()) == 5
    np.testing.assert_allclose(sorted(np.ptp(p.vertices[:, 0]) for p in parts), (0.4, 0.7), atol=0.02)


def test_cavities_are_dropped():
    solid = as_trimesh(surface(lambda p: np.abs(ball(p, radius=0.5)) - 0.15, 64, CUBE))
    assert len(solid.split(only_watertight=False)) == 1
    assert solid.volume == pytest.approx(4 / 3 * np.pi * 0.65**3, rel=0.03)


def test_a_thin_part_between_coarse_nodes_is_found():
    # A rod thinner than a coarse cell: no coarse node changes sign within it.
    def rod(points):
        return np.hypot(points[:, 0] - 0.06, points[:, 1] - 0.06) - 0.03

    mesh = surface(lambda p: np.maximum(rod(p), np.abs(p[:, 2]) - 0.8), 64, CUBE)
    np.testing.assert_allclose(np.ptp(mesh.vertices[:, 2]), 1.6, atol=0.05)


def test_inside_limits_the_object():
    mesh = surface(ball, 64, CUBE, inside=lambda p: p[:, 2] < 0.1)
    assert mesh.vertices[:, 2].max() < 0.1 + 2 / 64
    assert as_trimesh(mesh).is_watertight


def test_no_surface_gives_an_empty_mesh():
    for field in (lambda p: np.ones(len(p)), lambda p: -np.ones(len(p))):
        mesh = surface(field, 32, CUBE)
        assert mesh.vertices.shape == (0, 3) and mesh.faces.shape == (0, 3) and len(mesh) == 0
    assert vertex_normals(mesh).shape == (0, 3)


def test_exact_zeros_at_nodes_leave_no_degenerate_faces():
    # Octahedron whose faces run through grid nodes.
    mesh = surface(lambda p: np.abs(p).sum(1) - 0.5, 32, CUBE)
    assert as_trimesh(mesh).area_faces.min() > 0
    assert as_trimesh(mesh).is_watertight


def test_evaluations_are_few_small_and_in_chunks():
    calls = []

    def counted(points):
        calls.append(len(points))
        assert points.dtype == np.float32 and points.shape[1:] == (3,)
        return ball(points)

    surface(counted, 128, CUBE, chunk=5000)
    assert max(calls) <= 5000
    assert sum(calls) < 0.25 * 129**3


def test_values_that_differ_between_calls_do_not_tear_the_mesh():
    random = np.random.default_rng(0)
    solid = as_trimesh(surface(lambda p: ball(p) + random.uniform(-1e-4, 1e-4, len(p)), 48, CUBE))
    assert solid.is_watertight
