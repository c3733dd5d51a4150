import struct
import zlib

import cv2
import numpy as np
import OpenEXR
import pycolmap
import pytest
import tifffile

from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.footage.image import decode, rgb


def window(left, top, right, bottom):
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


@pytest.mark.parametrize(
    ("name", "dtype", "linear", "plain"),
    [
        ("a.png", np.uint8, False, True), ("a.png", np.uint16, False, False), ("a.tif", np.uint8, False, False),
        ("a.tiff", np.uint16, False, False), ("a.tif", np.float32, True, False),
    ],
)  # fmt: skip
def test_lossless_formats(tmp_path, picture, write, name, dtype, linear, plain):
    pixels = picture(dtype=dtype)
    path = write(tmp_path / "plätze 東" / name, pixels)
    header = read_header(path)
    assert (header.width, header.height, header.is_linear, header.is_plain) == (48, 32, linear, plain)
    read = decode(path)
    assert read.dtype == dtype and (read == pixels).all()


@pytest.mark.parametrize(
    "layout", [{"bigtiff": True}, {"tile": (32, 32)}, {"byteorder": ">"}, {"compression": "zlib"}]
)
def test_layouts_of_tiff(tmp_path, picture, layout):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), photometric="rgb", **layout)
    assert (read_header(path).width, read_header(path).height) == (48, 32)
    assert (decode(path) == picture()).all()


def test_jpeg_is_rgb(tmp_path, write):
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[..., 0] = 200
    header = read_header(write(tmp_path / "a.jpg", pixels))
    assert (header.width, header.height, header.is_plain) == (48, 32, True)
    assert np.abs(decode(tmp_path / "a.jpg").astype(int) - pixels).max() <= 3


def test_grey_is_repeated_and_alpha_left_out(tmp_path, picture, write):
    grey = picture()[..., 0]
    assert (rgb(decode(write(tmp_path / "grey.png", grey))) == grey[..., None]).all()
    rgba = np.dstack([picture(), grey])
    read = decode(write(tmp_path / "rgba.png", rgba))
    assert (read == rgba).all() and (rgb(read) == rgba[..., :3]).all()


def test_orientation_is_ignored_as_pycolmap_does(tmp_path, picture, write):
    jpeg = write(tmp_path / "a.jpg", picture()).read_bytes()
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    assert cv2.imread(str(turned)).shape == (48, 32, 3), "the file does not ask for a rotation"
    theirs = pycolmap.Bitmap.read(str(turned), True).to_array()
    assert decode(turned).shape == theirs.shape == (32, 48, 3)
    assert np.abs(decode(turned).astype(int) - theirs).max() <= 2
    assert read_header(turned).width == 48


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("tiled", [False, True])
def test_exr_keeps_values_above_one(tmp_path, picture, write_exr, dtype, tiled):
    pixels = (picture(dtype=np.float32) * 10 - 3).astype(dtype)
    header = {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()} if tiled else {}
    path = write_exr(tmp_path / "漢.exr", {"RGB": pixels, "depth.Z": pixels[..., 0].copy()}, **header)
    assert read_header(path).is_linear
    read = decode(path)
    assert read.dtype == np.float32 and (read == pixels.astype(np.float32)).all()


@pytest.mark.parametrize("compression", ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44A", "DWAA", "DWAB"])
def test_every_compression_is_seen_as_complete(tmp_path, picture, write_exr, compression):
    pixels = picture(dtype=np.float32, width=300, height=300).astype(np.float16)
    kind = getattr(OpenEXR, f"{compression}_COMPRESSION")
    path = write_exr(tmp_path / "a.exr", {"RGB": pixels}, compression=kind)
    assert np.abs(decode(path) - pixels).mean() < 0.05
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadImage, match="cut short"):
        read_header(path)


def test_display_window_is_what_counts(tmp_path, picture, write_exr):
    pixels = picture(dtype=np.float32, width=12, height=10)
    header = {"dataWindow": window(-2, 3, 9, 12), "displayWindow": window(0, 0, 19, 7)}
    path = write_exr(tmp_path / "a.exr", {"RGB": pixels}, **header)
    assert (read_header(path).width, read_header(path).height) == (20, 8)
    expected = np.zeros((8, 20, 3), np.float32)
    expected[3:8, 0:10] = pixels[0:5, 2:12]
    assert (decode(path) == expected).all()


