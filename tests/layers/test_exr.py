"""The EXR contract: channels, types, compression, frame number, values."""

from fractions import Fraction

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import timecode
from surface_sos_core.footage.colour import KNOWN_SPACES, LINEAR_REC709, space_of
from surface_sos_core.footage.exr import Tags
from surface_sos_core.footage.header import read_header
from surface_sos_core.layers.exr import FrameLayers, PlateHeader, read_layers, write_layers

HEIGHT, WIDTH = 11, 17
LOGC4_PRIMARIES = (0.7347, 0.2653, 0.1424, 0.8576, 0.0991, -0.0308, 0.3127, 0.3290)


@pytest.fixture
def layers() -> FrameLayers:
    random = np.random.default_rng(3)

    def image(*depth: int) -> np.ndarray:
        return random.uniform(-1, 4, (HEIGHT, WIDTH, *depth)).astype(np.float32)

    return FrameLayers(image(4), image(3), image(), image() + 100, image(3))


def test_channels_types_and_compression(tmp_path, layers):
    path = tmp_path / "layers" / "shot.1001.exr"
    write_layers(path, layers, 1001)
    with OpenEXR.File(str(path), separate_channels=True) as file:
        assert len(file.parts) == 1
        header = dict(file.header())  # the binding empties its own on closing
        types = {name: channel.pixels.dtype for name, channel in file.channels().items()}
    half, single = np.dtype(np.float16), np.dtype(np.float32)
    assert types == {
        "R": half, "G": half, "B": half, "A": half,
        "clean.R": half, "clean.G": half, "clean.B": half,
        "seen.V": half, "depth.Z": single,
        "normal.X": half, "normal.Y": half, "normal.Z": half,
    }  # fmt: skip
    assert header["compression"] == OpenEXR.ZIP_COMPRESSION
    assert header["type"] == OpenEXR.scanlineimage
    assert header["imageCounter"] == 1001
    np.testing.assert_allclose(header["chromaticities"][:2], (0.64, 0.33), atol=1e-6)


