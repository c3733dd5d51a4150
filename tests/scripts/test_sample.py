"""The sample shot is whole, small, and its truth agrees with itself."""

from pathlib import Path

import cv2
import numpy as np
import pytest

SAMPLES = Path(__file__).parents[2] / "samples"
TRUTH = SAMPLES / "truth"
NAMES = [f"plate.{number}" for number in range(1001, 1025)]
WIDTH, HEIGHT = 320, 180


def read(file: Path, flag: int = cv2.IMREAD_COLOR) -> np.ndarray:
    image = cv2.imread(str(file), flag)
    assert image is not None, file
    return image


def matte(name: str) -> np.ndarray:
    return read(TRUTH / "matte" / f"{name}.png", cv2.IMREAD_GRAYSCALE) / 255.0


def mesh() -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) and triangles (M, 3) of truth/mesh.ply."""
    head, _, body = (TRUTH / "mesh.ply").read_bytes().partition(b"end_header\n")
    counts = [int(line.split()[2]) for line in head.decode().splitlines() if line.startswith("element")]
    vertices = np.frombuffer(body, "<f4", counts[0] * 3).reshape(-1, 3)
    faces = np.frombuffer(body, [("n", "u1"), ("corners", "<i4", 3)], counts[1], counts[0] * 12)
    assert (faces["n"] == 3).all()
    return vertices.astype(float), faces["corners"]


def poses() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """World-to-camera rotation and translation by image name, from truth/cameras/images.txt."""
    lines = (TRUTH / "cameras" / "images.txt").read_text().splitlines()
    found = {}
    for line in (line for line in lines if line and not line.startswith("#")):
        fields = line.split()
        w, x, y, z = map(float, fields[1:5])
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        found[fields[9]] = rotation, np.array(fields[5:8], float)
    return found


def lens() -> tuple[float, float, float, float]:
    line = (TRUTH / "cameras" / "cameras.txt").read_text().splitlines()[-1].split()
    assert line[1:4] == ["PINHOLE", str(WIDTH), str(HEIGHT)]
    focal_x, focal_y, centre_x, centre_y = map(float, line[4:])
    return focal_x, focal_y, centre_x, centre_y


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_every_frame_is_there_in_one_size_and_the_whole_is_small():
    for folder, ending in (("plates", "jpg"), ("truth/clean", "jpg"), ("truth/matte", "png")):
        assert sorted(p.name for p in (SAMPLES / folder).iterdir()) == [f"{name}.{ending}" for name in NAMES]
        for name in NAMES:
            assert read(SAMPLES / folder / f"{name}.{ending}").shape == (HEIGHT, WIDTH, 3)
    assert sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file()) <= 4 * 2**20


def test_mattes_are_soft_with_a_hole_somewhere_and_the_object_in_the_middle():
    holes = 0
    for name in NAMES:
        alpha = matte(name)
        assert 0.06 < alpha.mean() < 0.16, name
        assert ((alpha > 0.02) & (alpha < 0.98)).mean() > 0.002, name
        assert alpha[[0, -1]].max() == 0 and alpha[:, [0, -1]].max() == 0, f"{name}: cut by the border"
        empty = (alpha < 0.5).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(empty)
        holes += int((stats[1:, cv2.CC_STAT_AREA] > 30).sum() > 1)
    assert holes >= 20


def test_the_plate_is_the_clean_plate_away_from_the_object():
    for name in NAMES[::6]:
        plate, clean = read(SAMPLES / "plates" / f"{name}.jpg"), read(TRUTH / "clean" / f"{name}.jpg")
        difference = np.abs(plate.astype(float) - clean).mean(axis=2)
        inside = matte(name) > 0.99
        assert difference[inside].mean() > 40, name
        assert np.median(difference[:60][~inside[:60]]) < 6, name


@pytest.mark.parametrize("name", NAMES[::4])
def test_the_mesh_lands_on_the_matte_through_the_cameras(name: str):
    vertices, triangles = mesh()
    rotation, translation = poses()[f"{name}.jpg"]
    focal_x, focal_y, centre_x, centre_y = lens()
    local = vertices @ rotation.T + translation
    assert (local[:, 2] > 0).all()
    pixels = local[:, :2] / local[:, 2:] * (focal_x, focal_y) + (centre_x, centre_y)
    # Drawn 8 times larger, then averaged: pixel x covers [x, x + 1), so its centre is x + 0.5.
    big = np.zeros((HEIGHT * 8, WIDTH * 8), np.uint8)
    for triangle in np.round(pixels * 8 * 16 - 8)[triangles].astype(np.int32):
        cv2.fillConvexPoly(big, triangle, 255, shift=4)
    silhouette = cv2.resize(big, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / 255.0
    assert iou(silhouette > 0.5, matte(name) > 0.5) > 0.98
    # Half a pixel of offset would show here: the soft edges must agree on both sides.
    difference = silhouette - matte(name)
    assert abs(difference.mean()) < 0.001 and np.abs(difference).mean() < 0.006


def test_cameras_are_many_views_around_the_object():
    centres = np.array([-rotation.T @ translation for rotation, translation in poses().values()])
    assert list(poses()) == [f"{name}.jpg" for name in NAMES]
    around = np.degrees(np.arctan2(centres[:, 0], -centres[:, 1]))
    assert 100 < np.ptp(around) < 140
    assert np.ptp(centres[:, 2]) > 0.5


def test_masks_are_damaged_as_a_detectors():
    files = {p.stem: read(p, cv2.IMREAD_GRAYSCALE) > 127 for p in (SAMPLES / "masks").iterdir()}
    assert len(files) == 23 and set(files) < set(NAMES)
    black = [name for name, mask in files.items() if not mask.any()]
    assert len(black) == 1
    covered, extra, score = {}, {}, {}
    for name, mask in files.items():
        true = matte(name) > 0.5
        covered[name] = (mask & true).sum() / true.sum()
        extra[name] = (mask & ~true).sum() / true.sum()
        score[name] = iou(mask, true)
    lost = {name for name in files if 0 < covered[name] < 0.8}
    grabbed = {name for name in files if extra[name] > 0.35}
    assert len(lost) == 2 and len(grabbed) == 2 and not lost & grabbed
    assert 0.72 < np.mean(list(score.values())) < 0.85
    assert all(0.75 < score[name] < 0.97 for name in set(files) - lost - grabbed - set(black))