def test_windows_that_do_not_meet(tmp_path, picture, write_exr):
    header = {"dataWindow": window(100, 100, 111, 109), "displayWindow": window(0, 0, 19, 7)}
    path = write_exr(tmp_path / "a.exr", {"RGB": picture(dtype=np.float32, width=12, height=10)}, **header)
    assert decode(path).shape == (8, 20, 3) and not decode(path).any()


@pytest.mark.parametrize("names", [("Y",), ("rgba.R", "rgba.G", "rgba.B", "rgba.A"), ("mask.V",)])
def test_layers_and_single_channels(tmp_path, picture, write_exr, names):
    planes = [picture(seed, np.float32)[..., 0].copy() for seed in range(len(names))]
    path = write_exr(tmp_path / "a.exr", dict(zip(names, planes, strict=True)))
    assert (decode(path) == np.stack(planes, axis=-1)).all()


def test_a_part_with_colour_is_found(tmp_path, picture):
    pixels = picture(dtype=np.float32)
    depth = {"Z": pixels[..., 0].copy(), "id": pixels[..., 1].copy()}
    parts = [OpenEXR.Part({}, depth, "depth"), OpenEXR.Part({}, {"RGB": pixels}, "beauty")]
    with OpenEXR.File(parts) as file:
        file.write(str(tmp_path / "a.exr"))
    assert (decode(tmp_path / "a.exr") == pixels).all()


def test_nothing_but_numbers_comes_out(tmp_path, write_exr):
    pixels = np.ones((4, 4, 3), np.float32)
    pixels[0, 0], pixels[1, 1] = np.nan, np.inf
    read = decode(write_exr(tmp_path / "a.exr", {"RGB": pixels}))
    assert (read[0, 0] == 0).all() and (read[1, 1] == 65504).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.exr"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.6, 0.95])
def test_a_file_cut_anywhere_is_refused_by_name(tmp_path, picture, write, write_exr, name, keep):
    path = tmp_path / name
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    if name == "a.exr":
        write_exr(path, {"RGB": pixels.astype(np.float32)})
    else:
        write(path, pixels)
    read_header(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(BadImage, match=name):
        read_header(path)


def test_more_after_the_end_of_a_jpeg_is_no_harm(tmp_path, picture, write):
    path = write(tmp_path / "a.jpg", picture())
    path.write_bytes(path.read_bytes() + b"trailer of a phone" * 100)
    assert read_header(path).width == 48


def test_not_an_image(tmp_path):
    (tmp_path / "a.png").write_text("hello " * 100)
    with pytest.raises(BadImage, match=r"a\.png"):
        decode(tmp_path / "a.png")
    with pytest.raises(BadImage, match=r"none\.png"):
        decode(tmp_path / "none.png")


def test_damaged_pixels_are_refused_by_name(tmp_path, picture, write):
    path = write(tmp_path / "a.png", picture())
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT") + 4
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(BadImage, match=r"a\.png"):
        decode(path)


def test_absurd_sizes_are_refused_before_decoding(tmp_path, picture, write, write_exr):
    png = bytearray(write(tmp_path / "a.png", picture()).read_bytes())
    png[16:24] = struct.pack(">II", 60000, 60000)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    (tmp_path / "a.png").write_bytes(png)
    exr = bytearray(write_exr(tmp_path / "a.exr", {"RGB": picture(dtype=np.float32)}).read_bytes())
    at = exr.index(b"dataWindow\0box2i\0") + 21
    exr[at : at + 16] = struct.pack("<4i", -(2**31), 0, 2**31 - 1, 5)
    (tmp_path / "a.exr").write_bytes(exr)
    for name in ("a.png", "a.exr"):
        with pytest.raises(BadImage, match="claims to be"):
            decode(tmp_path / name)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.exr"])
def test_damaged_headers_never_crash(tmp_path, picture, write, write_exr, name):
    path = tmp_path / name
    if name == "a.exr":
        write_exr(path, {"RGB": picture(dtype=np.float32)})
    else:
        write(path, picture())
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        # a TIFF of OpenCV keeps its directory last
        region = np.r_[:350, max(len(data) - 300, 0) : len(data)]
        for at in rng.choice(region[region < len(data)], 4):
            data[at] = rng.integers(256)
        path.write_bytes(data)
        try:
            read_header(path)
        except BadImage as error:
            assert name in str(error)
            refused += 1
    assert refused > 5
