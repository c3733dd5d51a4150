"""Presets, and settings in and out of a manifest."""

import ast
import dataclasses
import json
from pathlib import Path

import pytest

from surface_sos_core import settings
from surface_sos_core.errors import InputError
from surface_sos_core.settings import Settings, TrainSettings, preset, settings_from_dict

PRESETS = ["preview", "default", "quality"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_knows_its_name_device_and_seed(name):
    made = preset(name, "cpu", 7)
    assert (made.preset, made.device, made.seed) == (name, "cpu", 7)
    assert preset(name) == preset(name, "auto", 0)


def test_presets_do_more_and_more_work():
    work = [preset(name) for name in PRESETS]
    for number in (
        lambda s: s.train.iterations,
        lambda s: s.train.image_edge,
        lambda s: s.fields.max_resolution,
        lambda s: s.consensus.resolution,
        lambda s: s.layers.samples,
        lambda s: s.mesh.resolution,
    ):
        assert number(work[0]) < number(work[1]) < number(work[2])
    assert preset("default") == Settings()


def test_quality_is_the_papers_scale():
    quality = preset("quality")
    assert (quality.fields.levels, quality.fields.base_resolution, quality.fields.max_resolution) == (
        16,
        16,
        2048,
    )
    assert (quality.train.iterations, quality.train.learning_rate) == (40_000, 0.01)


@pytest.mark.parametrize("name", ["best", "", "Default"])
def test_an_unknown_preset_is_bad_input(name):
    with pytest.raises(InputError, match="preview, default or quality"):
        preset(name)


@pytest.mark.parametrize("name", PRESETS)
def test_settings_come_back_from_json(name):
    made = preset(name, "cuda", 3)
    made = dataclasses.replace(made, train=dataclasses.replace(made.train, iterations=123, mask_weight=0.25))
    assert settings_from_dict(json.loads(json.dumps(made.as_dict()))) == made


def test_what_is_not_said_is_as_in_the_default_and_what_is_unknown_is_left_out():
    found = settings_from_dict({"train": {"iterations": 9, "flux": 88}, "ran": {"device": "cpu"}, "seed": 5})
    assert found == dataclasses.replace(Settings(), seed=5, train=TrainSettings(iterations=9))
    assert settings_from_dict({}) == Settings()


def test_every_setting_is_explained():
    """A field's docstring is the string that follows it."""
    missing = []
    for node in ast.parse(Path(settings.__file__).read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name != "Settings":
            for item, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(item, ast.AnnAssign):
                    is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    if not is_text:
                        missing.append(f"{node.name}.{item.target.id}")
    assert missing == []


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().seed = 3
