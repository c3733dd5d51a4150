"""Masks from EXR files by name, with ids that other programs wrote, and from movies with alpha."""

import json
import struct
from dataclasses import replace

import cv2
import numpy as np
import OpenEXR
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.sources.cryptomatte import _bits, murmur3
from surface_sos_core.masks.sources.files import FilesSource
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.settings import CoarseSettings, Settings

WIDTH, HEIGHT, COUNT = 48, 32, 3


@pytest.fixture
def footage(tmp_path):
    (tmp_path / "plate").mkdir()
    for k in range(COUNT):
        cv2.imwrite(str(tmp_path / "plate" / f"plate.{1001 + k}.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return open_footage(tmp_path / "plate")


def find(path, footage, pick=None):
    without_cameras = MaskShot(footage, None, [None] * COUNT, None, Settings(), pytest.fail, pytest.fail)
    return FilesSource(path, footage, pick, CoarseSettings(), lambda message: None).find(without_cameras)


def test_masks_of_a_few_frames_become_those_of_all(slow_shot, overlaps, tmp_path):
    shot, mattes = slow_shot
    for i in (1, 8):
        cv2.imwrite(str(tmp_path / f"plate.{1001 + i}.png"), 255 * mattes[i].astype(np.uint8))
    told = []
    masks = FilesSource(tmp_path, shot.footage, None, shot.settings.coarse, told.append).find(
        replace(shot, warn=told.append)
    )
    assert masks.known.all() and overlaps(masks.probability, mattes).min() > 0.9
    assert "8 of 10 frames have no mask" in told[0] and told[1].startswith("8 frames without a mask get one")


def as_float(name_id):
    return struct.unpack("<f", struct.pack("<I", name_id))[0]


@pytest.mark.parametrize(
    ("name", "name_id"),
    # of Cryptomatte's specification and its own unit tests
    [("hello", 6.0705627102400005616e-17), ("cube", -4.08461912519e15), ("sphere", 2.79018604383e15)],
)
def test_ids_are_those_of_the_specification(name, name_id):
    assert as_float(_bits(murmur3(name.encode()))) == pytest.approx(name_id, rel=1e-9)


def test_an_id_is_never_a_number_that_programs_drop():
    for raw in (0x00000001, 0x7F800001, 0xFF812345, 0x80000000):
        assert np.isfinite(as_float(_bits(raw))) and _bits(raw) >> 23 & 255 not in (0, 255)
    assert _bits(0x3F800000) == 0x3F800000


def write_cryptomatte(path, names, shift, manifest=True, beside=False):
    """Two objects: the first covers the left half but for a soft column, the second the rest."""
    ids = [as_float(_bits(murmur3(name.encode()))) for name in names]
    first = np.zeros((HEIGHT, WIDTH), np.float32)
    first[:, : 20 + shift], first[:, 20 + shift] = 1.0, 0.25
    left = first > 0.5
    channels = {
        "crypto00.R": np.where(left, ids[0], ids[1]), "crypto00.G": np.where(left, first, 1 - first),
        "crypto00.B": np.where(left, ids[1], ids[0]), "crypto00.A": np.where(left, 1 - first, first),
        "R": first * 0, "G": first * 0, "B": first * 0, "roto.A": first[:, ::-1],
    }  # fmt: skip
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage,
        "cryptomatte/1234567/name": "crypto", "cryptomatte/1234567/hash": "MurmurHash3_32",
        "cryptomatte/1234567/conversion": "uint32_to_float32",
    }  # fmt: skip
    text = json.dumps({name: f"{_bits(murmur3(name.encode())):08x}" for name in names})
    if beside:
        (path.parent / "names.json").write_text(text)
        header["cryptomatte/1234567/manif_file"] = "names.json"
    elif manifest:
        header["cryptomatte/1234567/manifest"] = text
    planes = {name: np.ascontiguousarray(plane, np.float32) for name, plane in channels.items()}
    with OpenEXR.File(header, planes) as file:
        file.write(str(path))
    return first


@pytest.fixture
def mattes(tmp_path):
    def make(**options):
        folder = tmp_path / "mattes"
        folder.mkdir()
        names = ["set/teddy", "set/table"]
        return folder, [
            write_cryptomatte(folder / f"plate.{1001 + k}.exr", names, k, **options) for k in range(COUNT)
        ]

    return make


@pytest.mark.parametrize("options", [{}, {"beside": True}, {"manifest": False}])
def test_an_object_of_cryptomatte_by_its_name(mattes, footage, options):
    folder, truth = mattes(**options)
    masks = find(folder, footage, "set/teddy")
    assert masks.known.all()
    for mask, matte in zip(masks.probability, truth, strict=True):
        np.testing.assert_array_equal(mask, np.rint(255 * matte))


def test_objects_by_a_pattern_add_up(mattes, footage):
    folder, _ = mattes()
    assert (find(folder, footage, "set/*").probability == 255).all()


def test_a_layer_by_its_name(mattes, footage):
    folder, truth = mattes()
    np.testing.assert_array_equal(
        find(folder, footage, "roto").probability[1], np.rint(255 * truth[1][:, ::-1])
    )


def test_a_name_that_no_file_knows(mattes, footage):
    folder, _ = mattes()
    with pytest.raises(
        InputError, match=r"Nothing in .* is called dog; the files know .*set/table, set/teddy"
    ):
        find(folder, footage, "dog")


def test_picking_from_files_that_are_no_exr(tmp_path, footage):
    with pytest.raises(InputError, match="Nothing in .* is called dog; the files know numbers 0"):
        find(tmp_path / "plate", footage, "dog")


def test_an_exr_render_is_read_by_its_alpha(tmp_path, footage):
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[8:20, 10:30], matte[8:20, 30] = 1.0, 0.5
    colour = np.random.default_rng(0).random((3, HEIGHT, WIDTH), np.float32) * matte
    (tmp_path / "mattes").mkdir()
    for k in range(COUNT):
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        channels = {"R": colour[0].copy(), "G": colour[1].copy(), "B": colour[2].copy(), "A": matte.copy()}
        with OpenEXR.File(header, channels) as file:
            file.write(str(tmp_path / "mattes" / f"plate.{1001 + k}.exr"))
    np.testing.assert_array_equal(find(tmp_path / "mattes", footage).probability[2], np.rint(255 * matte))


def blob(k):
    """A matte that moves."""
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    matte[8:24, 8 + 4 * k : 24 + 4 * k] = 255
    return matte


def write_movie(path, codec, pixel_format, count=COUNT, alpha=True):
    av = pytest.importorskip("av", reason="movies of masks need PyAV")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        for k in range(count):
            noise = np.random.default_rng(k).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
            pixels = np.dstack([noise, blob(k)]) if alpha else np.repeat(blob(k)[..., None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if alpha else "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mov", "png", "rgba"),
        ("a.mov", "qtrle", "argb"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
    ],
)
def test_a_movie_by_its_alpha(tmp_path, footage, name, codec, pixel_format):
    masks = find(write_movie(tmp_path / name, codec, pixel_format), footage)
    assert masks.known.all()
    for k in range(COUNT):
        assert ((masks.probability[k] > 127) == (blob(k) > 0)).mean() > 0.99


def test_a_movie_without_alpha_is_read_by_its_luminance(tmp_path, footage):
    masks = find(write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", alpha=False), footage)
    assert all(((masks.probability[k] > 127) == (blob(k) > 0)).mean() > 0.97 for k in range(COUNT))


def test_a_movie_of_another_length(tmp_path, footage):
    path = write_movie(tmp_path / "a.mov", "png", "rgba", count=5)
    with pytest.raises(InputError, match="has 5 frames and the footage 3"):
        find(path, footage)


def test_a_file_that_is_no_movie(tmp_path, footage):
    pytest.importorskip("av", reason="movies of masks need PyAV")
    (tmp_path / "a.mov").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(InputError, match="is not a movie that can be read"):
        find(tmp_path / "a.mov", footage)
