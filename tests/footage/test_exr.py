"""Which part and layer of an EXR is the picture, and what its header says beside."""

from fractions import Fraction

import numpy as np
import OpenEXR
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage, timecode
from surface_sos_core.footage.header import BadImage, read_header
from surface_sos_core.footage.image import decode


def layers(picture, *names, letters="RGB"):
    """Planes of a different picture for each layer."""
    return {
        f"{name}.{letter}" if name else letter: np.ascontiguousarray(picture(seed, np.float32)[..., i % 3])
        for seed, name in enumerate(names)
        for i, letter in enumerate(letters)
    }


def seed_of(pixels, picture, count=4):
    return next(seed for seed in range(count) if (pixels[..., :3] == picture(seed, np.float32)).all())


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("ViewLayer.AO", "ViewLayer.Combined"), "ViewLayer.Combined"),
        (("", "ViewLayer.Combined"), "RGB"),
        (("albedo", "normal", "rgba"), "rgba"),
        (("DiffCol", "GlossDir", "beauty"), "beauty"),
        (("AO", "left"), "left"),  # what is called like nothing known goes before a utility pass
        (("crypto_object00", "C"), "C"),
        (("AO", "normals"), "AO"),  # nothing else is there
    ],
)
def test_the_beauty_goes_before_utility_passes(tmp_path, picture, write_exr, names, chosen):
    path = write_exr(tmp_path / "a.exr", layers(picture, *names))
    header = read_header(path)
    assert header.layer.name == chosen
    assert set(header.layer.others) == {name or "RGB" for name in names} - {chosen}
    assert seed_of(decode(path), picture) == names.index("" if chosen == "RGB" else chosen)


def test_parts_that_come_before_the_beauty(tmp_path, picture):
    planes = [picture(seed, np.float32) for seed in range(3)]
    parts = [
        OpenEXR.Part({}, {"Z": planes[0][..., 0].copy()}, "depth"),
        OpenEXR.Part({}, {"RGB": planes[1].copy()}, "normals"),
        OpenEXR.Part({}, {"RGB": planes[2].copy()}, "rgba"),
    ]
    with OpenEXR.File(parts) as file:
        file.write(str(tmp_path / "a.exr"))
    assert read_header(tmp_path / "a.exr").layer.name == "rgba"
    assert (decode(tmp_path / "a.exr") == planes[2]).all()
    assert (decode(tmp_path / "a.exr", "normals") == planes[1]).all()


def test_another_layer_by_its_name(tmp_path, picture, write_exr):
    names = ("ViewLayer.AO", "ViewLayer.Combined")
    path = write_exr(tmp_path / "a.exr", layers(picture, *names))
    for wanted in ("ViewLayer.AO", "viewlayer.ao", "AO"):
        assert seed_of(decode(path, wanted), picture) == 0
    with pytest.raises(BadImage, match=r"no layer Depth, .* one of ViewLayer.AO, ViewLayer.Combined"):
        read_header(path, "Depth")


def test_two_that_could_be_the_picture_are_told(tmp_path, picture, write_exr):
    for number in (1, 2):
        write_exr(tmp_path / f"f.{number}.exr", layers(picture, "A.Combined", "B.Combined", "B.AO"))
    told = []
    footage = open_footage(tmp_path, warn=told.append)
    assert seed_of(footage.read_linear(0), picture) == 0
    assert len(told) == 1 and "A.Combined; B.Combined could be it as well: --layer NAME" in told[0]
    assert seed_of(open_footage(tmp_path, warn=pytest.fail, layer="B.Combined").read_linear(0), picture) == 1


def test_frames_whose_layers_differ_are_told(tmp_path, picture, write_exr):
    write_exr(tmp_path / "f.1.exr", layers(picture, "rgba"))
    write_exr(tmp_path / "f.2.exr", layers(picture, "beauty"))
    told = []
    open_footage(tmp_path, warn=told.append)
    assert "rgba in 1, beauty in 1" in told[0]


@pytest.mark.parametrize("letters", ["rgb", ("red", "green", "blue"), ("Red", "Green", "Blue")])
def test_channels_by_other_names(tmp_path, picture, write_exr, letters):
    path = write_exr(tmp_path / "a.exr", layers(picture, "", letters=letters))
    assert seed_of(decode(path), picture) == 0


