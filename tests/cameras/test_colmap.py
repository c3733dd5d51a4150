"""COLMAP models: against pycolmap in both directions, and everything that can be wrong with one."""

import struct
import time
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surface_sos_core.cameras.camera import CameraModel, Points
from surface_sos_core.cameras.colmap import read_model, write_model
from surface_sos_core.cameras.quaternion import quaternion_from_rotation, rotation_from_quaternion
from surface_sos_core.errors import InputError

CAMERAS = "# cameras\n1 SIMPLE_RADIAL 640 480 500 320 240 0.1\n2 PINHOLE 640 480 510 511 320 240\n"
IMAGES = (
    "# images\n"
    "7 1 0 0 0 0.5 0 2 1 a.jpg\n10 20 -1 30 40 5\n"
    "9 0.9 0.1 0 0.2 0 0 3 2 my shot/b 2.jpg\n11 21 5\n"
    "3 1 0 0 0 0 1 2 1 c.jpg\n\n"
)
POINTS = "# points\n5 0.1 0.2 0.3 10 20 30 0.75 7 1 9 0\n6 1 2 3 1 2 3 1.5\n"


def save(folder: Path, cameras: str = CAMERAS, images: str = IMAGES, points: str | None = POINTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cameras.txt").write_bytes(cameras.encode())
    (folder / "images.txt").write_bytes(images.encode())
    if points is not None:
        (folder / "points3D.txt").write_bytes(points.encode())
    return folder


@pytest.fixture(scope="module")
def synthetic() -> pycolmap.Reconstruction:
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs, options.num_cameras_per_rig, options.num_frames_per_rig = 2, 1, 4
    options.num_points3D = 60
    pycolmap.set_random_seed(3)
    return pycolmap.synthesize_dataset(options)


def assert_same(model: CameraModel, other: pycolmap.Reconstruction) -> None:
    images = {image.name: image for image in other.images.values()}
    assert set(images) == set(model.cameras)
    for name, camera in model.cameras.items():
        pose = images[name].cam_from_world().matrix()
        np.testing.assert_allclose(camera.rotation, pose[:, :3], atol=1e-12)
        np.testing.assert_allclose(camera.translation, pose[:, 3], atol=1e-12)
        theirs = images[name].camera
        assert camera.lens.model == theirs.model.name
        assert (camera.lens.width, camera.lens.height) == (theirs.width, theirs.height)
        np.testing.assert_array_equal(camera.lens.params, theirs.params)
    names = list(model.cameras)
    ours = {}
    for i, xyz in enumerate(model.points.xyz):
        entries = slice(model.points.track_start[i], model.points.track_start[i + 1])
        seen = zip(model.points.track_image[entries], model.points.track_xy[entries].tolist(), strict=True)
        ours[tuple(xyz)] = (tuple(model.points.rgb[i]), sorted((names[k], tuple(xy)) for k, xy in seen))
    theirs = {}
    for point in other.points3D.values():
        track = [(other.images[e.image_id], e.point2D_idx) for e in point.track.elements]
        seen = sorted((image.name, tuple(image.points2D[k].xy)) for image, k in track)
        theirs[tuple(point.xyz)] = (tuple(point.color), seen)
    assert ours == theirs


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_reads_what_pycolmap_writes(synthetic: pycolmap.Reconstruction, tmp_path: Path, kind: str) -> None:
    getattr(synthetic, f"write_{kind}")(str(tmp_path))
    model = read_model(tmp_path)
    assert len(model.cameras) == 8 and len(model.points) == 60
    assert len({camera.lens for camera in model.cameras.values()}) <= 2
    assert_same(model, synthetic)


def test_pycolmap_reads_what_we_write(synthetic: pycolmap.Reconstruction, tmp_path: Path) -> None:
    synthetic.write_binary(str(tmp_path))
    model = read_model(tmp_path)
    write_model(model, tmp_path / "ours")
    assert_same(model, pycolmap.Reconstruction(str(tmp_path / "ours")))
    again = read_model(tmp_path / "ours")
    np.testing.assert_array_equal(again.points.track_xy, model.points.track_xy)
    np.testing.assert_array_equal(again.points.error, model.points.error)
    for mine, written in zip(model.cameras.values(), again.cameras.values(), strict=True):
        np.testing.assert_allclose(written.rotation, mine.rotation, atol=1e-15)
        np.testing.assert_array_equal(written.translation, mine.translation)


def test_several_cameras_names_with_spaces_and_order(tmp_path: Path) -> None:
    model = read_model(save(tmp_path))
    assert list(model.cameras) == ["a.jpg", "my shot/b 2.jpg", "c.jpg"]
    assert [c.lens.model for c in model.cameras.values()] == ["SIMPLE_RADIAL", "PINHOLE", "SIMPLE_RADIAL"]
    assert model.cameras["a.jpg"].lens is model.cameras["c.jpg"].lens
    np.testing.assert_array_equal(model.points.track_length, [2, 0])
    np.testing.assert_array_equal(model.points.track_image, [0, 1])
    np.testing.assert_array_equal(model.points.track_xy, [[30, 40], [11, 21]])
    np.testing.assert_array_equal(model.points.seen_by(1), [0])
    assert model.points.error[0] == 0.75
    rotation = model.cameras["my shot/b 2.jpg"].rotation  # its quaternion is not of unit length
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-15)


