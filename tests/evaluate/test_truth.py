"""evaluate_shot on small shot folders whose errors are known."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Camera, CameraModel, Lens, Points, write_model
from surface_sos_core.errors import InputError
from surface_sos_core.evaluate import meshes
from surface_sos_core.evaluate.table import table
from surface_sos_core.evaluate.truth import evaluate_shot
from surface_sos_core.evaluate.truth_files import load_truth
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.exr import FrameLayers, write_layers
from surface_sos_core.manifest import (
    FootageEntry,
    FrameEntry,
    Manifest,
    MeshEntry,
    read_manifest,
    write_manifest,
)
from surface_sos_core.mesh import Mesh, extract_surface
from surface_sos_core.mesh.export import write_ply
from surface_sos_core.settings import MeshSettings

HEIGHT, WIDTH = 40, 60
NAMES = [f"cup.{number}" for number in (1001, 1002, 1003, 1004)]


def matte(index: int) -> np.ndarray:
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[10:30, 20 + index : 40 + index] = 1
    return alpha


def plate() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.2, 0.6, (HEIGHT, WIDTH, 3)).astype(np.float32)


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.round(np.asarray(values) * 255).astype(np.uint8)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def write_shot(out, alphas, clean, mesh=None, cameras=None):
    entries = []
    for name, alpha in zip(NAMES, alphas, strict=True):
        number = int(name[-4:])
        if alpha is None:
            entries.append(FrameEntry(name, number))
            continue
        seen = np.zeros((HEIGHT, WIDTH), np.float32)
        seen[:20] = 1
        blank = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        layers = FrameLayers(np.dstack([blank, alpha]), clean, seen, seen * 1e10, blank)
        write_layers(out / f"layers/{name}.exr", layers, number)
        entries.append(FrameEntry(name, number, f"layers/{name}.exr"))
    write_manifest(
        out, Manifest(FootageEntry("x", WIDTH, HEIGHT, "cup"), entries, mesh=mesh, cameras=cameras)
    )


@pytest.fixture
def shot(tmp_path):
    """Truth for frames 1001 to 1003; 1001 is perfect, 1002 misses a column, 1003 got no layers."""
    out, truth = tmp_path / "out", tmp_path / "truth"
    cut = matte(1)
    cut[:, 40] = 0
    write_shot(out, [matte(0), cut, None, matte(3)], srgb_decode(plate()).astype(np.float32))
    for index in range(3):
        save(truth / "matte" / f"{NAMES[index]}.png", matte(index))
    return out, truth


def test_mattes(shot):
    measured = evaluate_shot(*shot)
    result = measured["matte"]
    first, second = result["per_frame"]
    assert (first["iou"], first["sad"], first["accuracy"], first["gradient"]) == (1, 0, 1, 0)
    assert second["iou"] == pytest.approx(380 / 400) and second["sad"] == pytest.approx(0.020)
    assert second["frame"] == 1002 and second["mse"] == pytest.approx(20 / (HEIGHT * WIDTH))
    assert second["sad_band"] == pytest.approx(0.020) and second["mse_band"] > second["mse"]
    assert result["mean"]["miou"] == pytest.approx((1 + 0.95) / 2)
    assert result["worst"] == {"name": "cup.1002", "iou": pytest.approx(0.95)}
    assert result["mean"]["dtssd"] == pytest.approx(np.sqrt(20 / (HEIGHT * WIDTH)))
    assert measured["skipped"] == ["cup.1003"] and measured["clean"] is None and measured["mesh"] is None
    json.dumps(measured, allow_nan=False)


def test_no_flicker_is_measured_across_a_gap(shot):
    out, truth = shot
    (truth / "matte" / "cup.1002.png").unlink()
    save(truth / "matte" / "cup.1004.png", matte(3))
    assert evaluate_shot(out, truth)["matte"]["mean"]["dtssd"] is None


def test_frames_that_are_worse_than_their_masks_are_named(shot, tmp_path):
    out, truth = shot
    assert evaluate_shot(out, truth)["matte"]["worse"] is None
    masks = tmp_path / "masks"
    save(masks / "cup.1001.png", np.zeros((HEIGHT, WIDTH)))
    save(
        masks / "cup.1002.png", cv2.resize(matte(1), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    )
    measured = evaluate_shot(out, truth, masks_folder=masks)
    first, second = measured["matte"]["per_frame"]
    assert first["given_iou"] == 0 and second["given_iou"] > 0.96
    assert measured["matte"]["worse"] == ["cup.1002"] and "cup.1002" in table(measured)
    assert measured["matte"]["mean"]["given_iou"] == pytest.approx(
        (first["given_iou"] + second["given_iou"]) / 2
    )
    cut = matte(1)
    cut[10:29, 40] = 0  # 1002's matte has one pixel less, which is less than 0.01 of it
    save(masks / "cup.1002.png", cut)
    assert evaluate_shot(out, truth, masks_folder=masks)["matte"]["worse"] == []
    save(masks / "cup.1002.png", cut / 255)  # 0 and 1: 1 is white
    assert evaluate_shot(out, truth, masks_folder=masks)["matte"]["per_frame"][1]["given_iou"] > 0.95
    (masks / "cup.1002.png").unlink()  # a frame without a mask cannot be worse than it
    assert evaluate_shot(out, truth, masks_folder=masks)["matte"]["per_frame"][1]["given_iou"] is None


def test_masks_are_found_where_the_shot_says_they_came_from(shot, tmp_path):
    out, truth = shot
    masks = tmp_path / "roto"
    save(masks / "cup.1002.png", matte(1))
    manifest = read_manifest(out)
    for objects, worse in (
        ({"object": str(masks)}, ["cup.1002"]),
        ({"object": "auto"}, None),
        ({"object": str(tmp_path / "gone")}, None),
        ({"cup": str(masks), "plate": str(masks)}, None),  # whose mask it is cannot be told
    ):
        write_manifest(out, replace(manifest, objects=objects))
        assert evaluate_shot(out, truth)["matte"]["worse"] == worse
    (masks / "cup.1002.png").rename(masks / "dog.png")
    write_manifest(out, replace(manifest, objects={"object": str(masks)}))
    assert evaluate_shot(out, truth)["matte"]["worse"] is None


def test_masks_that_belong_to_no_frame_are_told(shot, tmp_path):
    save(tmp_path / "masks" / "dog.0001.png", matte(0))
    with pytest.raises(InputError, match=r"masks.*dog\.0001.*cup\.1001"):
        evaluate_shot(*shot, masks_folder=tmp_path / "masks")
    with pytest.raises(InputError, match="absent is not a folder"):
        evaluate_shot(*shot, masks_folder=tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no masks"):
        evaluate_shot(*shot, masks_folder=tmp_path / "empty")


def test_plates_have_sharpness_patches_and_flicker(shot):
    out, truth = shot
    for index, brighter in ((0, 0.0), (1, 4 / 255)):
        save(truth / "clean" / f"{NAMES[index]}.png", plate() + brighter)
    measured = evaluate_shot(out, truth)["clean"]
    assert measured["mean"]["sharpness"] == pytest.approx(1, abs=0.03)
    assert measured["mean"]["patch_distance"] < 0.2  # a brighter picture has the same texture
    assert measured["mean"]["flicker"] == pytest.approx(4, abs=0.3)
    (truth / "clean" / "cup.1002.png").unlink()
    assert evaluate_shot(out, truth)["clean"]["mean"]["flicker"] is None


def test_images_in_the_folder_itself_are_mattes(shot, tmp_path):
    out, truth = shot
    assert evaluate_shot(out, truth / "matte")["matte"] == evaluate_shot(out, truth)["matte"]
    (truth / "matte").rename(truth / "truth")
    assert set(load_truth(truth).mattes) == set(NAMES[:3])


def test_soft_and_transparent_truth_images(shot):
    out, truth = shot
    file = truth / "matte" / "cup.1001.png"
    pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    pixels[..., 3] = matte(0) * 255
    assert cv2.imwrite(str(file), pixels)
    assert evaluate_shot(out, truth)["matte"]["per_frame"][0]["iou"] == 1
    assert cv2.imwrite(str(file), (matte(0) * 65535 * 0.6).astype(np.uint16))
    row = evaluate_shot(out, truth)["matte"]["per_frame"][0]
    assert row["iou"] == 1 and row["sad"] == pytest.approx(0.16, abs=1e-3)
    assert row["sad_thresholded"] == pytest.approx(0.16, abs=1e-3)


def test_clean_plates_by_region_and_by_what_was_seen(shot):
    out, truth = shot
    display = plate()
    expected = display.copy()
    expected[20:] += 0.1  # rows that no frame saw are wrong
    expected[:, :5] = 0  # outside the region: does not count
    save(truth / "clean" / "cup.1001.png", expected)
    measured = evaluate_shot(out, truth)["clean"]
    row = measured["per_frame"][0]
    assert measured["frames"] == 1
    assert row["psnr_unseen"] == pytest.approx(20, abs=0.1)
    assert row["psnr_seen"] > 48
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[5:35, 15:45] = True  # the truth matte, grown; its corners are round
    assert row["psnr"] == pytest.approx(23, abs=0.3)
    assert row["ssim_seen"] > row["ssim_unseen"]
    assert row["psnr_unseen_gain"] > row["psnr_unseen"]


def test_clean_plates_that_keep_the_shadow(shot):
    out, truth = shot
    save(truth / "clean" / "cup.1001.png", plate() * 1.4)
    save(truth / "shadowed" / "cup.1001.png", plate())
    measured = evaluate_shot(out, truth)
    assert measured["shadowed"]["mean"]["psnr"] > 48 and measured["clean"]["mean"]["psnr"] < 25
    assert measured["shadowed"]["gain"] == pytest.approx(1, abs=2e-3)
    (truth / "shadowed" / "cup.1001.png").unlink()
    assert evaluate_shot(out, truth)["shadowed"] is None


def test_one_gain_for_all_clean_plates(tmp_path):
    out, truth = tmp_path / "out", tmp_path / "truth"
    write_shot(out, [matte(0)] * 4, srgb_decode(plate()).astype(np.float32))
    for name, factor in zip(NAMES, (1.2, 1.2, 1.2, 1.2), strict=True):
        save(truth / "clean_plates" / f"{name}.png", plate() * factor)
        save(truth / "clean_plates_object_region" / f"{name}.png", matte(0))
    measured = evaluate_shot(out, truth)
    assert measured["clean"]["gain"] == pytest.approx(1.2, abs=2e-3)
    assert measured["clean"]["mean"]["psnr_gain"] > 48
    assert measured["clean"]["mean"]["psnr"] < 30
    assert measured["matte"] is None
    elsewhere = tmp_path / "elsewhere"
    for name in NAMES[:2]:
        save(elsewhere / f"{name}.png", matte(0))
    measured = evaluate_shot(out, truth, region_folder=elsewhere)
    assert measured["clean"]["frames"] == 2 and "cup.1003, cup.1004" in measured["notes"][0]


def camera(name, centre, scale=1.0, rotation=None):
    rotation = np.eye(3) if rotation is None else rotation
    lens = Lens("PINHOLE", WIDTH, HEIGHT, (50.0, 50.0, WIDTH / 2, HEIGHT / 2))
    centre = scale * rotation @ np.asarray(centre, float)
    return Camera(name, lens, rotation.T, -rotation.T @ centre)


def test_mesh_in_another_world(tmp_path, monkeypatch):
    monkeypatch.setattr(meshes, "SURFACE_SAMPLES", 20_000)
    out, truth = tmp_path / "out", tmp_path / "truth"
    mesh = extract_surface(
        lambda p: np.linalg.norm(p * (1, 2, 1.5), axis=1) - 0.5, np.ones(3), MeshSettings(resolution=48)
    )
    grey = np.full((len(mesh.vertices), 3), 128, np.uint8)
    angle = np.radians(70)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    centres = [(0, 0, -3), (1, 0, -3), (2, 1, -2.5), (0, 2, -3)]
    for folder, scale, rotation in ((out, 1.0, None), (truth, 4.0, turn)):
        cameras = {
            f"{n}.png": camera(f"{n}.png", c, scale, rotation) for n, c in zip(NAMES, centres, strict=True)
        }
        write_model(CameraModel(cameras, Points.empty()), folder / "cameras")
    write_ply(out / "mesh/object.ply", mesh, grey)
    write_ply(truth / "mesh.ply", Mesh(4 * mesh.vertices @ turn.T, mesh.faces), grey)
    write_shot(out, [matte(0)] * 4, plate(), MeshEntry("mesh/object.ply"), "cameras")
    measured = evaluate_shot(out, truth)["mesh"]
    assert measured["aligned"] and measured["camera_rms"] < 1e-5
    assert measured["f_score"] > 0.99 and measured["chamfer_relative"] < 0.004
    size = 4 * np.linalg.norm(np.ptp(mesh.vertices @ turn.T, axis=0))
    assert measured["threshold"] == pytest.approx(0.01 * size, rel=1e-3)
    # A surface that is too large by 5 % of the size is not within 1 % of it.
    write_ply(out / "mesh/object.ply", Mesh(mesh.vertices * 1.15, mesh.faces), grey)
    assert evaluate_shot(out, truth)["mesh"]["f_score"] < 0.3
    # Without cameras of truth the worlds are taken to be one.
    (truth / "cameras").rename(truth / "other")
    measured = evaluate_shot(out, truth)
    assert not measured["mesh"]["aligned"] and measured["mesh"]["f_score"] < 0.1
    assert "no cameras of truth" in measured["notes"][0]


def test_table_names_everything(shot):
    out, truth = shot
    save(truth / "matte" / "other.png", matte(0))
    save(truth / "clean" / "cup.1001.png", plate())
    text = table(evaluate_shot(out, truth, radius=7))
    for part in (
        "miou",
        "band of 7 pixels",
        "0.9750",
        "worst frame",
        "cup.1002 (0.9500)",
        "psnr_seen",
        "cup.1003",
        "other",
    ):
        assert part in text


def test_no_name_matches(shot, tmp_path):
    out, _ = shot
    save(tmp_path / "foreign" / "dog.0001.png", matte(0))
    with pytest.raises(InputError, match=r"foreign.*dog\.0001.*cup\.1001"):
        evaluate_shot(out, tmp_path / "foreign")


def test_another_size_is_named(shot):
    out, truth = shot
    save(truth / "matte" / "cup.1002.png", np.ones((HEIGHT, WIDTH + 1)))
    with pytest.raises(InputError, match=r"cup\.1002\.png is 61x40, its frame is 60x40"):
        evaluate_shot(out, truth)


def test_what_is_no_truth_or_no_shot(shot, tmp_path):
    out, truth = shot
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no truth"):
        evaluate_shot(out, tmp_path / "empty")
    with pytest.raises(InputError, match="absent"):
        evaluate_shot(out, tmp_path / "absent")
    with pytest.raises(InputError, match=r"shot\.json"):
        evaluate_shot(tmp_path / "empty", truth)
    (truth / "mesh.ply").write_bytes(b"ply\nnonsense")
    write_ply(out / "mesh/object.ply", Mesh(np.eye(3), np.array([[0, 1, 2]])), np.zeros((3, 3), np.uint8))
    write_shot(out, [matte(0)] * 4, plate(), MeshEntry("mesh/object.ply"))
    with pytest.raises(InputError, match=r"truth.mesh\.ply"):
        evaluate_shot(out, truth)
