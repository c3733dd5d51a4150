"""What moves is taken for what was drawn or carried there, where it can be that."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from walker import walker

from surface_sos_core.evaluate.metrics import iou
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.flow import carry_by_flow
from surface_sos_core.moving.carried import what_moves_there
from surface_sos_core.moving.found import moving_masks
from surface_sos_core.settings import MovingMaskSettings, Settings

SETTINGS = MovingMaskSettings()
STOOD = 0, np.zeros((80, 120), bool)  # nothing is known of the frame before


def box(left: int, right: int, top: int = 20, bottom: int = 60) -> np.ndarray:
    mask = np.zeros((80, 120), bool)
    mask[top:bottom, left:right] = True
    return mask


def found(*masks: np.ndarray) -> CoarseMasks:
    all_masks = CoarseMasks.unknown(len(masks), (120, 80))
    for i, mask in enumerate(masks):
        all_masks.put(i, mask)
    return all_masks


def test_a_carried_mask_gets_back_a_limb_that_it_lost() -> None:
    whole = box(30, 60)
    told = what_moves_there(found(whole), SETTINGS, 0, box(30, 60, 30, 60), STOOD)
    assert told is not None and (told == whole).all()


def test_what_moves_elsewhere_or_is_far_larger_is_something_else() -> None:
    assert what_moves_there(found(box(80, 110)), SETTINGS, 0, box(30, 60), STOOD) is None
    assert what_moves_there(found(box(0, 120, 0, 80)), SETTINGS, 0, box(30, 60), STOOD) is None
    assert what_moves_there(found(box(30, 33, 20, 24)), SETTINGS, 0, box(30, 60), STOOD) is None


def test_a_slender_figure_in_a_drawn_box_is_taken_and_nothing_outside_of_it() -> None:
    slender = box(40, 46)
    told = what_moves_there(found(slender | box(60, 70)), SETTINGS, 0, box(30, 62), None)
    assert told is not None and (told == slender).all()  # the other thing has a fifth of it in the box
    assert what_moves_there(found(box(40, 41)), SETTINGS, 0, box(30, 62), None) is None
    assert what_moves_there(found(slender), SETTINGS, 0, box(30, 62), STOOD) is None


def test_what_flow_lost_is_looked_for_where_it_was() -> None:
    moving = found(box(30, 50), box(60, 80))
    for carried in (None, box(30, 50)):  # flow followed the wall
        told = what_moves_there(moving, SETTINGS, 1, carried, (0, box(30, 50)))
        assert told is not None and (told == box(60, 80)).all()
    assert what_moves_there(moving, SETTINGS, 1, None, (0, box(80, 100))) is None  # which did not move before
    far = replace(SETTINGS, reach=0.1)
    assert what_moves_there(moving, far, 1, None, (0, box(30, 50))) is None


def test_a_box_on_one_frame_finds_the_figure_in_all(tmp_path: Path) -> None:
    shot = walker("turning", 8)
    plates, _ = shot.write(tmp_path, [None] * 8)
    footage, settings = open_footage(plates), Settings()
    rows, columns = np.nonzero(shot.alpha[4] > 0.5)
    drawn = np.zeros(shot.alpha[4].shape, bool)
    drawn[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4] = True
    moving = moving_masks(footage, settings, lambda done, total: None)
    known = partial(what_moves_there, moving, settings.moving_masks)

    def overlap(masks: CoarseMasks) -> float:
        pairs = zip(masks.probability, shot.alpha, strict=True)
        return float(np.mean([iou(mask / 255.0, alpha) for mask, alpha in pairs]))

    source = Drawn(drawn.shape[::-1], {4: drawn})
    by_both = overlap(carry_by_flow(footage, source, settings.flow, lambda done, total: None, known))
    alone = overlap(carry_by_flow(footage, source, settings.flow, lambda done, total: None))
    assert by_both > max(0.8, alone)


def rests_then_goes(folder: Path, count: int, rests: int, step: int) -> list[np.ndarray]:
    """Frames of a figure before a wall that it differs little from, and where it is, (h, w) bool."""

    def cloth(seed: int, sigma: float, contrast: float, mean: float) -> np.ndarray:
        soft = cv2.GaussianBlur(
            np.random.default_rng(seed).random((136, 240, 3)).astype(np.float32), (0, 0), sigma
        )
        return ((soft - soft.mean()) / soft.std() * contrast + mean).clip(0, 1)

    wall, coat, masks = cloth(1, 2.0, 0.12, 0.5), cloth(2, 4.0, 0.06, 0.45), []
    for i in range(count):
        gone, mask = step * max(0, i - rests), np.zeros((136, 240), np.uint8)
        cv2.ellipse(mask, (65 + gone, 70), (25, 45), 0, 0, 360, 1, -1)
        picture = np.where(mask[..., None] > 0, np.roll(coat, gone, axis=1), wall)
        cv2.imwrite(str(folder / f"{i:02}.png"), np.rint(255 * picture).astype(np.uint8))
        masks.append(mask > 0)
    return masks


def test_a_figure_that_rests_before_it_goes_is_found_once_it_is_held_out(tmp_path: Path) -> None:
    """At first most other times show it where it rests, so it does not differ from them, and it does not move."""
    there = rests_then_goes(tmp_path, 16, 6, 12)
    footage = open_footage(tmp_path)

    def overlap(rounds: int) -> float:
        settings = Settings().with_values({"moving_masks.rounds": rounds})
        masks = moving_masks(footage, settings, lambda done, total: None)
        pairs = zip(masks.probability, there, strict=True)
        return float(np.mean([iou(mask / 255.0, truth.astype(np.float32)) for mask, truth in pairs]))

    assert overlap(0) < 0.7
    assert overlap(2) > 0.95