def test_windows_line_ends_comments_and_byte_order_mark(tmp_path: Path) -> None:
    def windows(text: str) -> str:
        return "\ufeff" + text.replace("\n", "\r\n")

    plain = read_model(save(tmp_path / "a"))
    model = read_model(save(tmp_path / "b", windows(CAMERAS), windows(IMAGES), windows(POINTS)))
    assert list(model.cameras) == list(plain.cameras)
    np.testing.assert_array_equal(model.points.track_xy, plain.points.track_xy)


@pytest.mark.parametrize("points", [None, "", "# nothing\n\n"])
def test_without_points(tmp_path: Path, points: str | None) -> None:
    assert len(read_model(save(tmp_path, points=points)).points) == 0


def test_without_lines_of_2d_points(tmp_path: Path) -> None:
    headers = [line for line in IMAGES.split("\n") if "jpg" in line]
    for separator in ("\n", "\n\n"):
        model = read_model(save(tmp_path, images=separator.join(headers) + "\n"))
        assert list(model.cameras) == ["a.jpg", "my shot/b 2.jpg", "c.jpg"]
        np.testing.assert_array_equal(model.points.track_image, [0, 1])
        assert np.isnan(model.points.track_xy).all()
    write_model(model, tmp_path / "ours")
    again = read_model(tmp_path / "ours")
    assert np.isfinite(again.points.track_xy).all()
    np.testing.assert_array_equal(again.points.track_image, [0, 1])


@pytest.mark.parametrize("below", ["sparse/0", "sparse", "0"])
def test_finds_the_model_below_and_prefers_binary(
    synthetic: pycolmap.Reconstruction, tmp_path: Path, below: str
) -> None:
    save(tmp_path / below)
    assert len(read_model(tmp_path).cameras) == 3
    synthetic.write_binary(str(tmp_path / below))
    assert len(read_model(tmp_path).cameras) == 8


def test_refuses_to_write_beside_a_model_that_readers_prefer(
    synthetic: pycolmap.Reconstruction, tmp_path: Path
) -> None:
    synthetic.write_binary(str(tmp_path))
    with pytest.raises(InputError, match=r"cameras\.bin belongs to another"):
        write_model(read_model(tmp_path), tmp_path)


def test_a_model_without_points_is_written_and_read(tmp_path: Path) -> None:
    model = read_model(save(tmp_path / "in"))
    write_model(CameraModel(model.cameras, Points.empty()), tmp_path / "out")
    assert list(read_model(tmp_path / "out").cameras) == list(model.cameras)
    assert pycolmap.Reconstruction(str(tmp_path / "out")).num_images() == 3


