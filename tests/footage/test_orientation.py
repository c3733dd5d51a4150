"""One rule for how pictures lie: stills as stored, movies as shown, masks brought to where their frames are."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.header import read_header
from surface_sos_core.footage.image import decode
from surface_sos_core.footage.orientation import of_matrix, stored, upright
from surface_sos_core.masks.coarse import load_masks
from surface_sos_core.settings import CoarseSettings


@pytest.mark.parametrize("turn", range(1, 9))
def test_turns_are_those_of_exif(turn):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    picture = Image.fromarray(pixels)
    picture.getexif()[0x0112] = turn
    np.testing.assert_array_equal(upright(pixels, turn), np.asarray(ImageOps.exif_transpose(picture)))
    np.testing.assert_array_equal(stored(upright(pixels, turn), turn), pixels)


def test_display_matrices():
    assert of_matrix(np.eye(3) * 65536) == 1
    assert of_matrix(np.diag([-65536, -65536, 1 << 30])) == 3
    assert of_matrix(np.array([[0, 65536, 0], [-65536, 0, 0], [0, 0, 1 << 30]])) == 6
    with pytest.raises(ValueError, match="no quarter"):
        of_matrix(np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]))


def scene(k, width=120, height=80):
    """A red box before noise, and its matte."""
    noise = np.random.default_rng(k).integers(90, 140, (height, width, 3)).astype(np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    matte = np.zeros((height, width), np.uint8)
    matte[10:40, 15 + 4 * k : 55 + 4 * k] = 255
    smooth[matte > 0] = (180, 60, 50)
    return smooth, matte


def save(path, pixels, turn=1):
    """With an orientation tag; the pixels are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, "H", 1, turn, True)])
        return
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = turn
    picture.save(path, exif=exif, **({"lossless": True} if path.suffix == ".webp" else {}))


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp"])
def test_stills_are_used_as_stored_and_that_is_said(tmp_path, suffix):
    for k in (1, 2):
        save(tmp_path / f"f.{k}{suffix}", scene(k)[0], turn=6)
    told = []
    footage = open_footage(tmp_path, warn=told.append)
    assert (footage.width, footage.height) == (120, 80)
    assert np.abs(footage.read_display(0).astype(int) - scene(1)[0]).mean() < 3
    assert len(told) == 1 and "2 with EXIF orientation 6" in told[0] and "as stored" in told[0]


@pytest.mark.parametrize("turn", range(2, 9))
@pytest.mark.parametrize("drawn", ["on upright frames", "on stored frames"])
def test_masks_are_brought_to_where_the_frames_are(tmp_path, turn, drawn):
    for k in range(4):
        frame, matte = scene(k)
        save(tmp_path / "plates" / f"f.{k}.jpg", frame, turn)
        save(
            tmp_path / "masks" / f"f.{k}.png", upright(matte, turn) if drawn == "on upright frames" else matte
        )
    footage = open_footage(tmp_path / "plates", warn=lambda message: None)
    notes = []
    masks = load_masks(tmp_path / "masks", footage, CoarseSettings(), notes.append)
    assert all((masks.probability[k] == scene(k)[1]).all() for k in range(4))
    assert bool(notes) == (drawn == "on upright frames") and all("EXIF orientation" in note for note in notes)


def test_masks_with_the_frames_own_orientation_lie_as_they_do(tmp_path):
    for k in range(2):
        frame, matte = scene(k)
        save(tmp_path / "plates" / f"f.{k}.jpg", frame, 3)
        save(tmp_path / "masks" / f"f.{k}.png", matte, 3)
    footage = open_footage(tmp_path / "plates", warn=lambda message: None)
    masks = load_masks(tmp_path / "masks", footage, CoarseSettings(), pytest.fail)
    assert (masks.probability[1] == scene(1)[1]).all()


def test_where_nothing_tells_how_masks_lie_they_are_refused(tmp_path):
    for k in range(4):
        grey = np.full((80, 120, 3), 120, np.uint8)
        save(tmp_path / "plates" / f"f.{k}.jpg", grey, 3)
        save(tmp_path / "masks" / f"f.{k}.png", scene(k)[1])
    footage = open_footage(tmp_path / "plates", warn=lambda message: None)
    with pytest.raises(InputError, match=r"EXIF orientation \(3\).*write frames and masks anew without"):
        load_masks(tmp_path / "masks", footage, CoarseSettings(), pytest.fail)


@pytest.mark.parametrize("turn", [1, 3, 6])
def test_avif_comes_upright(tmp_path, turn):
    pixels = scene(0)[0]
    save(tmp_path / "a.avif", pixels, turn)
    read, expected = decode(tmp_path / "a.avif"), upright(pixels, turn)
    assert read.shape == expected.shape and np.abs(read.astype(int) - expected).mean() < 6
    header = read_header(tmp_path / "a.avif")
    assert (header.height, header.width, header.orientation) == (*expected.shape[:2], 1)
