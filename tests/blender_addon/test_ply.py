"""The reader of meshes against the core's writer."""

import struct

import numpy as np
import pytest

from blender_addon.files import ply
from surface_sos_core.mesh.export import write_ply
from surface_sos_core.mesh.extract import EMPTY, Mesh


@pytest.fixture
def mesh() -> tuple[Mesh, np.ndarray]:
    random = np.random.default_rng(3)
    faces = np.array([random.choice(50, 3, replace=False) for _ in range(80)])
    return Mesh(random.uniform(-2, 2, (50, 3)), faces), random.integers(0, 256, (50, 3), dtype=np.uint8)


def test_reads_what_the_core_writes(tmp_path, mesh):
    shape, colours = mesh
    write_ply(tmp_path / "a.ply", shape, colours)
    read = ply.read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(np.array(read.xyz).reshape(-1, 3), shape.vertices.astype(np.float32))
    np.testing.assert_array_equal(np.array(read.corners).reshape(-1, 3), shape.faces)
    assert bytes(read.rgb) == colours.tobytes()


def test_an_empty_mesh(tmp_path):
    write_ply(tmp_path / "a.ply", EMPTY, np.zeros((0, 3), np.uint8))
    read = ply.read_ply(tmp_path / "a.ply")
    assert len(read.xyz) == len(read.corners) == len(read.rgb) == 0


def test_a_cut_file_is_refused(tmp_path, mesh):
    write_ply(tmp_path / "a.ply", *mesh)
    whole = (tmp_path / "a.ply").read_bytes()
    for size in (0, 40, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.ply").write_bytes(whole[:size])
        with pytest.raises(ply.MeshError, match=r"a\.ply"):
            ply.read_ply(tmp_path / "a.ply")


def test_a_corner_that_is_no_vertex_is_refused(tmp_path, mesh):
    write_ply(tmp_path / "a.ply", *mesh)
    whole = (tmp_path / "a.ply").read_bytes()
    (tmp_path / "a.ply").write_bytes(whole[:-4] + struct.pack("<i", 50))
    with pytest.raises(ply.MeshError, match="no vertex"):
        ply.read_ply(tmp_path / "a.ply")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ply.MeshError, match=r"a\.ply cannot be read"):
        ply.read_ply(tmp_path / "a.ply")
