import cv2
import numpy as np
import OpenEXR
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.coarse import CoarseMasks, load_masks
from surface_sos_core.settings import CoarseSettings

SIZE = (60, 40)  # width, height


def save(path, pixels):
    ok, data = cv2.imencode(path.suffix, pixels)
    assert ok
    path.parent.mkdir(exist_ok=True)
    data.tofile(path)


def blob(width=60, height=40, dtype=np.uint8):
    """Left half white."""
    mask = np.zeros((height, width), dtype)
    mask[:, : width // 2] = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    return mask


@pytest.fixture
def shot(tmp_path):
    for number in range(1001, 1007):
        save(tmp_path / "plate" / f"plate.{number}.png", np.full((40, 60, 3), number % 256, np.uint8))
    return open_footage(tmp_path / "plate", warn=pytest.fail)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "masks").mkdir()
    return tmp_path / "masks"


def load(folder, shot):
    warnings = []
    masks = load_masks(folder, shot, CoarseSettings(), warnings.append)
    assert masks.notes == warnings
    return masks, warnings


def test_a_mask_for_every_frame_needs_no_words(shot, folder):
    for frame in shot.frames:
        save(folder / f"{frame.name}.png", blob())
    masks = load_masks(folder, shot, CoarseSettings(), pytest.fail)
    assert masks.probability.shape == (6, 40, 60) and masks.probability.dtype == np.uint8
    assert masks.size == SIZE and masks.known.all() and not masks.empty.any() and not masks.notes
    assert (masks.probability == blob()).all()


def test_masks_are_held_as_large_as_the_settings_say(shot, folder):
    save(folder / f"{shot.frames[0].name}.png", blob())
    masks = load_masks(folder, shot, CoarseSettings(edge=30), lambda note: None)
    assert masks.size == (30, 20) and masks.probability.shape == (6, 20, 30)


def test_key_frames_leave_the_others_unknown(shot, folder):
    save(folder / "plate.1002.jpg", blob())
    save(folder / "plate.1005.png.png", blob())  # as COLMAP names masks
    save(folder / "other.png", blob())
    masks, warnings = load(folder, shot)
    assert masks.known.tolist() == [False, True, False, False, True, False]
    assert not masks.probability[~masks.known].any() and not masks.empty.any()
    assert len(warnings) == 1
    assert "1 of 3 masks of no frame of the footage (other.png)" in warnings[0]
    assert "4 of 6 frames have no mask and count as unknown (plate.1001, " in warnings[0]


def test_numbers_match_where_no_name_does(shot, folder):
    for name in ("mask_1002.png", "mask_1004.png", "a_1005.png", "b_1005.png"):
        save(folder / name, blob())
    masks, warnings = load(folder, shot)
    assert masks.known.tolist() == [False, True, False, True, False, False]
    assert "mask_1002.png belongs to plate.1002" in warnings[0]
    assert "a_1005.png, b_1005.png" in warnings[1]


def test_numbers_do_not_match_where_a_name_does(shot, folder):
    save(folder / "plate.1002.png", blob())
    save(folder / "mask_1003.png", blob())
    masks, _ = load(folder, shot)
    assert masks.known.tolist() == [False, True, False, False, False, False]


def test_nothing_matches(shot, folder):
    save(folder / "mask_7.png", blob())
    with pytest.raises(InputError) as error:
        load_masks(folder, shot, CoarseSettings())
    assert "mask_7.png" in str(error.value) and "plate.1001.png" in str(error.value)


def test_folders_without_masks(shot, folder, tmp_path):
    for path in (folder, tmp_path / "none", tmp_path / "plate" / "plate.1001.png"):
        with pytest.raises(InputError, match=path.name):
            load_masks(path, shot, CoarseSettings())


def test_two_masks_of_one_frame(shot, folder):
    save(folder / "plate.1001.png", blob())
    save(folder / "plate.1001.jpg", blob())
    with pytest.raises(InputError, match=r"plate\.1001\.jpg and plate\.1001\.png"):
        load_masks(folder, shot, CoarseSettings())


