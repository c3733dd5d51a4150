"""Each data set's conventions against a projection worked out by hand, and what broken sets are told.

All sets show the same scene in their own way. A camera at (5, 1, 2) looks along -x; its right is +y, its up +z; focal
length 100, principal point (40, 30) from the corner of an 80x60 image. The point (0, 2, 2.5) is 5 ahead, 1 to the right
and 0.5 up, so it is seen at x = 40 + 100 * 1 / 5 = 60, y = 30 - 100 * 0.5 / 5 = 20. A second camera, 1 further along
+y, sees it at x = 40.
"""

import gzip
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import read_box, read_model
from surface_sos_core.datasets.read import read_dataset
from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.pipeline import import_dataset

POINT = np.array([[0.0, 2.0, 2.5]])
CENTRES = np.array([[5.0, 1.0, 2.0], [5.0, 2.0, 2.0]])
SEEN = [(60.0, 20.0), (40.0, 20.0)]
RIGHT, UP, BACK = np.array([0.0, 1, 0]), np.array([0.0, 0, 1]), np.array([1.0, 0, 0])


def picture(path, channels=3, size=(80, 60)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], channels), 90, np.uint8)
    pixels[10:20, 10:30, -1] = 255
    cv2.imwrite(str(path), pixels)


def white_on_black(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((60, 80), np.uint8)
    pixels[10:20, 10:30] = 255
    cv2.imwrite(str(path), pixels)


def llff(folder):
    rows = []
    for k, centre in enumerate(CENTRES):
        picture(folder / "images" / f"IMG_{k}.JPG")
        # of the photographs in full size, of which the images are halves
        columns = np.stack((-UP, RIGHT, BACK, centre, [120.0, 160.0, 200.0]), axis=1)
        rows.append([*columns.ravel(), 1.0, 9.0])
    np.save(folder / "poses_bounds.npy", np.array(rows))
    return folder


def co3d(folder, isotropic=True):
    sequence = folder / "dog" / "110_1"
    entries = []
    for k, centre in enumerate(CENTRES):
        image, mask = (f"dog/110_1/{kind}/frame{k + 1:06d}" for kind in ("images", "masks"))
        picture(folder / f"{image}.jpg")
        white_on_black(folder / f"{mask}.png")
        turn = np.stack((-RIGHT, UP, -BACK), axis=1)  # columns: left, up, forward
        # the shorter side's half is 30, so 100 / 30; or 100 / 40 across and 100 / 30 down
        focal = [100 / 30, 100 / 30] if isotropic else [2.5, 100 / 30]
        viewpoint = {
            "R": turn.tolist(),
            "T": (-centre @ turn).tolist(),
            "focal_length": focal,
            "principal_point": [0, 0],
        }
        if isotropic:
            viewpoint["intrinsics_format"] = "ndc_isotropic"
        entries.append(
            {
                "sequence_name": "110_1", "frame_number": k + 1, "viewpoint": viewpoint,
                "image": {"path": f"{image}.jpg", "size": [60, 80]}, "mask": {"path": f"{mask}.png", "mass": 9.0},
            }
        )  # fmt: skip
    entries.append({**entries[0], "sequence_name": "other"})
    with gzip.open(folder / "dog" / "frame_annotations.jgz", "wt") as file:
        json.dump(entries[::-1], file)
    return sequence


def world_to_camera(centre):
    matrix = np.eye(4)
    matrix[:3, :3] = RIGHT, -UP, -BACK
    matrix[:3, 3] = -matrix[:3, :3] @ centre
    return matrix


# the principal point counts from the first pixel's centre in these
K = np.array([[100.0, 0, 39.5], [0, 100, 29.5], [0, 0, 1]])


def blendedmvs(folder):
    for k, centre in enumerate(CENTRES):
        picture(folder / "blended_images" / f"{k:08d}.jpg")
        picture(folder / "blended_images" / f"{k:08d}_masked.jpg")
        text = [" ".join(map(str, row)) for row in world_to_camera(centre)]
        intrinsic = [" ".join(map(str, row)) for row in K]
        (folder / "cams").mkdir(exist_ok=True)
        (folder / "cams" / f"{k:08d}_cam.txt").write_text(
            "\n".join(["extrinsic", *text, "", "intrinsic", *intrinsic, "", "1.0 0.1 128 9.0", ""])
        )
    (folder / "cams" / "pair.txt").write_text("2\n")
    return folder


def tum(folder):
    folder = folder / "rgbd_dataset_freiburg3_cup"
    # axes right, down, forward in the world; its quaternion worked out by hand: a turn by 120 degrees about (-1, -1, 1)
    quaternion = "-0.5 -0.5 0.5 0.5"
    lines = ["# timestamp tx ty tz qx qy qz qw"]
    for time, centre in ((10.0, CENTRES[0]), (10.05, CENTRES[1]), (10.1, CENTRES[1])):
        lines.append(f"{time} {' '.join(map(str, centre))} {quaternion}")
    for time in ("10.025", "10.050", "99.000"):
        picture(folder / "rgb" / f"{time}.png", size=(640, 480))
    (folder / "groundtruth.txt").write_text("\n".join(lines))
    (folder / "rgb.txt").write_text(
        "# color images\n10.025 rgb/10.025.png\n10.050 rgb/10.050.png\n99.0 rgb/99.000.png\n"
    )
    return folder


def neus(folder):
    stored = {}
    for k, centre in enumerate(CENTRES):
        picture(folder / "image" / f"{k:03d}.png")
        white_on_black(folder / "mask" / f"{k:03d}.png")
        inner = np.eye(4)
        inner[:3, :3] = K
        stored[f"world_mat_{k}"] = (
            (-3.0 if k else 1.0) * inner @ world_to_camera(centre)
        )  # a projection has no scale
        stored[f"scale_mat_{k}"] = np.array([[2.0, 0, 0, 0.5], [0, 2, 0, 1], [0, 0, 2, 1.5], [0, 0, 0, 1]])
    np.savez(folder / "cameras_sphere.npz", **stored)
    return folder


def transforms(folder, **facts):
    frames = []
    for k, centre in enumerate(CENTRES):
        picture(folder / "images" / f"r_{k}.png", channels=4)
        matrix = np.eye(4)
        matrix[:3] = np.stack((RIGHT, UP, BACK, centre), axis=1)
        frames.append({"file_path": f"./images/r_{k}", "transform_matrix": matrix.tolist()})
    facts = facts or {"fl_x": 100, "cx": 40, "cy": 30, "w": 80, "h": 60}
    (folder / "transforms.json").write_text(json.dumps({**facts, "frames": frames[::-1]}))
    return folder


MAKERS = {"llff": llff, "co3d": co3d, "blendedmvs": blendedmvs, "neus": neus, "transforms": transforms}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_point_is_seen_where_it_should_be(kind, tmp_path):
    import_dataset(kind, MAKERS[kind](tmp_path / "set" if kind != "co3d" else tmp_path), tmp_path / "shot")
    model = read_model(tmp_path / "shot" / "cameras")
    for camera, seen, centre in zip(model.cameras.values(), SEEN, CENTRES, strict=True):
        pixels, depth = camera.project(POINT)
        np.testing.assert_allclose(pixels[0], seen, atol=1e-9)
        np.testing.assert_allclose(depth, 5.0)
        np.testing.assert_allclose(camera.centre, centre, atol=1e-9)
    footage = open_footage(tmp_path / "shot" / "images", warn=pytest.fail)
    assert [frame.file for frame in footage.frames] == list(model.cameras)


def test_co3d_of_the_first_version(tmp_path):
    cameras = [view.camera for view in read_dataset("co3d", co3d(tmp_path, isotropic=False)).views]
    np.testing.assert_allclose([camera.project(POINT)[0][0] for camera in cameras], SEEN, atol=1e-9)


def test_tum_between_two_poses(tmp_path):
    import_dataset("tum", tum(tmp_path), tmp_path / "shot")
    model = read_model(tmp_path / "shot" / "cameras")
    assert list(model.cameras) == ["frame.0001.png", "frame.0002.png"]  # 99.0 has none
    # half way between the two: 0.5 to the right of the point, with freiburg3's focal lengths and centre
    pixels, _ = model.cameras["frame.0001.png"].project(POINT)
    np.testing.assert_allclose(pixels[0], (320.6 + 535.4 * 0.5 / 5, 248.1 - 539.2 * 0.5 / 5), atol=1e-6)
    assert len(open_footage(tmp_path / "shot" / "images").frames) == 3


def test_freiburg1_bends_as_opencv_says(tmp_path):
    folder = tum(tmp_path)
    folder = folder.rename(folder.with_name("rgbd_dataset_freiburg1_cup"))
    camera = read_dataset("tum", folder).views[1].camera
    x, y = 0.0, -0.1
    expected = cv2.projectPoints(
        np.array([[x, y, 1.0]]), np.zeros(3), np.zeros(3),
        np.array([[517.3, 0, 318.6], [0, 516.5, 255.3], [0, 0, 1]]),
        np.array([0.2624, -0.9531, -0.0054, 0.0026, 1.1633]),
    )[0].ravel()  # fmt: skip
    np.testing.assert_allclose(camera.project(POINT)[0][0] - 0.5, expected, atol=1e-6)


@pytest.mark.parametrize(
    "facts",
    [
        {"camera_angle_x": 2 * np.arctan(40 / 100)},
        {"fl_x": 100, "fl_y": 100, "cx": 40, "cy": 30, "k1": 0.0, "camera_model": "OPENCV"},
    ],
)
def test_transforms_by_angle_or_by_focal_length(tmp_path, facts):
    cameras = [view.camera for view in read_dataset("transforms", transforms(tmp_path, **facts)).views]
    np.testing.assert_allclose([camera.project(POINT)[0][0] for camera in cameras], SEEN, atol=1e-9)


def test_transforms_with_distortion(tmp_path):
    facts = {"fl_x": 100, "cx": 40, "cy": 30, "k1": 0.1, "p1": 0.01}
    camera = read_dataset("transforms", transforms(tmp_path, **facts)).views[0].camera
    # u = 0.2, v = -0.1, q = 0.05: u (1 + 0.1 q) + 2 * 0.01 u v and v (1 + 0.1 q) + 0.01 (q + 2 v v)
    expected = (40 + 100 * (0.2 * 1.005 - 0.0004), 30 + 100 * (-0.1 * 1.005 + 0.0007))
    np.testing.assert_allclose(camera.project(POINT)[0][0], expected, atol=1e-9)


def test_a_fisheye_of_nerfstudio(tmp_path):
    facts = {"fl_x": 100, "cx": 40, "cy": 30, "camera_model": "OPENCV_FISHEYE"}
    camera = read_dataset("transforms", transforms(tmp_path, **facts)).views[0].camera
    bent = np.arctan(np.sqrt(0.05)) / np.sqrt(0.05)
    np.testing.assert_allclose(camera.project(POINT)[0][0], (40 + 20 * bent, 30 - 10 * bent), atol=1e-9)


def test_masks_are_rough_or_true_and_the_box_is_kept(tmp_path):
    import_dataset("co3d", co3d(tmp_path / "c"), tmp_path / "dog")
    assert sorted(p.name for p in (tmp_path / "dog" / "masks").iterdir()) == [
        "frame000001.png",
        "frame000002.png",
    ]
    assert not (tmp_path / "dog" / "truth").exists()
    import_dataset("neus", neus(tmp_path / "n"), tmp_path / "dtu")
    assert (
        len(list((tmp_path / "dtu" / "truth" / "matte").iterdir())) == 2
        and not (tmp_path / "dtu" / "masks").exists()
    )
    box = read_box(tmp_path / "dtu" / "box.json")
    np.testing.assert_allclose((box.centre, box.half), ([0.5, 1, 1.5], [2, 2, 2]))
    import_dataset("transforms", transforms(tmp_path / "t"), tmp_path / "lego")
    matte = cv2.imread(str(tmp_path / "lego" / "truth" / "matte" / "r_0.png"), cv2.IMREAD_UNCHANGED)
    assert matte.shape == (60, 80) and matte[15, 20] == 255 and matte[40, 40] == 90


def test_back_slashes_of_windows_lead_to_the_same_files(tmp_path):
    file = transforms(tmp_path) / "transforms.json"
    file.write_text(file.read_text().replace("images/", r"images\\"))
    assert r"images\\" in file.read_text()
    assert [view.image.name for view in read_dataset("transforms", file).views] == ["r_0.png", "r_1.png"]


def test_a_picture_that_is_missing_is_left_out_and_named(tmp_path):
    folder = transforms(tmp_path)
    data = json.loads((folder / "transforms.json").read_text())
    data["frames"].append({**data["frames"][0], "file_path": "images/r_7"})
    (folder / "transforms.json").write_text(json.dumps(data))
    dataset = read_dataset("transforms", folder)
    assert [view.image.name for view in dataset.views] == ["r_0.png", "r_1.png"]
    assert dataset.notes == ("1 of 3 images are missing from the set and left out (r_7).",)
    data["frames"] += data["frames"][2:] * 3
    (folder / "transforms.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"r_7 is missing from the set, as are 4 of its 6 images"):
        read_dataset("transforms", folder)


def break_llff(folder):
    (folder / "images" / "IMG_0.JPG").unlink()


def break_co3d(folder):
    (folder.parents[1] / "dog/110_1/masks/frame000002.png").unlink()


def break_blendedmvs(folder):
    (folder / "cams" / "00000001_cam.txt").unlink()


def break_neus(folder):
    (folder / "cameras_sphere.npz").write_bytes(b"PK nonsense")


def break_transforms(folder):
    (folder / "transforms.json").write_text('{"frames": [{"file_path": "images/r_0"}]}')


def break_tum(folder):
    (folder / "groundtruth.txt").write_text("10.0 1 2 3\n")


BREAKS = {
    "llff": (break_llff, "1 image but poses_bounds.npy is for 2"),
    "co3d": (break_co3d, r"frame000002\.png is missing"),
    "blendedmvs": (break_blendedmvs, r"00000001_cam\.txt is missing"),
    "neus": (break_neus, r"cameras_sphere\.npz cannot be read"),
    "transforms": (break_transforms, "transform_matrix"),
    "tum": (break_tum, "8 finite numbers"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_set_leaves_nothing_behind(kind, tmp_path):
    folder = {**MAKERS, "tum": tum}[kind](tmp_path / "set")
    broken, told = BREAKS[kind]
    broken(folder)
    with pytest.raises(InputError, match=told) as caught:
        import_dataset(kind, folder, tmp_path / "shot")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_image_that_is_damaged_leaves_nothing_behind(tmp_path):
    folder = llff(tmp_path / "set")
    (folder / "images" / "IMG_1.JPG").write_bytes((folder / "images" / "IMG_1.JPG").read_bytes()[:100])
    with pytest.raises(InputError, match=r"IMG_1\.JPG"):
        import_dataset("llff", folder, tmp_path / "shot")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "shot").mkdir()
    (tmp_path / "shot" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        import_dataset("llff", llff(tmp_path / "set"), tmp_path / "shot")
    assert [path.name for path in (tmp_path / "shot").iterdir()] == ["mine.txt"]


def test_a_camera_of_tum_that_is_not_known(tmp_path):
    folder = tum(tmp_path)
    with pytest.raises(InputError, match="freiburg1, 2 or 3"):
        read_dataset("tum", folder.rename(tmp_path / "cup"))


def test_a_set_may_become_the_folder_that_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "shot").mkdir()
    monkeypatch.chdir(tmp_path / "shot")
    import_dataset("llff", llff(tmp_path / "set"), Path("."))
    assert (tmp_path / "shot" / "cameras" / "images.txt").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "shot"]


def test_annotations_that_unpack_to_more_than_any_are_refused_before_they_are_kept(tmp_path, monkeypatch):
    sequence = co3d(tmp_path)
    monkeypatch.setattr("surface_sos_core.datasets.co3d._MOST_BYTES", 1 << 20)
    read_dataset("co3d", sequence)
    with gzip.open(tmp_path / "dog" / "frame_annotations.jgz", "wb") as file:
        file.write(b" " * (3 << 20))
    with pytest.raises(InputError, match="annotations"):
        read_dataset("co3d", sequence)
