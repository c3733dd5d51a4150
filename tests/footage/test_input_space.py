"""Which space a plate is in, who says so, and that its pixels come out right: frames are made by OpenColorIO."""

import numpy as np
import PyOpenColorIO as ocio
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import ColourRequest, open_footage
from surface_sos_core.footage.colour import KNOWN_SPACES, LINEAR_REC709, SRGB, srgb_decode
from surface_sos_core.footage.ocio import BUILT_IN, ColourConfig

HALF_GREY = np.full((8, 8, 3), 0.5, np.float16)
SRGB_NAME = "sRGB - Texture"
ACESCG = next(space for space in KNOWN_SPACES if space.name == "ACEScg")
CONFIG = """
ocio_profile_version: 2
roles: {{scene_linear: house, aces_interchange: ap0}}
file_rules:
  - !<Rule> {{name: camera, pattern: "*", extension: png, colorspace: gamma}}
  - !<Rule> {{name: Default, colorspace: {default}}}
displays: {{screen: [!<View> {{name: raw, colorspace: house}}]}}
colorspaces:
  - !<ColorSpace> {{name: ap0, encoding: scene-linear}}
  - !<ColorSpace>
    name: house
    encoding: scene-linear
    to_scene_reference: !<BuiltinTransform> {{style: ACEScg_to_ACES2065-1}}
  - !<ColorSpace>
    name: gamma
    encoding: sdr-video
    to_scene_reference: !<GroupTransform>
      children:
        - !<ExponentTransform> {{value: [2, 2, 2, 1]}}
        - !<BuiltinTransform> {{style: ACEScg_to_ACES2065-1}}
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture
def converted(picture):
    """An sRGB picture uint8, and the same as floats of another space."""

    def make(name, seed=0):
        pixels = picture(seed)
        values = pixels.astype(np.float32) / 255
        config = ocio.Config.CreateFromFile(BUILT_IN)
        config.getProcessor(SRGB_NAME, name).getDefaultCPUProcessor().applyRGB(values)
        return pixels, values

    return make


@pytest.fixture
def plates(tmp_path, write):
    """A folder of two frames of 16-bit PNG, from shares of 1."""

    def make(values, folder="plates"):
        for number in (1, 2):
            write(
                tmp_path / folder / f"f.{number}.png",
                np.rint(values * 65535).clip(0, 65535).astype(np.uint16),
            )
        return tmp_path / folder

    return make


@pytest.fixture
def exr_plates(tmp_path, write_exr):
    def make(*headers, values=HALF_GREY):
        for number, header in enumerate(headers, 1):
            write_exr(tmp_path / "exr" / f"f.{number}.exr", {"RGB": values.astype(np.float16)}, **header)
        return tmp_path / "exr"

    return make


def opened(folder, space=None, config=None, warn=pytest.fail):
    return open_footage(folder, warn=warn, colour=ColourRequest.asked(space, config))


@pytest.mark.parametrize(
    "name",
    [
        "ARRI LogC3 (EI800)",
        "ARRI LogC4",
        "S-Log3 S-Gamut3",
        "Log3G10 REDWideGamutRGB",
        "ACEScct",
        "logc3ei800_alexawide",
    ],
)
def test_log_plates_train_as_the_srgb_plates_they_were(converted, plates, name):
    pixels, values = converted(name)
    footage = opened(plates(values), name)
    assert np.abs(footage.read_display(0).astype(int) - pixels).max() <= 1
    assert footage.space.scene == ACESCG and not footage.space.is_default
    expected = srgb_decode(pixels / 255.0) @ np.linalg.inv(_matrix(ACESCG)).T
    np.testing.assert_allclose(footage.read_scene(0), expected, atol=2e-3)


def _matrix(space):
    return space.in_rec709(np.eye(3)).T


def test_highlights_above_one_are_kept(plates):
    values = np.full((8, 8, 3), 0.9, np.float32)  # LogC3 reaches 55
    linear = opened(plates(values), "ARRI LogC3 (EI800)").read_linear(0)
    assert linear.min() > 20 and opened(plates(values), "ARRI LogC3 (EI800)").read_display(0).min() == 255


@pytest.mark.parametrize("name", ["ACEScg", "ACES2065-1"])
@pytest.mark.parametrize("told", ["chromaticities", "colorInteropID", "name"])
def test_aces_exr_by_header_and_by_name(converted, exr_plates, name, told):
    pixels, values = converted(name)
    space = next(space for space in KNOWN_SPACES if space.name == name)
    headers = {
        "chromaticities": {told: space.chromaticities},
        "colorInteropID": {told: space.interop_id},
        "name": {},
    }
    footage = opened(exr_plates(*[headers[told]] * 2, values=values), name if told == "name" else None)
    assert footage.space.scene == space and footage.space.name == name
    assert np.abs(footage.read_display(0).astype(int) - pixels).max() <= 1
    assert (footage.read_scene(0) == values.astype(np.float16)).all()  # the plate's own pixels, bit for bit


def test_nothing_said_is_what_it_always_was(plates, exr_plates, picture):
    integers, floats = opened(plates(picture() / 255)), opened(exr_plates({}, {}))
    assert integers.space is SRGB and floats.space.scene == LINEAR_REC709
    assert integers.space.is_default and floats.space.is_default
    assert (floats.read_linear(0) == 0.5).all()
    same = opened(integers.source, SRGB_NAME), opened(floats.source, "Linear Rec.709 (sRGB)")
    assert [footage.space for footage in same] == [integers.space, floats.space]


def test_integers_that_are_linear_are_not_decoded(plates):
    assert np.allclose(opened(plates(np.full((8, 8, 3), 0.5)), "lin_rec709").read_linear(0), 0.5, atol=1e-4)


def test_a_name_goes_before_a_header(exr_plates):
    footage = opened(exr_plates(*[{"chromaticities": ACESCG.chromaticities}] * 2), "ACES2065-1")
    assert footage.space.name == "ACES2065-1"


def test_frames_that_disagree_are_refused(exr_plates):
    folder = exr_plates({"chromaticities": ACESCG.chromaticities}, {})
    with pytest.raises(InputError, match="different colour spaces.*--colour-space"):
        opened(folder)
    assert opened(folder, "ACEScg").space.scene == ACESCG


def test_frames_without_a_word_are_rec709(exr_plates):
    rec709 = {"chromaticities": LINEAR_REC709.chromaticities, "colorInteropID": LINEAR_REC709.interop_id}
    assert opened(exr_plates({}, rec709)).space.is_default


def test_an_id_that_nobody_knows_is_told(exr_plates):
    told = []
    footage = opened(exr_plates(*[{"colorInteropID": "lin_house_scene"}] * 2), warn=told.append)
    assert footage.space.is_default and len(told) == 1 and "lin_house_scene" in told[0]


def test_senseless_chromaticities_are_refused(exr_plates):
    with pytest.raises(InputError, match=r"f\.1\.exr.*--colour-space"):
        opened(exr_plates(*[{"chromaticities": (0.3, 0.3) * 4}] * 2))


@pytest.mark.parametrize(
    ("name", "near"), [("LogC4", "ARRI LogC4"), ("ACEScgg", "ACEScg"), ("S-Log3", "S-Log3 S-Gamut3")]
)
def test_an_unknown_name_gets_the_nearest(plates, picture, name, near):
    with pytest.raises(InputError, match="no colour space") as told:
        opened(plates(picture() / 255), name)
    assert near in str(told.value).partition("nearest are")[2]


def test_data_is_no_colour_space(plates, picture):
    with pytest.raises(InputError, match="for data"):
        opened(plates(picture() / 255), "Raw")


@pytest.mark.parametrize("content", [None, "no config", "ocio_profile_version: 99\n"])
def test_a_configuration_that_does_not_load(tmp_path, plates, picture, monkeypatch, content):
    path = tmp_path / "config.ocio"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("OCIO", str(path))
    with pytest.raises(InputError, match=r"config\.ocio cannot be used.*--ocio"):
        opened(plates(picture() / 255))


def test_rules_of_a_configuration(tmp_path, plates, exr_plates, monkeypatch):
    path = tmp_path / "config.ocio"
    path.write_text(CONFIG.format(default="house"))
    monkeypatch.setenv("OCIO", str(path))
    integers = opened(plates(np.full((8, 8, 3), 0.5)))
    assert integers.space.name == "gamma" and integers.space.scene == ACESCG
    assert np.allclose(integers.read_scene(0), 0.25, atol=1e-4)
    folder = exr_plates({}, {})
    assert opened(folder).space.scene == ACESCG  # by the rule for all other files
    path.write_text(CONFIG.format(default="gamma"))
    assert opened(folder).space.is_default  # floats are not taken for encoded by that
    monkeypatch.delenv("OCIO")
    assert (
        opened(folder, None, path).space.is_default
        and opened(folder, "scene_linear", path).space.scene == ACESCG
    )


def test_linear_spaces_of_cameras_are_labelled_by_their_primaries():
    """What a reader makes of the label, white kept white, is what OpenColorIO makes of the space."""
    config = ColourConfig.read(BUILT_IN)
    space = config.space("Linear ARRI Wide Gamut 4", is_float=True).scene
    assert space.interop_id == "ocio:lin_awg4_scene"
    pixels = np.array([[0.2, 0.9, 0.1], [3.0, 0.1, 0.4]], np.float32)
    expected = pixels.copy()
    processor = config.config.getProcessor("Linear ARRI Wide Gamut 4", "Linear Rec.709 (sRGB)")
    processor.getDefaultCPUProcessor().applyRGB(expected)
    np.testing.assert_allclose(space.in_rec709(pixels), expected, atol=1e-4)
    np.testing.assert_allclose(space.from_rec709(expected), pixels, atol=1e-4)


def test_configurations_are_named_by_path_or_as_built_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ColourRequest.asked(None, "ocio://cg-config-latest").config == "ocio://cg-config-latest"
    assert ColourRequest.asked(None, "a.ocio").config == str(tmp_path / "a.ocio")


def test_the_solver_gets_display_values(converted, plates, tmp_path, write):
    values = converted("ARRI LogC4")[1]
    for number in (1, 2):
        write(tmp_path / "eight" / f"f.{number}.png", np.rint(values * 255).astype(np.uint8))
    folder, _ = opened(tmp_path / "eight", "ARRI LogC4").image_folder(tmp_path / "scratch")
    assert folder == tmp_path / "scratch"
    assert opened(tmp_path / "eight").image_folder(tmp_path / "scratch")[0] == tmp_path / "eight"
