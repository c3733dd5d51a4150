"""The report: self-contained, escaped, nothing missing, pictures intact."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from surface_sos_core.evaluate.report import (
    CameraPlot,
    ContactFrame,
    ReportData,
    over_checker,
    thumbnail,
    write_report,
)

VOID = {"meta", "img", "path", "polygon", "polyline", "circle"}


class Tree(HTMLParser):
    """Checks that tags nest, and gathers what the tests ask for."""

    def __init__(self):
        super().__init__()
        self.open, self.images, self.tags, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attributes))
        for name, value in attributes:
            assert name not in ("onerror", "onload") and not (name in ("src", "href") and "//" in value[:12])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parse(path) -> Tree:
    tree = Tree()
    tree.feed(path.read_text(encoding="utf-8"))
    assert tree.open == []
    return tree


def picture(shade: int, width: int = 64, height: int = 36) -> np.ndarray:
    return np.full((height, width, 3), (shade, 128, 255 - shade), np.uint8)


def full(frame_count: int = 3) -> ReportData:
    turn = np.linspace(0, np.pi, 20)
    centres = np.stack([np.cos(turn), np.sin(turn), 0 * turn + 0.5], axis=1) * 3
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [0, 2])).reshape(3, -1).T
    return ReportData(
        title="cup & <saucer>",
        summary="24 frames, 320 x 180",
        frames=[
            ContactFrame(f"cup.{1001 + n}", picture(n), picture(9), picture(5)) for n in range(frame_count)
        ],
        turntable=np.stack([picture(50), picture(90)]),
        cameras=CameraPlot(centres, -centres / 3, np.array([0, 0, 1.0]), corners, centres * 0.2),
        losses={"colour": [(0, 0.3), (100, 0.02), (200, 0.004)], "mask": [(0, 0.7), (200, 0.0)]},
        metrics={
            "matte": {
                "frames": 2,
                "mean": {"miou": 0.9712, "dtssd": None},
                "worst": {"name": "cup.1002", "iou": 0.9},
            },
            "clean": None,
            "mesh": {"f_score": 0.93},
            "skipped": ["cup.1009"],
            "notes": ["no cameras of truth"],
        },
        warnings=["mask <b>7</b> is empty"],
        settings={"preset": "default", "train": {"iterations": 1200}},
        timings={"solve": 12.34, "train": 130.0},
        software={"torch": "2.13.0"},
    )


def test_everything_is_in_it(tmp_path):
    path = write_report(tmp_path / "report.html", full())
    tree = parse(path)
    text = " ".join(tree.text)
    for part in ("24 frames, 320 x 180", "cup.1003", "20 cameras", "colour", "0.9712", "0.93", "cup.1009",
                 "no cameras of truth", "preset", "train.iterations", "1200", "12.3 s", "2 min 10 s", "torch",
                 "Warnings (1)", "mask <b>7</b> is empty", "cup & <saucer>"):  # fmt: skip
        assert part in text, part
    assert (
        tree.tags.count("img") == 3 * 3 + 2
        and tree.tags.count("svg") == 2
        and tree.tags.count("polygon") == 1
    )
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_frames_in_doubt_come_first_with_their_sentences(tmp_path):
    data = full()
    doubted = ["31% of what its mask holds is not in the <matte>."]
    data.doubted = [ContactFrame("cup.1017", picture(7), picture(8), picture(9), doubted)]
    text = " ".join(parse(write_report(tmp_path / "report.html", data)).text)
    assert f"cup.1017 {doubted[0]}" in text
    assert text.index("Frames to look at") < text.index("cup.1017") < text.index("cup.1001")
    assert "Frames to look at" not in " ".join(parse(write_report(tmp_path / "report.html", full())).text)


def test_nothing_comes_from_outside_and_names_are_escaped(tmp_path):
    data = full()
    data.frames[0] = ContactFrame('"><script>x</script>', picture(1), None, None)
    data.software = {"<img src=x onerror=y>": "</table>"}
    page = write_report(tmp_path / "report.html", data).read_text(encoding="utf-8")
    assert not re.search(r"https?:|<script|<link|@import|url\(|<b>|<img src=x", page)
    parse(tmp_path / "report.html")


def test_pictures_survive(tmp_path):
    path = write_report(tmp_path / "report.html", full())
    image = parse(path).images[0]
    assert image["alt"] == "cup.1001: plate" and (image["width"], image["height"]) == ("64", "36")
    data = base64.b64decode(image["src"].removeprefix("data:image/jpeg;base64,"))
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_allclose(decoded, picture(0), atol=4)


def test_long_shots_are_thinned_evenly(tmp_path):
    tree = parse(write_report(tmp_path / "report.html", full(frame_count=259)))
    names = [image["alt"].split(":")[0] for image in tree.images if image["alt"].endswith(": plate")]
    assert len(names) == 24 and names[0] == "cup.1001" and names[-1] == "cup.1259"
    assert "24 of 259 frames" in " ".join(tree.text)


def test_an_empty_report_is_still_a_page(tmp_path):
    tree = parse(write_report(tmp_path / "report.html", ReportData("nothing")))
    assert "section" not in tree.tags and "nothing" in " ".join(tree.text)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, -1, 0), (1, 0, 0)])
def test_a_single_camera_can_be_drawn(tmp_path, up):
    data = ReportData("one", cameras=CameraPlot(np.ones((1, 3)), np.eye(3)[:1], np.array(up, float)))
    assert "nan" not in write_report(tmp_path / "report.html", data).read_text().split("<main>")[1]


def test_the_plot_is_seen_from_above(tmp_path):
    """Walking counter-clockwise about up is counter-clockwise on paper."""
    turn = np.linspace(0, 1, 5)
    centres = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    data = ReportData("turn", cameras=CameraPlot(centres, -centres, np.array([0, 0, 1.0])))
    page = write_report(tmp_path / "report.html", data).read_text()
    track = re.search(r'class="track" points="([^"]+)"', page)
    points = np.array([pair.split(",") for pair in track[1].split()], float) * (1, -1)  # y up
    steps = np.diff(points, axis=0)
    assert np.all(steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0] > 0)


def test_over_checker():
    foreground = np.zeros((24, 24, 4), np.float32)
    foreground[:, :8] = (1, 0, 0, 1)
    foreground[:, 8:12] = (2.5, 0, 0, 0)  # light without cover is added, and clipped
    shown = over_checker(foreground, cell=12)
    assert shown.dtype == np.uint8 and np.all(shown[:, :8] == (255, 0, 0))
    assert np.all(shown[:, 8:12, 0] == 255) and np.all(shown[:12, 8:12, 1:] > 50)
    assert shown[0, 13, 0] != shown[13, 13, 0] and np.ptp(shown[0, 13]) == 0


def test_thumbnails_only_shrink():
    assert thumbnail(picture(3, 64, 36)).shape == (36, 64, 3)
    assert thumbnail(picture(3, 1000, 500), 480).shape == (240, 480, 3)


def test_worst_frames_are_shown_with_their_names(tmp_path):
    data = ReportData("cup", worst={"matte.cup.1002": picture(30, 2000, 20)})
    tree = parse(write_report(tmp_path / "report.html", data))
    assert "matte.cup.1002" in tree.text and "Worst frames" in tree.text
    assert [image["width"] for image in tree.images] == ["1600"]
    assert "Worst frames" not in parse(write_report(tmp_path / "r.html", ReportData("cup"))).text
