"""What may be typed after --masks, and what every source says where something of it is missing."""

from pathlib import Path

import pytest

from surface_sos_core.errors import InputError, SetupError
from surface_sos_core.masks.sources import ready
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.settings import Settings


def test_names_and_paths():
    assert MaskRequest.parse("auto") == MaskRequest()
    assert MaskRequest.parse("box:a/b.json") == MaskRequest("box", Path("a/b.json"))
    assert MaskRequest.parse("sam2:b.json", Path("w")) == MaskRequest("sam2", Path("b.json"), Path("w"))
    assert MaskRequest.parse("maskrcnn", Path("w"), "dog") == MaskRequest("maskrcnn", None, Path("w"), "dog")
    assert MaskRequest.parse("roto/v2", None, "car*") == MaskRequest("files", Path("roto/v2"), None, "car*")
    assert MaskRequest.parse(r"C:\shots\roto").path == Path(r"C:\shots\roto")
    assert MaskRequest.parse("./auto") == MaskRequest("files", Path("auto"))


@pytest.mark.parametrize(
    ("text", "weights", "pick", "told"),
    [
        ("", None, None, "empty"),
        ("box", None, None, "box:FILE"),
        ("box:", None, None, "box:FILE"),
        ("auto:box.json", None, None, "takes no file"),
        ("auto", Path("w"), None, "needs none"),
        ("roto", Path("w"), None, "--weights is for maskrcnn"),
        ("rvm", None, "person", "--pick is for"),
    ],
)
def test_what_does_not_go_together(text, weights, pick, told):
    with pytest.raises(InputError, match=told):
        MaskRequest.parse(text, weights, pick)


def test_the_stamp_changes_with_what_was_drawn(tmp_path):
    drawn = tmp_path / "box.json"
    drawn.write_text("{}")
    first = MaskRequest.parse(f"box:{drawn}").stamp()
    drawn.write_text("[{}]")
    assert MaskRequest.parse(f"box:{drawn}").stamp() != first
    assert MaskRequest.parse("auto").stamp() == ["auto", None, [], []]


@pytest.mark.parametrize("name", ["maskrcnn", "sam2", "rvm", "rembg"])
def test_a_missing_library_is_named_with_the_way_out(name, monkeypatch, ball_shot):
    monkeypatch.setattr(ready.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(SetupError, match=rf"{name}.*pip install 'surface-sos-core\[{name}\]'") as caught:
        open_source(MaskRequest(name), ball_shot[0].footage, Settings(), pytest.fail)
    assert "\n" not in str(caught.value)


def test_every_library_belongs_to_an_extra_of_the_package():
    import tomllib

    root = Path(__file__).resolve().parents[3]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for kind in ready.KINDS:
        assert not kind.modules or (kind.extra in extras and kind.extra in extras["masks"][0]), kind.name


def test_a_library_whose_needed_part_does_not_load_is_broken():
    kind = ready.Kind("thing", "finds things", ("json",), "thing", part="json.no_such_part")
    assert kind.obstacle is None and "json.no_such_part cannot be loaded" in (kind.broken or "")