def test_unreadable_mask_is_named(shot, folder):
    save(folder / "plate.1001.png", blob())
    save(folder / "plate.1002.png", blob())
    whole = (folder / "plate.1002.png").read_bytes()
    (folder / "plate.1002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"plate\.1002\.png"):
        load_masks(folder, shot, CoarseSettings())


def test_black_and_white_masks(shot, folder):
    for frame in shot.frames:
        save(folder / f"{frame.name}.png", blob())
    save(folder / "plate.1003.png", np.zeros((40, 60), np.uint8))
    save(folder / "plate.1004.png", np.full((40, 60), 255, np.uint8))
    masks, warnings = load(folder, shot)
    assert masks.known.all() and masks.empty.tolist() == [False, False, True, False, False, False]
    assert "black everywhere (plate.1003)" in warnings[0] and "white everywhere (plate.1004)" in warnings[1]
    assert (masks.probability[3] == 255).all()


def test_other_sizes(shot, folder):
    for frame in shot.frames:
        save(folder / f"{frame.name}.png", blob())
    save(folder / "plate.1001.png", blob(600, 400))
    save(folder / "plate.1002.png", blob(30, 20))
    masks, warnings = load(folder, shot)
    assert "2 masks are resized" in warnings[0] and "plate.1001.png 600x400" in warnings[0]
    assert (masks.probability[0] == blob()).all()
    assert ((masks.probability[1] > 127) == (blob() > 127)).all()
    save(folder / "plate.1003.png", blob(60, 60))
    with pytest.raises(InputError) as error:
        load_masks(folder, shot, CoarseSettings())
    assert all(word in str(error.value) for word in ("plate.1003.png", "60x60", "60x40"))


def test_soft_masks_keep_their_levels(shot, folder):
    ramp = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    soft = ramp.astype(np.float32) / 255
    save(folder / "plate.1001.png", ramp)
    save(folder / "plate.1002.png", ramp.astype(np.uint16) * 257)
    save(folder / "plate.1003.tif", soft)
    header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
    with OpenEXR.File(header, {"A": soft.astype(np.float16)}) as file:
        file.write(str(folder / "plate.1004.exr"))
    with OpenEXR.File(header, {"RGB": np.dstack([soft, soft, soft])}) as file:
        file.write(str(folder / "plate.1005.exr"))
    save(folder / "plate.1006.png", cv2.cvtColor(ramp, cv2.COLOR_GRAY2BGR))
    masks = load_masks(folder, shot, CoarseSettings(), pytest.fail)
    for index in range(6):
        assert np.abs(masks.probability[index].astype(int) - ramp).max() <= (index == 3), index


def test_colour_and_alpha(shot, folder):
    white = np.full((40, 60, 3), 255, np.uint8)
    save(folder / "plate.1001.png", np.dstack([white, blob()]))  # a cut-out: alpha alone varies
    save(folder / "plate.1002.png", np.dstack([0 * white, blob()]))
    masks, _ = load(folder, shot)
    assert (masks.probability[:2] == blob()).all()


def test_opaque_alpha_says_nothing(shot, folder):
    grey3 = cv2.cvtColor(blob(), cv2.COLOR_GRAY2BGR)
    save(folder / "plate.1001.png", np.dstack([grey3, np.full((40, 60), 255, np.uint8)]))
    masks, _ = load(folder, shot)
    assert (masks.probability[0] == blob()).all()


def test_where_colour_and_alpha_are_two_masks_the_picture_counts(shot, folder):
    grey3 = cv2.cvtColor(blob(), cv2.COLOR_GRAY2BGR)
    save(folder / "plate.1001.png", np.dstack([grey3, blob()[:, ::-1]]))
    masks, _ = load(folder, shot)
    assert (masks.probability[0] == blob()).all()


def test_masks_of_zeros_and_ones(shot, folder):
    for frame in shot.frames[:5]:
        save(folder / f"{frame.name}.png", blob() // 255)
    save(folder / "plate.1006.png", np.zeros((40, 60), np.uint8))
    masks, warnings = load(folder, shot)
    assert (masks.probability[:5] == blob()).all() and masks.empty.tolist() == [False] * 5 + [True]
    assert "1 is taken as white" in warnings[0]
    save(folder / "plate.1006.png", blob())  # one true mask, and the others are as good as black
    masks, _ = load(folder, shot)
    assert masks.empty.tolist() == [True] * 5 + [False]


def test_large_masks_are_reduced_by_area(tmp_path, folder):
    for number in (1, 2):
        save(tmp_path / "plate" / f"f.{number}.jpg", np.zeros((800, 1280, 3), np.uint8))
    shot = open_footage(tmp_path / "plate", warn=pytest.fail)
    stripes = np.zeros((800, 1280), np.uint8)
    stripes[:, ::5] = 255
    for number in (1, 2):
        save(folder / f"f.{number}.png", stripes)
    masks = load_masks(folder, shot, CoarseSettings(), pytest.fail)
    assert masks.size == (512, 320)
    assert masks.probability.mean() == pytest.approx(51, abs=0.5)


def test_a_frame_that_is_forgotten_says_nothing_but_why():
    masks = CoarseMasks.unknown(3, SIZE)
    for i in range(3):
        masks.put(i, blob() / 255.0 if i < 2 else np.zeros(SIZE[::-1]))
    assert masks.known.all() and masks.empty.tolist() == [False, False, True]
    masks.forget(1, "it is another thing")
    masks.forget(2, "it shows nothing")
    assert masks.known.tolist() == [True, False, False] and not masks.empty.any()
    assert (masks.probability[0] == blob()).all() and not masks.probability[1:].any()
    assert masks.reasons == {1: "it is another thing", 2: "it shows nothing"}


def test_between_masks_the_nearest_before_and_after_count():
    """A black mask says where the object is as little as a missing one."""
    masks = CoarseMasks.unknown(6, SIZE)
    assert masks.between() is None
    right = blob()[:, ::-1] / 255
    masks.put(1, blob() / 255)
    masks.put(2, np.zeros((40, 60)))
    masks.put(4, right)
    inside = masks.between()
    for index, expected in enumerate((blob(), blob(), blob() + right, blob() + right, right, right)):
        np.testing.assert_array_equal(inside(index), expected > 0)


def test_masks_of_the_display_window_go_on_where_the_plate_stores_more(tmp_path, folder):
    header = {
        "type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION,
        "displayWindow": (np.array([0, 0], np.int32), np.array([59, 39], np.int32)),
        "dataWindow": (np.array([-4, -2], np.int32), np.array([65, 44], np.int32)),
    }  # fmt: skip
    (tmp_path / "exr").mkdir()
    for number in (1, 2):
        with OpenEXR.File(header, {"RGB": np.zeros((47, 70, 3), np.float32)}) as file:
            file.write(str(tmp_path / "exr" / f"f.{number}.exr"))
        save(folder / f"f.{number}.png", blob())
    shot = open_footage(tmp_path / "exr", warn=pytest.fail)
    masks = load_masks(folder, shot, CoarseSettings(), pytest.fail)
    assert masks.size == (70, 47)
    assert (masks.probability[0][:, :34] == 255).all() and not masks.probability[0][:, 34:].any()
