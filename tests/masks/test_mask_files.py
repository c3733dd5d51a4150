"""What files of masks mean, decided for all of a source together."""

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.coarse import load_masks
from surface_sos_core.masks.mask_files import read_mask, reading_of
from surface_sos_core.settings import CoarseSettings

WIDTH, HEIGHT, COUNT = 60, 40, 4


def matte(k=0, value=255, dtype=np.uint8):
    """A blob that moves; the last frame has none."""
    pixels = np.zeros((HEIGHT, WIDTH), dtype)
    if k < COUNT - 1:
        pixels[10:30, 5 + 10 * k : 25 + 10 * k] = value
    return pixels


def write(path, pixels):
    path.parent.mkdir(exist_ok=True)
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else None
    ok, data = cv2.imencode(path.suffix, pixels[..., order] if order else pixels)
    assert ok
    data.tofile(path)


def write_palette(path, indices, colours):
    path.parent.mkdir(exist_ok=True)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(np.array(colours, np.uint8).ravel().tolist())
    picture.save(path)


VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]


@pytest.fixture
def masks(tmp_path):
    """Writes a mask for each frame by `one(path, k)`, reads them, and gives what they say and what was said of them."""
    for k in range(COUNT):
        write(tmp_path / "plate" / f"plate.{1001 + k}.png", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    footage = open_footage(tmp_path / "plate", warn=pytest.fail)

    def make(one, pick=None, suffix=".png"):
        (tmp_path / "masks").mkdir(exist_ok=True)
        for k in range(COUNT):
            one(tmp_path / "masks" / f"plate.{1001 + k}{suffix}", k)
        notes = []
        found = load_masks(tmp_path / "masks", footage, CoarseSettings(), notes.append, pick)
        return found.probability, notes

    return make


def is_right(probability):
    return all((probability[k] == matte(k)).all() for k in range(COUNT))


def test_indices_of_a_palette(masks):
    found, notes = masks(lambda path, k: write_palette(path, matte(k, 1), VOC))
    assert (
        is_right(found)
        and "so 1 is taken as white" in notes[0]
        and "black everywhere (plate.1004)" in notes[1]
    )


def test_a_palette_of_greys_is_a_grey_picture(masks):
    greys = [(255, 255, 255), (0, 0, 0)]  # white comes first
    found, _ = masks(lambda path, k: write_palette(path, (matte(k) == 0).astype(np.uint8), greys))
    assert is_right(found)


def two_objects(k, value=1, other=2, dtype=np.uint8):
    pixels = matte(k, value, dtype)
    pixels[32:38, 10:50] = other
    return pixels


@pytest.mark.parametrize("palette", [True, False])
def test_several_labels_need_a_pick(masks, palette):
    def one(path, k):
        write_palette(path, two_objects(k), VOC) if palette else write(path, two_objects(k))

    with pytest.raises(
        InputError, match=r"2 objects apart by .*numbers 1 \(12 %\), 2 \(10 %\).*--pick NUMBER"
    ):
        masks(one)
    found, _ = masks(one, pick="1")
    assert is_right(found)
    found, _ = masks(one, pick="1,2")
    assert all((found[k] == 255 * (two_objects(k) > 0)).all() for k in range(COUNT))
    with pytest.raises(InputError, match=r"is called 7; the files know .*numbers 0, 1, 2"):
        masks(one, pick="7")


def test_instance_numbers_of_sixteen_bits(masks):
    found, _ = masks(lambda path, k: write(path, two_objects(k, 1001, 24000, np.uint16)), pick="1001")
    assert is_right(found)


def test_255_around_a_label_is_what_no_one_labelled(masks):
    def one(path, k):
        pixels = matte(k, 1)
        pixels[8:10, 5:25] = 255
        write(path, pixels)

    found, notes = masks(one)
    assert is_right(found) and "255 as what is none" in notes[0]


def test_a_background_of_one_is_no_label(masks):
    found, _ = masks(
        lambda path, k: write(path, np.maximum(matte(k), 1))
    )  # as programs that dither write black
    assert all(((found[k] > 127) == (matte(k) > 0)).all() for k in range(COUNT))


@pytest.mark.parametrize(
    ("value", "dtype"), [(1, np.uint8), (255, np.uint16), (1, np.uint16), (128, np.uint8), (4095, np.uint16)]
)
def test_two_values_are_black_and_white_whichever_they_are(masks, value, dtype):
    found, notes = masks(lambda path, k: write(path, matte(k, value, dtype)))
    assert is_right(found) and f"so {value} is taken as white" in notes[0]


def test_soft_masks_of_eight_bits_in_sixteen(masks):
    ramp = (np.arange(0, 240, 4) + np.arange(HEIGHT)[:, None] % 4).astype(np.uint16)
    found, notes = masks(lambda path, k: write(path, ramp))
    assert (found == ramp).all() and "255 is taken as white" in notes[0]


def test_a_trimap_is_no_set_of_labels(masks):
    def one(path, k):
        pixels = matte(k)
        pixels[10:12] = np.where(pixels[10:12] > 0, 128, 0)
        write(path, pixels)

    found, _ = masks(one)
    assert (found[0][10:12, 5:25] == 128).all() and (found[0][12:30, 5:25] == 255).all()


@pytest.mark.parametrize("colour", ["white", "picture", "white where it is seen"])
def test_alpha_is_the_mask_of_all_files_be_some_transparent(masks, colour):
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)

    def one(path, k):
        rgb = noise if colour == "picture" else np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
        if colour == "white where it is seen":
            rgb = rgb * (matte(k) > 0)[..., None]
        write(path, np.dstack([rgb, matte(k)]))

    found, notes = masks(one)
    assert is_right(found) and notes == ["1 mask is black everywhere (plate.1004)."]


