"""The add-on's writer of COLMAP models, read back by the core."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from blender_addon.files import colmap, colmap_text
from surface_sos_core.cameras import read_model, write_model


def images(count: int) -> list[colmap.Image]:
    lens = colmap.Lens("OPENCV", 64, 36, (60.0, 61.0, 32.5, 17.25, 0.1, -0.02, 0.001, 0.0005))
    half = float(np.sqrt(0.5))
    return [
        colmap.Image(f"a plate.{n:04d}.jpg", lens, (half, 0.0, half, 0.0), (0.1 * n, 1 / 3, 2.0))
        for n in range(count)
    ]


def test_the_core_reads_the_same_model(tmp_path: Path):
    made = images(3)
    tracks = [
        colmap_text.Track(
            (0.1, 0.2, 0.3), (255, 0, 7), 0.25, {made[0].name: (1.5, 2.5), made[2].name: (3.0, 4.0)}
        ),
        colmap_text.Track(
            (1.0, 0.0, 0.0), (1, 2, 3), 0.5, {made[2].name: (9.0, 8.0), "not there": (0.0, 0.0)}
        ),
    ]
    colmap_text.write(tmp_path, made, tracks)
    model = read_model(tmp_path)
    assert list(model.cameras) == [image.name for image in made]
    for image, camera in zip(made, model.cameras.values(), strict=True):
        assert camera.lens.params == image.lens.params and camera.lens.model == "OPENCV"
        assert np.allclose(camera.translation, image.translation, atol=0)
        assert np.allclose(camera.rotation @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    assert np.array_equal(model.points.xyz, [[0.1, 0.2, 0.3], [1, 0, 0]])
    assert model.points.rgb.tolist() == [[255, 0, 7], [1, 2, 3]]
    assert model.points.track_length.tolist() == [2, 1]


def test_names_with_line_ends_are_those_that_the_core_writes_and_reads(tmp_path: Path):
    names = ["a\nb.png", " c\r.png ", "d.png", "plain %20 é.png", "\te\0.png"]
    made = [replace(image, name=name) for image, name in zip(images(len(names)), names, strict=True)]
    colmap_text.write(tmp_path / "ours", made, [])
    model = read_model(tmp_path / "ours")
    assert list(model.cameras) == names
    write_model(model, tmp_path / "core")
    assert [image.name for image in colmap.read_model(tmp_path / "core").images] == names


def test_writing_the_same_again_leaves_the_files_and_their_times_alone(tmp_path: Path):
    colmap_text.write(tmp_path, images(2), [])
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    colmap_text.write(tmp_path, images(2), [])
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before and len(before) == 3
    colmap_text.write(tmp_path, images(3), [])
    assert (tmp_path / "images.txt").stat().st_mtime_ns != before[tmp_path / "images.txt"]
    assert (tmp_path / "cameras.txt").stat().st_mtime_ns == before[tmp_path / "cameras.txt"]
