"""Kinds of pictures that are read, folders of several kinds, and what is left out of them."""

import importlib.util

import numpy as np
import pytest
import tifffile
from PIL import Image

from surface_sos_core.errors import InputError
from surface_sos_core.footage import heif, open_footage
from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.footage.image import decode


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def heic(path, pixels):
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif")
    height, width = pixels.shape[:2]
    pillow_heif.from_bytes("RGB", (width, height), pixels.tobytes()).save(path, quality=95)
    return path


def test_webp_avif_and_heic(tmp_path, picture):
    paths = [
        save(tmp_path / "lossless.webp", picture(), lossless=True), save(tmp_path / "lossy.webp", picture(), quality=95),
        save(tmp_path / "a.avif", picture(), quality=95), heic(tmp_path / "a.heic", picture()),
    ]  # fmt: skip
    for path in paths:
        header = read_header(path)
        assert (header.width, header.height, header.is_linear, header.is_plain) == (48, 32, False, False)
        assert np.abs(decode(path).astype(int) - picture()).mean() < (1 if "lossless" in path.name else 6), (
            path
        )
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(BadImage, match=path.name):
            decode(path)


def test_webp_with_alpha(tmp_path, picture):
    rgba = np.dstack([picture(), picture(1)[..., 0]])
    assert (decode(save(tmp_path / "a.webp", rgba, lossless=True, exact=True)) == rgba).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_planes_of_a_tiff_apart_or_together(tmp_path, picture, dtype, planes):
    pixels = picture(dtype=dtype)
    stored = np.moveaxis(pixels, -1, 0) if planes == "separate" else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planes)
    assert (decode(tmp_path / "a.tif") == pixels).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_colour_of_a_tiff_is_as_stored_whatever_its_alpha(tmp_path, picture, dtype, kind):
    rgba = np.dstack([picture(dtype=dtype), picture(1, dtype)[..., 0]])
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=[kind])
    assert (decode(tmp_path / "a.tif") == rgba).all()


def test_cmyk_jpeg(tmp_path, picture):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture()).convert("CMYK").save(path, quality=98)
    assert decode(path).shape == (32, 48, 3) and np.abs(decode(path).astype(int) - picture()).mean() < 4


def test_a_folder_of_several_kinds_is_read_whole(tmp_path, picture):
    for seed, suffix in enumerate((".JPG", ".webp", ".avif", ".png", ".tif"), start=1):
        save(tmp_path / f"IMG_{seed:04d}{suffix}", picture(seed))
    heic(tmp_path / "IMG_0006.HEIC", picture(6))
    footage = open_footage(tmp_path, warn=pytest.fail)
    assert [frame.number for frame in footage.frames] == [1, 2, 3, 4, 5, 6]
    for index in range(6):
        assert np.abs(footage.read_display(index).astype(int) - picture(index + 1)).mean() < 10, index


def test_what_is_not_read_is_named_with_a_count(tmp_path, picture):
    for number in (1, 2):
        save(tmp_path / f"IMG_{number}.jpg", picture(number))
    for name in ("IMG_3.DNG", "IMG_4.cr3"):
        (tmp_path / name).write_bytes(b"raw")
    told = []
    assert len(open_footage(tmp_path, warn=told.append).frames) == 2
    assert len(told) == 1 and "2 pictures" in told[0] and "IMG_3.DNG, IMG_4.cr3" in told[0]
    open_footage(tmp_path / "IMG_#.jpg", warn=pytest.fail)  # a pattern says what is meant
    for number in (1, 2):
        (tmp_path / f"IMG_{number}.jpg").unlink()
    with pytest.raises(InputError, match="has 2 pictures of kinds that are not read .*convert them"):
        open_footage(tmp_path)


def test_heic_without_its_library(tmp_path, picture, monkeypatch):
    for number in (1, 2):
        heic(tmp_path / f"IMG_{number}.heic", picture(number))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        heif.importlib.util, "find_spec", lambda name: None if name == "pillow_heif" else found(name)
    )
    with pytest.raises(
        InputError, match=r"IMG_1.heic is a HEIC picture: pip install 'surface-sos-core\[heic\]'"
    ):
        open_footage(tmp_path)
    for number in (3, 4):
        save(tmp_path / f"IMG_{number}.jpg", picture(number))
    told = []
    assert [frame.number for frame in open_footage(tmp_path, warn=told.append).frames] == [3, 4]
    assert "2 pictures" in told[0] and "IMG_1.heic" in told[0]


def test_one_frame_in_two_formats_is_refused(tmp_path, picture):
    for number in (1, 2):
        save(tmp_path / f"f.{number}.jpg", picture(number))
    save(tmp_path / "f.2.png", picture(2))
    with pytest.raises(InputError, match=r"f\.2\.jpg and f\.2\.png .* the same frame twice"):
        open_footage(tmp_path)
    assert len(open_footage(tmp_path / "f.#.jpg", warn=pytest.fail).frames) == 2


def test_frames_in_folders_of_the_folder(tmp_path, picture):
    for folder in ("cam1", "cam2"):
        save(tmp_path / folder / "0001.jpg", picture())
    with pytest.raises(InputError, match=r"frames only in folders of it \(cam1, cam2\): give one"):
        open_footage(tmp_path)


def test_a_pattern_finds_negative_numbers(tmp_path, picture):
    for name in ("-003", "-002", "0001"):
        save(tmp_path / f"plate.{name}.jpg", picture())
    told = []
    footage = open_footage(tmp_path / "plate.####.jpg", warn=told.append)
    assert [frame.name for frame in footage.frames] == ["plate.-003", "plate.-002", "plate.0001"]
    assert [frame.number for frame in footage.frames] == [1, 2, 3] and "below 0" in told[0]


def test_a_name_that_lies_about_its_kind(tmp_path, picture, write):
    data = write(tmp_path / "a.jpg", picture()).read_bytes()
    for name in ("b.png", "c.exr", "d.webp"):
        (tmp_path / name).write_bytes(data)
        assert (decode(tmp_path / name) == decode(tmp_path / "a.jpg")).all()