def test_red_with_alpha_is_grey(tmp_path, picture, write_exr):
    path = write_exr(tmp_path / "a.exr", layers(picture, "", letters="RA"))
    read = decode(path)
    assert read.shape[2] == 2 and (read[..., 0] == picture(0, np.float32)[..., 0]).all()


@pytest.mark.parametrize(
    ("letters", "reason"),
    [
        (("Y", "RY", "BY"), r"luminance and chroma \(Y, RY, BY\).*save it as R, G, B"),
        (("X", "Y", "Z"), "has no picture: its channels are X, Y, Z"),
        (("U", "V"), "has no picture: its channels are U, V"),
    ],
)
def test_refused_for_the_true_reason(tmp_path, picture, write_exr, letters, reason):
    for number in (1, 2):
        write_exr(tmp_path / f"f.{number}.exr", layers(picture, "", letters=letters))
    with pytest.raises(InputError, match=reason):
        open_footage(tmp_path)


def test_what_the_header_says_beside_pixels(tmp_path, picture, write_exr):
    code = OpenEXR.TimeCode()
    code.hours, code.minutes, code.seconds, code.frame = 1, 2, 3, 4
    header = {"pixelAspectRatio": 2.0, "framesPerSecond": Fraction(24000, 1001), "timeCode": code}
    path = write_exr(tmp_path / "a.exr", {"RGB": picture(dtype=np.float32)}, **header)
    tags = read_header(path).tags
    assert (tags.pixel_aspect, tags.fps) == (2.0, Fraction(24000, 1001))
    assert timecode.fields(tags.timecode) == [1, 2, 3, 4] and not timecode.drops_frames(tags.timecode)


def window(left, top, right, bottom):
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


def test_what_all_frames_store_around_the_display_window_is_kept(tmp_path, picture, write_exr):
    display = window(100, 50, 139, 73)  # 40x24
    for number, around in enumerate([(4, 4, 4, 4), (6, 2, 4, 9)], start=1):
        data = window(100 - around[0], 50 - around[1], 139 + around[2], 73 + around[3])
        size = 40 + around[0] + around[2], 24 + around[1] + around[3]
        pixels = picture(number, np.float32, *size)
        write_exr(tmp_path / f"f.{number}.exr", {"RGB": pixels}, dataWindow=data, displayWindow=display)
    footage = open_footage(tmp_path, warn=pytest.fail)
    assert (footage.width, footage.height) == (48, 30)
    assert footage.display_window == (4, 2, 43, 25) and footage.origin == (96, 48)
    assert (footage.read_linear(0) == picture(1, np.float32, 48, 32)[2:32]).all()
    assert (footage.read_linear(1) == picture(2, np.float32, 50, 35)[:30, 2:50]).all()


def test_a_picture_cut_tightly_is_used_in_its_display_window(tmp_path, picture, write_exr):
    for number in (1, 2):
        header = {"dataWindow": window(5, 3, 16, 12), "displayWindow": window(0, 0, 39, 23)}
        write_exr(tmp_path / f"f.{number}.exr", {"RGB": picture(number, np.float32, 12, 10)}, **header)
    footage = open_footage(tmp_path, warn=pytest.fail)
    assert (footage.width, footage.height, footage.origin) == (40, 24, (0, 0))
    assert (footage.read_linear(0)[3:13, 5:17] == picture(1, np.float32, 12, 10)).all()


@pytest.mark.parametrize(
    ("start", "fps", "frames", "expected"),
    [
        ("01:02:03:04", Fraction(24), 24, [1, 2, 4, 4]),
        ("23:59:59:23", Fraction(24), 1, [0, 0, 0, 0]),
        ("00:00:59;29", Fraction(30000, 1001), 1, [0, 1, 0, 2]),  # two codes are left out
        ("00:09:59;29", Fraction(30000, 1001), 1, [0, 10, 0, 0]),  # but for every tenth minute
        ("00:00:00;00", Fraction(30000, 1001), 17982, [0, 10, 0, 0]),
        ("00:00:00:00", Fraction(50), 4, [0, 0, 0, 2]),  # two frames share a code
    ],
)
def test_time_codes_go_on(start, fps, frames, expected):
    code = timecode.after(timecode.parse(start, fps), frames, fps)
    assert timecode.fields(code) == expected and timecode.drops_frames(code) == (";" in start)


def test_what_is_no_time_code():
    assert [timecode.parse(text, None) for text in ("", "1:2:3", "25:00:00:00", "00:00:00:xx")] == [None] * 4
