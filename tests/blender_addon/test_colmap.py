"""Models as pycolmap and the core write them, and what people have in their folders instead."""

import struct
from dataclasses import replace

import numpy as np
import pycolmap
import pytest

from blender_addon.files import colmap
from surface_sos_core.cameras import Camera, CameraModel, Lens, Points, write_model


@pytest.fixture
def model(aim) -> CameraModel:
    lenses = [
        Lens("OPENCV", 640, 480, (500.0, 510.0, 322.0, 239.0, -0.1, 0.02, 1e-3, -2e-3)),
        Lens("SIMPLE_RADIAL", 480, 640, (450.0, 240.0, 320.0, 0.03)),
    ]
    cameras = {}
    for n in range(3):
        name = f"plates/frame.{7 * n:04d}.jpg"
        cameras[name] = aim(name, np.array([3.0, n - 1.0, 0.5]), np.zeros(3), lenses[n % 2], 0.3 * n)
    points = Points(
        xyz=np.array([[0.1, 0.2, 0.3], [-0.4, 0.5, 0.0]]),
        rgb=np.array([[255, 0, 7], [1, 2, 3]], np.uint8),
        error=np.array([0.5, 1.0]),
        track_start=np.array([0, 3, 5]),
        track_image=np.array([0, 1, 2, 0, 2], np.int32),
        track_xy=np.full((5, 2), np.nan),
    )
    return CameraModel(cameras, points)


def check(read: colmap.Model, model: CameraModel) -> None:
    assert [image.name for image in read.images] == list(model.cameras)
    for image, camera in zip(read.images, model.cameras.values(), strict=True):
        ours = Camera(image.name, camera.lens, _rotation(image.rotation), np.array(image.translation))
        np.testing.assert_allclose(ours.rotation, camera.rotation, atol=1e-12)
        np.testing.assert_allclose(ours.translation, camera.translation, atol=1e-12)
        lens = camera.lens
        assert (image.lens.model, image.lens.width, image.lens.height, image.lens.params) == (
            lens.model, lens.width, lens.height, lens.params,
        )  # fmt: skip
        assert image.lens.focal == lens.focal_xy and image.lens.centre == lens.principal_point
    order = np.lexsort(np.array(read.points.xyz).reshape(-1, 3).T)  # pycolmap keeps no order
    expected = np.lexsort(model.points.xyz.T)
    np.testing.assert_array_equal(np.array(read.points.xyz).reshape(-1, 3)[order], model.points.xyz[expected])
    rgb = np.frombuffer(bytes(read.points.rgb), np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(rgb[order], model.points.rgb[expected])


def _rotation(q) -> np.ndarray:
    return pycolmap.Rotation3d(np.array([q[1], q[2], q[3], q[0]])).matrix()


def test_text(tmp_path, model):
    write_model(model, tmp_path)
    check(colmap.read_model(tmp_path), model)


def test_names_with_spaces(tmp_path, model):
    names = {name: name.replace("frame", "a frame") for name in model.cameras}
    cameras = {names[old]: replace(camera, name=names[old]) for old, camera in model.cameras.items()}
    write_model(CameraModel(cameras, model.points), tmp_path)
    assert [image.name for image in colmap.read_model(tmp_path).images] == list(cameras)


@pytest.mark.parametrize("place", ["", "sparse/0", "sparse", "0"])
def test_binary_of_pycolmap_wherever_it_lies(tmp_path, model, place):
    write_model(model, tmp_path / "text")
    folder = tmp_path / "project" / place
    folder.mkdir(parents=True)
    pycolmap.Reconstruction(str(tmp_path / "text")).write_binary(str(folder))
    check(colmap.read_model(tmp_path / "project"), model)


def test_every_lens_model_has_the_parameters_of_pycolmap():
    for name, (number, params) in colmap.LENS_MODELS.items():
        camera = pycolmap.Camera.create_from_model_name(0, name, 100.0, 64, 48)
        assert camera.model.value == number and len(camera.params) == len(params), name


def test_text_without_the_lines_of_2d_points(tmp_path, model):
    write_model(model, tmp_path)
    lines = (tmp_path / "images.txt").read_text().splitlines()
    posed = [line for line in lines if "frame" in line]
    (tmp_path / "images.txt").write_text("\n".join(posed))
    assert len(colmap.read_model(tmp_path).images) == 3


def test_no_points_file_means_no_points(tmp_path, model):
    write_model(model, tmp_path)
    (tmp_path / "points3D.txt").unlink()
    assert len(colmap.read_model(tmp_path).points) == 0


def _cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_truncated_binary_files_are_named(tmp_path, model, name):
    write_model(model, tmp_path / "text")
    pycolmap.Reconstruction(str(tmp_path / "text")).write_binary(str(tmp_path))
    whole = (tmp_path / name).stat().st_size
    for size in (4, 20, whole // 2, whole - 1):
        _cut(tmp_path / name, size)
        with pytest.raises(colmap.ModelError, match=f"{name} .*truncated"):
            colmap.read_model(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("images.txt", "# only comments\n", "images.txt holds no images"),
        ("images.txt", "1 1 0 0 0 0 0 0 9 a.png\n\n", "line 1: a.png uses a camera id"),
        ("images.txt", "1 0 0 0 0 0 0 0 1 a.png\n\n", "pose of a.png"),
        ("images.txt", "1 nan 0 0 0 0 0 0 1 a.png\n\n", "pose of a.png"),
        ("images.txt", "1 1 0 0 0\n\n", "line 1: IMAGE_ID"),
        ("images.txt", "1 1 0 0 0 0 0 0 1 a.png\n\n2 1 0 0 0 0 0 1 1 a.png\n\n", "a.png is there twice"),
        ("cameras.txt", "1 PINHOLE 64 48 50 50 32\n", "line 1: PINHOLE takes 4 parameters, not 3"),
        ("cameras.txt", "1 MAGIC 64 48 50\n", "MAGIC is not a supported lens model"),
        ("cameras.txt", "1 PINHOLE 64 48 -50 50 32 24\n", "must be positive"),
        ("cameras.txt", "1 PINHOLE wide\n", "line 1: CAMERA_ID"),
        ("points3D.txt", "1 0 0 0 256 0 0 1\n", "points3D.txt line 1"),
        ("points3D.txt", "1 0 0 inf 25 0 0 1\n", "points3D.txt line 1"),
    ],
)
def test_broken_text_is_named(tmp_path, file, text, message):
    good = {"cameras.txt": "1 PINHOLE 64 48 50 50 32 24\n", "images.txt": "1 1 0 0 0 0 0 0 1 a.png\n\n"}
    for name, content in {**good, "points3D.txt": "", file: text}.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(colmap.ModelError, match=message):
        colmap.read_model(tmp_path)


def test_unknown_lens_number(tmp_path):
    (tmp_path / "cameras.bin").write_bytes(struct.pack("<QIiQQ", 1, 1, 99, 64, 48))
    (tmp_path / "images.bin").write_bytes(struct.pack("<Q", 0))
    with pytest.raises(colmap.ModelError, match="number 99"):
        colmap.read_model(tmp_path)


def test_folders_that_hold_no_model(tmp_path):
    with pytest.raises(colmap.ModelError, match="holds no COLMAP model"):
        colmap.read_model(tmp_path)
    with pytest.raises(colmap.ModelError, match="is not a folder"):
        colmap.read_model(tmp_path / "nowhere")
