"""Presets, and settings in and out of a manifest."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

import surface_sos_core
from surface_sos_core.errors import InputError
from surface_sos_core.settings import (
    MOVING_STAGE_GROUPS,
    STAGE_GROUPS,
    Settings,
    TrainSettings,
    assignments,
    groups_of,
    preset,
    read_config,
    settings_from_dict,
)
from surface_sos_core.settings.listing import as_json, as_table

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


def test_every_setting_has_a_sentence_a_range_and_a_place():
    groups = Settings().groups()
    assert {name for stage in STAGE_GROUPS for name in groups_of(stage)} == groups.keys()
    assert MOVING_STAGE_GROUPS.keys() <= STAGE_GROUPS.keys()
    for name, group in groups.items():
        assert name == group.NAME
        for own, about in group.about().items():
            assert about.text[0].isupper() and about.text.endswith("."), f"{name}.{own}"
            value = getattr(group, own)
            if isinstance(value, str):
                assert value in about.choices or (name, own) == ("plate", "fill"), f"{name}.{own}"
            elif not isinstance(value, bool):
                assert about.least <= value <= about.most, f"{name}.{own}"


def test_every_setting_is_read():
    package = Path(surface_sos_core.__file__).parent
    files = [path for path in package.rglob("*.py") if "settings" not in path.relative_to(package).parts]
    read = set(re.findall(r"\.(\w+)", "\n".join(path.read_text(encoding="utf-8") for path in files)))
    groups = Settings().groups()
    assert not [f"{name}.{own}" for name, group in groups.items() for own in group.about() if own not in read]


@pytest.mark.parametrize("name", PRESETS)
def test_as_text_every_value_comes_back(name):
    made = preset(name)
    values = {
        f"{group}.{own}": getattr(held, own) for group, held in made.groups().items() for own in held.about()
    }
    assert Settings(preset=name).with_values({name: str(value) for name, value in values.items()}) == made


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train.iteration", 3, "did you mean train.iterations?"),
        ("layer.band", 0.1, "did you mean layers.band?"),
        ("iterations", 3, "did you mean train.iterations?"),
        ("zoom.quux", 88, "`surface-sos settings` lists them"),
        ("train.iterations", 0, "from 1 to 10000000 steps"),
        ("train.iterations", 1.5, "a whole number is expected"),
        ("train.iterations", True, "a whole number is expected"),
        ("train.iterations", "many", "'many'; a whole number is expected"),
        ("train.learn_surface", "perhaps", "true or false is expected"),
        ("train.mask_weight", float("nan"), "from 0 to 1000"),
        ("train.mask_weight", None, "a number is expected"),
    ],
)
def test_what_cannot_be_is_told_with_the_way_out(name, value, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Settings().with_values({name: value})


def test_a_group_is_checked_when_it_is_made():
    with pytest.raises(InputError, match=r"train\.rays is 0"):
        TrainSettings(rays=0)
    assert TrainSettings(mask_weight=1).mask_weight == 1.0


def test_a_config_file_is_tables_of_settings(tmp_path):
    file = tmp_path / "shot.toml"
    file.write_text("[train]\niterations = 300\nlearn_surface = false\n[layers]\nband = 0.02\n")
    made = Settings().with_values(read_config(file))
    assert (made.train.iterations, made.train.learn_surface, made.layers.band) == (300, False, 0.02)


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"[train\n", "is not TOML"), (b"\xff", "is not TOML"), (b"iterations = 3", "outside of a table")],
)
def test_a_config_file_of_another_kind_is_told(tmp_path, text, message):
    file = tmp_path / "shot.toml"
    file.write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_config(file)
    with pytest.raises(InputError, match="check the path"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize("word", ["train.iterations", "iterations=3", "=3"])
def test_what_is_no_assignment_is_told(word):
    with pytest.raises(InputError, match="stage.name=value"):
        assignments([word])


def test_only_what_shapes_a_result_belongs_to_a_stage():
    held = Settings().of_stage("train")
    assert held["train"]["iterations"] == 1500 and "preview_seconds" not in held["train"]


def test_what_a_moving_subjects_stages_read_makes_nothing_of_a_still_one_again():
    still, moving = Settings().of_stage("cameras"), Settings().of_stage("cameras", moving=True)
    assert {"camera_move", "moving_solve"} <= moving.keys() - still.keys()
    assert moving["shot_kind"] == {}  # what is refused makes no other result


def test_the_list_tells_every_setting():
    rows = as_json()
    assert len(rows) == sum(len(group.about()) for group in Settings().groups().values())
    row = next(row for row in rows if row["name"] == "train.iterations")
    assert (row["preview"], row["default"], row["quality"], row["least"]) == (400, 1500, 40_000, 1)
    text = as_table()
    assert all(row["name"] in text and row["text"] in text for row in rows)
    assert "train.iterations = 400 / 1500 / 40000 (1 .. 10000000 steps)" in text


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().seed = 3


def test_the_border_is_searched_in_a_range():
    with pytest.raises(InputError, match="consensus.least_share is 0.98 and consensus.most_share 0.98"):
        Settings().with_values({"consensus.least_share": 0.98})