def test_tiff_where_white_is_zero(masks):
    found, _ = masks(
        lambda path, k: tifffile.imwrite(path, 255 - matte(k), photometric="miniswhite"), suffix=".tif"
    )
    assert is_right(found)


def test_masks_of_one_bit(masks):
    found, _ = masks(lambda path, k: Image.fromarray(matte(k) > 0).save(path))
    assert is_right(found)


def test_red_on_black_is_white_on_black(masks):
    def one(path, k):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        pixels[..., 0] = matte(k)
        pixels[10:12, :, 0] //= 2
        write(path, pixels)

    found, _ = masks(one)
    assert (found[0][12:30, 5:25] == 255).all() and (
        np.abs(found[0][10:12, 5:25].astype(int) - 127) <= 1
    ).all()


def coloured(path, k):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[matte(k) > 0] = (255, 0, 0)
    pixels[32:38, 10:50] = (0, 0, 255)
    write(path, pixels)


def test_mattes_of_several_colours_need_a_pick(masks):
    with pytest.raises(InputError, match=r"mattes of 3 colours, #000000 .*#ff0000 .*#0000ff .*--pick COLOUR"):
        masks(coloured)
    for pick in ("red", "#ff0000", "FF0000"):
        found, _ = masks(coloured, pick)
        assert is_right(found)
    found, _ = masks(coloured, "red, blue")
    assert (found[0][33, 30], found[0][20, 10], found[0][0, 0]) == (255, 255, 0)
    with pytest.raises(InputError, match="has the colour green; the files know #000000"):
        masks(coloured, "green")


def test_colours_as_jpeg_keeps_them(masks):
    found, _ = masks(coloured, "red", suffix=".jpg")
    overlap = [
        ((found[k] > 127) & (matte(k) > 0)).sum() / ((found[k] > 127) | (matte(k) > 0)).sum()
        for k in range(COUNT - 1)
    ]
    assert min(overlap) > 0.7 and (found[3] > 127).mean() < 0.02


def test_pictures_are_no_masks(masks):
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    with pytest.raises(InputError, match="4 of 4 masks in .* are pictures in colour"):
        masks(lambda path, k: write(path, noise))


def test_nothing_to_pick_from_soft_masks(masks):
    ramp = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    ramp[0, :] = np.arange(WIDTH) + 100
    with pytest.raises(InputError, match="nothing to pick 1 from"):
        masks(lambda path, k: write(path, ramp), pick="1")


def test_float_masks_of_255(masks):
    def one(path, k):
        header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
        with OpenEXR.File(header, {"Y": matte(k).astype(np.float32)}) as file:
            file.write(str(path))

    found, notes = masks(one, suffix=".exr")
    assert is_right(found) and "so 255 is taken as white" in notes[0]


def test_a_reading_needs_no_footage(tmp_path):
    write_palette(tmp_path / "a.png", matte(0, 2), VOC)
    picture = read_mask(tmp_path / "a.png")
    assert picture.palette is not None and (picture.palette[:4] == VOC).all()
    assert (reading_of([picture], None, "here").probability(picture) == (matte(0) > 0)).all()
