"""What a network finds frame by frame is mended as masks from files are; here one that looks the mattes up."""

from dataclasses import replace

import numpy as np

from surface_sos_core.masks.sources.instances import Instance
from surface_sos_core.masks.sources.network import NetworkSource


class Knowing:
    prompted = False
    pieces = False

    def __init__(self, masks):
        self.masks = iter(masks)

    def look(self, rgb, prompt):
        return [Instance(next(self.masks), 0.9)]


def test_a_hole_that_one_frame_has_is_mended_and_told(slow_shot, overlaps):
    shot, mattes = slow_shot
    masks = 255 * mattes.astype(np.uint8)
    masks[3][40:56, 56:70] = 0
    told, steps = [], []
    shot = replace(shot, warn=told.append, progress=lambda done, total: steps.append((done, total)))
    found = NetworkSource(Knowing(masks), None).find(shot)
    before, after = (overlaps(one, mattes)[3] for one in (masks, found.probability))
    assert before < 0.85 and after > 0.95
    assert [line.split()[0] for line in told] == ["1"]
    assert steps == sorted(steps) and steps[-1] == (20, 20)


def test_without_cameras_masks_stay_as_the_network_gave_them(slow_shot):
    shot, mattes = slow_shot
    masks = 255 * mattes.astype(np.uint8)
    masks[3][40:56, 56:70] = 0
    shot = replace(shot, model=None, cameras=[None] * len(masks))
    found = NetworkSource(Knowing(masks), None).find(shot)
    np.testing.assert_array_equal(found.probability, masks)