BROKEN_TEXT = [
    ({"cameras": "1 SIMPLE_RADIAL 640 480 500 320 240\n"}, "cameras.txt line 1.*4 parameters, not 3"),
    ({"cameras": "\n1 PINHOLED 640 480 500 320 240\n"}, "cameras.txt line 2.*PINHOLED is not a supported"),
    (
        {"cameras": "1 PINHOLE 640 480 -500 500 320 240\n"},
        "cameras.txt line 1.*focal length must be positive",
    ),
    ({"cameras": "1 PINHOLE 640 480 nan 500 320 240\n"}, "cameras.txt line 1.*not a finite"),
    ({"cameras": "1 PINHOLE 0 480 500 500 320 240\n"}, "cameras.txt line 1.*0x480"),
    ({"cameras": CAMERAS + "1 PINHOLE 640 480 5 5 3 2\n"}, "cameras.txt line 4.*camera id 1 is there twice"),
    ({"cameras": "\x00\x01\x02 garbage\n"}, "cameras.txt line 1.*expected"),
    ({"cameras": '{\n "camera_model": 1}\n'}, "cameras.txt line 1.*expected"),
    (
        {"images": IMAGES.replace("2 1 c.jpg", "2 5 c.jpg")},
        "images.txt line 6.*camera id that the cameras file",
    ),
    ({"images": IMAGES.replace("c.jpg", "a.jpg")}, "images.txt line 6.*a.jpg is there twice"),
    (
        {"images": IMAGES.replace("3 1 0 0 0 0 1", "7 1 0 0 0 0 1")},
        "images.txt line 6.*image id 7 is there twice",
    ),
    ({"images": IMAGES.replace("3 1 0 0 0 0 1", "3 0 0 0 0 0 1")}, "images.txt line 6.*zero quaternion"),
    ({"images": IMAGES.replace("3 1 0 0 0 0 1", "3 1 0 0 0 inf 1")}, "images.txt line 6.*not finite"),
    ({"images": IMAGES.replace("10 20 -1 30 40 5", "10 20 -1 30 40")}, "images.txt line 3.*2D points"),
    ({"images": IMAGES.replace("10 20 -1", "10 inf -1")}, "images.txt line 3.*2D points"),
    ({"images": IMAGES.replace(" 1 c.jpg", "")}, "images.txt line 6.*expected"),
    ({"images": "\n".join(IMAGES.split("\n")[:3])}, "images.txt holds 1 image.*at least 2"),
    ({"images": ""}, "images.txt holds 0 image"),
    ({"points": POINTS.replace("0.75 7 1 9 0", "0.75 7 1 9")}, "points3D.txt line 2.*expected"),
    ({"points": POINTS.replace("0.75 7 1 9 0", "0.75 8 1 9 0")}, "points3D.txt.*image id 8"),
    ({"points": POINTS.replace("0.75 7 1 9 0", "0.75 7 2 9 0")}, "points3D.txt.*2D point that a.jpg lacks"),
    ({"points": POINTS.replace("0.75 7 1 9 0", "0.75 7 -1 9 0")}, "points3D.txt.*2D point that a.jpg lacks"),
    ({"points": POINTS.replace("6 1 2 3 1", "6 1 nan 3 1")}, "points3D.txt line 3.*not finite"),
    ({"points": POINTS.replace("6 1 2 3 1", "6 1 2 3 256")}, "points3D.txt line 3.*0 to 255"),
    ({"points": POINTS.replace("6 1 2", "5 1 2")}, "points3D.txt line 3.*point id 5 is there twice"),
    ({"points": "5 0.1 0.2\n"}, "points3D.txt line 1.*expected"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN_TEXT)
def test_broken_text_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_model(save(tmp_path, **change))


def test_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text("{}")
    with pytest.raises(InputError, match="holds no COLMAP model; cameras.txt and images.txt"):
        read_model(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_model(tmp_path / "missing")
    with pytest.raises(InputError, match="is not a folder"):
        read_model(tmp_path / "transforms.json")


@pytest.mark.parametrize("name", ["cameras", "images", "points3D"])
def test_truncated_binary_is_named(synthetic: pycolmap.Reconstruction, tmp_path: Path, name: str) -> None:
    synthetic.write_binary(str(tmp_path))
    file = tmp_path / f"{name}.bin"
    whole = file.read_bytes()
    for length in {0, 5, 8, 20, len(whole) // 2, len(whole) - 1}:
        file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=rf"{name}\.bin"):
            read_model(tmp_path)


@pytest.mark.parametrize("name", ["cameras", "images", "points3D"])
def test_absurd_counts_are_refused_before_memory_is_asked_for(
    synthetic: pycolmap.Reconstruction, tmp_path: Path, name: str
) -> None:
    synthetic.write_binary(str(tmp_path))
    file = tmp_path / f"{name}.bin"
    file.write_bytes(struct.pack("<Q", 2**62) + file.read_bytes()[8:])
    with pytest.raises(InputError, match=rf"{name}\.bin header.*truncated or foreign"):
        read_model(tmp_path)


@given(st.sampled_from(["cameras", "images", "points3D"]), st.integers(0, 10**6), st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_never_breaks_the_reader(
    synthetic: pycolmap.Reconstruction,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    at: int,
    value: int,
) -> None:
    folder = tmp_path_factory.mktemp("model")
    synthetic.write_binary(str(folder))
    file = folder / f"{name}.bin"
    data = bytearray(file.read_bytes())
    data[at % len(data)] = value
    file.write_bytes(data)
    try:
        read_model(folder)
    except InputError as error:
        assert str(folder) in str(error)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 1e-3))
def test_quaternions_round_trip(values: list[float]) -> None:
    q = np.array(values) / np.linalg.norm(values)
    rotation = rotation_from_quaternion(q)
    back = quaternion_from_rotation(rotation)
    np.testing.assert_allclose(rotation_from_quaternion(back), rotation, atol=1e-14)
    assert back[0] >= 0
    np.testing.assert_allclose(rotation, pycolmap.Rotation3d(q[[1, 2, 3, 0]]).matrix(), atol=1e-14)


def test_a_long_shot_reads_quickly(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    per_image = "\n".join(
        f"{i} 1 0 0 0 {i} 0 2 1 {i:04d}.jpg\n"
        + " ".join(f"{x:.3f} {x:.3f} -1" for x in generator.random(2000))
        for i in range(1, 201)
    )
    points = "\n".join(
        f"{i} 0.1 0.2 {i}.5 1 2 3 0.5 " + " ".join(f"{k} {i % 2000}" for k in range(1, 11))
        for i in range(20000)
    )
    start = time.process_time()
    model = read_model(save(tmp_path, images=per_image + "\n", points=points))
    assert (len(model.cameras), len(model.points), len(model.points.track_image)) == (200, 20000, 200000)
    assert time.process_time() - start < 6.0
