import numpy as np
import pytest

from surface_sos_core.footage.colour import REC709, srgb_decode, srgb_encode, to_display, to_linear, to_rec709

ACES_AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
REC2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)


def test_curve_at_known_values():
    assert srgb_encode(np.array([0.0, 0.0031308, 0.18, 1.0])) == pytest.approx(
        [0, 0.0404499, 0.4613561, 1], abs=1e-6
    )
    assert srgb_encode(np.array(4.0)) > 1.8


def test_curve_and_its_inverse():
    linear = np.linspace(-0.5, 12, 4001)
    assert np.allclose(srgb_decode(srgb_encode(linear)), linear, atol=1e-6)


def test_eight_bits_survive_linear_light():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert to_display(pixels) is pixels
    assert to_linear(pixels).dtype == np.float32
    assert (to_display(to_linear(pixels)) == pixels).all()


def test_sixteen_bits_are_rounded_not_cut():
    pixels = np.array([0, 128, 129, 257, 65535 - 128, 65535], np.uint16)
    assert to_display(pixels).tolist() == [0, 0, 1, 1, 255, 255]
    assert to_linear(pixels)[-1] == 1


def test_linear_is_clipped_for_display_only():
    pixels = np.array([-1, 0.5, 7], np.float32)
    assert to_display(pixels).tolist() == [0, 188, 255]
    assert to_linear(pixels).tolist() == [-1, 0.5, 7]


def test_rec2020_matches_the_published_matrix():
    # ITU-R BT.2087, inverse of its matrix M2 (BT.709 to BT.2020)
    forward = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    assert np.allclose(to_rec709(REC2020), np.linalg.inv(forward), atol=2e-3)


def test_white_stays_white_and_rec709_is_left_alone():
    assert np.allclose(to_rec709(ACES_AP0) @ np.ones(3), 1, atol=1e-9)
    assert to_rec709(REC709) is None


def test_senseless_primaries_are_refused():
    with pytest.raises(ValueError, match="chromaticities"):
        to_rec709((0.3, 0.3) * 4)