def test_every_channel_comes_back(tmp_path, layers):
    path = tmp_path / "shot.1001.exr"
    layers.depth[2, 3] = 1e10
    write_layers(path, layers, 1001)
    back = read_layers(path)
    for name in ("foreground", "clean", "seen", "normal"):
        written = getattr(layers, name)
        assert getattr(back, name).dtype == np.float32
        np.testing.assert_array_equal(getattr(back, name), written.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(back.depth, layers.depth)  # float keeps every bit
    assert isinstance(layers.clean, np.ndarray)  # the caller's arrays are still arrays


@pytest.mark.parametrize("space", [*KNOWN_SPACES, space_of(LOGC4_PRIMARIES, "house", "house:lin_scene")])
def test_colours_are_labelled_and_read_as_that(tmp_path, layers, space):
    """By OpenImageIO too, which gives the id or, for the chromaticities, its own name of a space."""
    path = tmp_path / "shot.1001.exr"
    layers.space = space
    write_layers(path, layers, 1001)
    back = read_layers(path)
    assert back.space.interop_id == space.interop_id
    np.testing.assert_allclose(back.space.chromaticities, space.chromaticities, atol=1e-6)
    spec = oiio.ImageInput.open(str(path)).spec()
    assert spec.get_string_attribute("colorInteropID") == space.interop_id
    np.testing.assert_allclose(spec.getattribute("chromaticities"), space.chromaticities, atol=1e-6)
    plain = back.in_rec709()
    assert plain.space == LINEAR_REC709 and (plain.foreground[..., 3] == back.foreground[..., 3]).all()
    np.testing.assert_allclose(plain.clean, space.in_rec709(back.clean), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(space.from_rec709(plain.clean), back.clean, atol=1e-4)


def test_channel_order_on_disk(tmp_path, layers):
    path = tmp_path / "shot.1001.exr"
    layers.clean[..., 0], layers.clean[..., 1], layers.clean[..., 2] = 1, 2, 3
    layers.normal[...] = (0.25, 0.5, 0.75)
    layers.foreground[...] = (4, 5, 6, 0.5)
    write_layers(path, layers, 1001)
    with OpenEXR.File(str(path), separate_channels=True) as file:
        found = {name: float(channel.pixels[0, 0]) for name, channel in file.channels().items()}
    expected = {"clean.R": 1, "clean.G": 2, "clean.B": 3, "normal.X": 0.25, "normal.Y": 0.5, "normal.Z": 0.75}
    expected |= {"R": 4, "G": 5, "B": 6, "A": 0.5}
    assert {name: found[name] for name in expected} == expected


def test_values_above_one_are_kept_and_overflow_is_clamped(tmp_path, layers):
    path = tmp_path / "shot.1001.exr"
    layers.clean[0, 0] = (1000, 1e6, -1e6)
    layers.clean[0, 1] = (np.inf, 65504, 65519)
    write_layers(path, layers, 1001)
    back = read_layers(path).clean
    np.testing.assert_array_equal(back[0, 0], (1000, 65504, -65504))
    np.testing.assert_array_equal(back[0, 1], (65504, 65504, 65504))


def test_views_of_larger_arrays_are_written_right(tmp_path, layers):
    path = tmp_path / "shot.1001.exr"
    layers.seen = np.asfortranarray(layers.seen)
    layers.clean = layers.clean[:, ::-1]
    write_layers(path, layers, 1001)
    back = read_layers(path)
    np.testing.assert_array_equal(back.seen, layers.seen.astype(np.float16))
    np.testing.assert_array_equal(back.clean, layers.clean.astype(np.float16))


def test_shapes_that_do_not_fit_are_refused(tmp_path, layers):
    layers.clean = layers.clean[:-1]
    with pytest.raises(ValueError, match="clean"):
        write_layers(tmp_path / "shot.1001.exr", layers, 1001)
    assert list(tmp_path.iterdir()) == []


def test_missing_channel_file_and_garbage_are_named(tmp_path, layers):
    with pytest.raises(InputError, match="absent.exr"):
        read_layers(tmp_path / "absent.exr")
    garbage = tmp_path / "garbage.exr"
    garbage.write_bytes(b"not an image")
    with pytest.raises(InputError, match="garbage.exr"):
        read_layers(garbage)
    part = tmp_path / "part.exr"
    pixels = {name: np.zeros((4, 5), np.float16) for name in "RGBA"}
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, dict(pixels)) as file:
        file.write(str(part))
    with pytest.raises(InputError, match=r"part\.exr.*clean\.R"):
        read_layers(part)
    whole = tmp_path / "whole.exr"
    write_layers(whole, layers, 1)
    cut = tmp_path / "cut.exr"
    cut.write_bytes(whole.read_bytes()[:-400])
    with pytest.raises(InputError, match="cut.exr"):
        read_layers(cut)


def test_the_foreground_over_a_background():
    foreground = np.float32([[[0.2, 0.1, 0, 0.5], [0, 0, 0, 0], [0.5, 0.5, 0.5, 1]]])
    clean = np.float32([[[1, 0, 0.4], [0.3, 0.6, 0.9], [9, 9, 9]]])
    empty = np.zeros((1, 3), np.float32)
    layers = FrameLayers(foreground, clean, empty, empty, np.zeros_like(clean))
    plate = np.float32([[[0.7, 0.1, 0.2], [0.3, 0.6, 0.9], [0.5, 0.5, 0.5]]])
    np.testing.assert_allclose(layers.over(clean), plate, atol=1e-6)
    np.testing.assert_allclose(
        layers.over(np.float32((0, 1, 0)))[0, :2], [[0.2, 0.6, 0], [0, 1, 0]], atol=1e-6
    )


def test_the_plates_own_header_is_taken_over(tmp_path, layers):
    code = timecode.parse("01:02:03;04", Fraction(30000, 1001))
    tags = Tags(pixel_aspect=2.0, fps=Fraction(30000, 1001), timecode=code)
    plate = PlateHeader(tags, origin=(96, 48), display_window=(4, 2, 12, 8))
    path = tmp_path / "shot.1001.exr"
    write_layers(path, layers, 1001, plate)
    header = read_header(path)
    assert (header.tags.pixel_aspect, header.tags.fps) == (2.0, Fraction(30000, 1001))
    assert timecode.fields(header.tags.timecode) == [1, 2, 3, 4] and timecode.drops_frames(
        header.tags.timecode
    )
    assert header.tags.interop_id == "lin_rec709_scene"
    assert header.layer.part.data_window == (96, 48, 96 + WIDTH - 1, 48 + HEIGHT - 1)
    assert header.layer.part.display_window == (100, 50, 108, 56)
    assert read_layers(path).depth.shape == (HEIGHT, WIDTH)
