"""What follows from strokes: a lost arm comes back whole, a grabbed box goes, and nothing else changes."""

import numpy as np

from surface_sos_core.corrections.given import Given
from surface_sos_core.corrections.solve import painted, solved
from surface_sos_core.settings import ColourSettings, CorrectSettings, EdgeSettings

HEIGHT, WIDTH = 120, 200


def picture():
    """A blue figure with an arm, a red box beside it and a second one far away, before a green wall."""
    random = np.random.default_rng(0)
    rgb = np.empty((HEIGHT, WIDTH, 3))
    rgb[:] = [90, 140, 80]
    body, arm, box, far = (np.zeros((HEIGHT, WIDTH), bool) for _ in range(4))
    body[30:100, 60:90] = True
    arm[50:58, 90:108] = True
    box[70:90, 90:106] = True
    far[20:40, 170:190] = True
    rgb[body | arm] = [60, 80, 190]
    rgb[box | far] = [190, 70, 60]
    return (rgb + random.normal(0, 6, rgb.shape)).clip(0, 255).astype(np.uint8), body, arm, box, far


def line(rows, columns):
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[rows, columns] = True
    return drawn


def solve(rgb, inside, **strokes):
    nothing = np.zeros_like(inside)
    given = Given(strokes.get("object", nothing), strokes.get("background", nothing))
    return solved(rgb, inside, given, CorrectSettings(), ColourSettings(), EdgeSettings())


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_a_stroke_on_a_lost_arm_brings_all_of_it_back():
    rgb, body, arm, _, _ = picture()
    found = solve(rgb, body, object=line(slice(53, 55), slice(95, 102)))
    assert iou(found & ~body, arm) > 0.85
    assert iou(found, body | arm) > 0.97


def test_a_stroke_on_a_grabbed_box_takes_it_out_and_keeps_the_other():
    rgb, body, arm, box, far = picture()
    found = solve(rgb, body | arm | box | far, background=line(slice(78, 81), slice(93, 103)))
    assert (found & box).sum() < 0.1 * box.sum()
    assert iou(found & ~box, body | arm | far) > 0.97  # the far one has the same colours, and nobody spoke of it


def test_a_stroke_that_agrees_changes_nothing_but_itself():
    rgb, body, arm, _, _ = picture()
    inside = body | arm
    assert (solve(rgb, inside, object=line(slice(60, 70), slice(70, 72))) == inside).all()


def test_strokes_are_the_law_though_colours_speak_against_them():
    rgb, body, _, _, _ = picture()
    drawn = line(slice(5, 8), slice(20, 60))  # on the wall
    found = solve(rgb, body, object=drawn)
    assert found[drawn].all()


def test_a_painted_mask_is_the_law_but_along_its_outline():
    _, body, _, _, _ = picture()
    correction = painted(Given(body, ~body, whole=True), CorrectSettings(band=0.01))
    assert (correction.mask == body).all()
    open_ = ~correction.law
    assert open_[30, 70] and open_[29, 70] and correction.law[50, 75] and correction.law[10, 10]
    assert open_.sum() < 6 * 2 * (70 + 30)
