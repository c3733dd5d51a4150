"""Pictures of the worst frames, on a shot whose errors are known."""

import cv2
import numpy as np
import pytest

from surface_sos_core.evaluate.pictures import signed_difference, worst_frames, write_worst_pictures
from surface_sos_core.evaluate.truth import evaluate_shot
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.exr import FrameLayers, write_layers
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, write_manifest

HEIGHT, WIDTH, GAP = 30, 40, 4
NAMES = [f"cup.{number}" for number in range(1001, 1006)]


def matte(columns: int) -> np.ndarray:
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[10:20, 10 : 10 + columns] = 1
    return alpha


def part(file, number: int) -> np.ndarray:
    """One of the four pictures of a row, RGB."""
    row = cv2.imread(str(file))[..., ::-1].astype(int)
    assert row.shape == (HEIGHT, 4 * WIDTH + 3 * GAP, 3)
    return row[:, number * (WIDTH + GAP) :][:, :WIDTH]


@pytest.fixture
def shot(tmp_path):
    """Frame n's matte is n columns too wide; all clean plates are 0.05 too bright."""
    out, truth = tmp_path / "out", tmp_path / "truth"
    grey = np.full((HEIGHT, WIDTH, 3), srgb_decode(np.float32(0.55)), np.float32)
    blank, seen = np.zeros_like(grey), np.ones((HEIGHT, WIDTH), np.float32)
    entries = []
    for n, name in enumerate(NAMES):
        layers = FrameLayers(np.dstack([blank, matte(12 + n)]), grey, seen, 1e10 * seen, blank)
        write_layers(out / f"layers/{name}.exr", layers, 1001 + n)
        entries.append(FrameEntry(name, 1001 + n, f"layers/{name}.exr"))
        for folder, picture in (("matte", matte(12)), ("clean", np.full((HEIGHT, WIDTH, 3), 0.5))):
            (truth / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(truth / folder / f"{name}.png"), np.round(picture * 255).astype(np.uint8))
    write_manifest(out, Manifest(FootageEntry("x", WIDTH, HEIGHT, "cup"), entries))
    return out, truth


def test_the_three_worst_are_drawn_and_older_pictures_go(shot):
    out, truth = shot
    folder = out / "evaluation"
    folder.mkdir()
    (folder / "matte.old.png").touch()
    (folder / "notes.png").touch()
    written = write_worst_pictures(folder, out, truth, evaluate_shot(out, truth))
    assert [f.name for f in written[:3]] == [f"matte.cup.{n}.png" for n in (1005, 1004, 1003)]
    assert [f.name.split(".")[0] for f in written[3:]] == ["clean"] * 3
    assert set(folder.iterdir()) == {*written, folder / "notes.png"}


def test_what_a_row_shows(shot):
    out, truth = shot
    written = write_worst_pictures(out / "evaluation", out, truth, evaluate_shot(out, truth))
    np.testing.assert_array_equal(part(written[0], 1)[..., 0] > 127, matte(16) > 0)
    np.testing.assert_array_equal(part(written[0], 2)[..., 0] > 127, matte(12) > 0)
    red = part(written[0], 3)
    np.testing.assert_array_equal(red[..., 0] > red[..., 2] + 100, matte(16) > matte(12))
    clean = next(f for f in written if f.name.startswith("clean"))
    assert np.abs(part(clean, 1) - 0.55 * 255).max() < 2 and np.abs(part(clean, 2) - 0.5 * 255).max() < 1
    apart = part(clean, 3)
    assert abs(apart[15, 15, 0] - 4 * 0.05 * 255) < 8 and apart[0, 0, 0] == 0  # beyond the region: nothing


def test_too_little_is_blue():
    difference = np.array([[-1.0, 0.0, 0.25]])
    left, same, right = signed_difference(np.full((1, 3, 3), 100, np.uint8), difference)[0].astype(int)
    assert left[2] > left[0] + 100 and right[0] > right[2] + 50 and same.tolist() == [35, 35, 35]


def test_frames_without_a_value_are_never_worst():
    rows = [{"name": n, "psnr": v} for n, v in (("a", 30.0), ("b", None), ("c", 20.0))]
    assert worst_frames({"per_frame": rows}, "psnr") == ["c", "a"]
    assert worst_frames(None, "psnr") == []
