"""The panel under a virtual screen: a real click on the button, a real job, an interface that stays alive.

Blender 3.4 is driven, whose panel draws the same everywhere, so that places to click are known.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
WIDTH, HEIGHT = 800, 640
LONGEST_GAP_S, LONGEST_TURN_S = 0.1, 0.05
# Pixels from the top of the side bar to the middle of what is clicked; the tab is this far from its right edge.
TAB_FROM_RIGHT, TAB, SEGMENT, CANCEL = 13, 181, 52, 80
# A renderer without threads draws in Blender's own thread, whose waits for the processor can be told apart.
SCREEN = {"LIBGL_ALWAYS_SOFTWARE": "1", "LP_NUM_THREADS": "0"}

DRIVER = """
import json, os, statistics, sys, time, traceback
from pathlib import Path
import bpy
import addon_utils

addon = addon_utils.enable("surface_sos", default_set=True)
from surface_sos.interface import preferences
from surface_sos.job import job_operator
from surface_sos.interface.panel import SURFACE_SOS_PT_viewport
folder, samples, out, screen = Path(sys.argv[-4]), sys.argv[-3], sys.argv[-2], sys.argv[-1]
bpy.context.preferences.view.show_splash = False
bpy.context.preferences.system.viewport_aa = "OFF"
bpy.context.preferences.system.use_region_overlap = False
seen = {"drawn": 0, "preferences": 0}

def drawn(panel, context):
    seen["drawn"] += 1

SURFACE_SOS_PT_viewport.append(drawn)
draw_run = preferences.draw_run

def preferences_drawn(layout, run):
    seen["preferences"] += 1
    draw_run(layout, run)

preferences.draw_run = preferences_drawn

def view():
    window = bpy.context.window_manager.windows[0]
    return window, next(area for area in window.screen.areas if area.type == "VIEW_3D")

def side_bar(area):
    return next(region for region in area.regions if region.type == "UI")

def fill_in():
    settings = bpy.context.scene.surface_sos
    settings.footage, settings.out = samples + "/plates", out
    settings.preset = "default"  # trains for longer than the test looks at it
    settings.masks_from, settings.masks = "FOLDER", samples + "/masks"
    settings.cameras_from, settings.cameras = "MODEL", samples + "/truth/cameras"

def open_side_bar():
    window, area = view()
    space = area.spaces.active
    space.show_region_ui = True
    space.overlay.show_overlays = space.show_gizmo = False
    space.shading.type = "WIREFRAME"  # software draws it in time

def starved():
    # Seconds that this thread and the screen's process stood ready and other programs had the processor.
    files = ("/proc/thread-self/schedstat", f"/proc/{screen}/schedstat")
    return sum(int(Path(file).read_text().split()[1]) for file in files) / 1e9

def clock():
    return time.monotonic() - starved()

# Seconds: the longest between two beats of a timer, and of the add-on's own turn; what drawing the window takes.
took = {"gap": 0.0, "turn": 0.0, "drawing": 0.0}
last_beat = None

def beat():
    global last_beat
    now = clock()
    if last_beat is not None:
        took["gap"] = max(took["gap"], now - last_beat)
    last_beat = now
    return 0.02

modal = job_operator.JobOperator.modal

def timed_modal(operator, context, event):
    start = clock()
    try:
        return modal(operator, context, event)
    finally:
        took["turn"] = max(took["turn"], clock() - start)

job_operator.JobOperator.modal = timed_modal

def drawing():
    start = clock()
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    return clock() - start

def order(word):
    global last_beat
    window, area = view()
    if word == "measure":
        with bpy.context.temp_override(window=window, area=area, region=side_bar(area)):
            took["drawing"] = statistics.median(drawing() for _ in range(5))
        took["gap"] = took["turn"] = 0.0
    elif word == "picture":
        with bpy.context.temp_override(window=window, area=area):
            bpy.ops.screen.screenshot(filepath=str(folder / "picture.png"))
    elif word == "resume":
        with bpy.context.temp_override(window=window, area=area):
            bpy.ops.surface_sos.resume("INVOKE_DEFAULT")
    elif word == "open another file":
        bpy.ops.wm.read_homefile(use_factory_startup=True)
        fill_in()
    elif word == "set up":  # without anything to download it from
        os.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
        with bpy.context.temp_override(window=window, area=area, region=side_bar(area)):
            bpy.ops.surface_sos.set_up("INVOKE_DEFAULT")
    elif word == "preferences":
        bpy.ops.preferences.addon_show(module="surface_sos")
    last_beat = None  # what the test does itself does not count

def look():
    try:
        orders = folder / "orders"
        if orders.exists():
            order(orders.read_text())
            orders.unlink()
        run = bpy.context.window_manager.surface_sos_run
        region = side_bar(view()[1])
        state = {name: getattr(run, name) for name in ("running", "cancelling", "stage", "done", "total", "message", "preview_icon")}
        state |= seen | took
        state["region"] = [region.x, region.y, region.width, region.height]
        (folder / "state.new").write_text(json.dumps(state))
        os.replace(folder / "state.new", folder / "state.json")
    except Exception:
        traceback.print_exc()
        os._exit(9)
    return 0.1

def begin():
    open_side_bar()
    fill_in()
    bpy.app.timers.register(look, first_interval=0.5, persistent=True)
    bpy.app.timers.register(beat, persistent=True)

bpy.app.timers.register(begin, first_interval=0.5)
"""


@dataclass
class Window:
    """Blender's window on the virtual screen."""

    folder: Path
    blender: subprocess.Popen[bytes]
    environment: dict[str, str]

    def state(self) -> dict[str, Any]:
        """What the driver last told."""
        assert self.blender.poll() is None, (self.folder / "output.txt").read_text()
        try:
            return json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return {}

    def wait(
        self, what: str, condition: Callable[[dict[str, Any]], object], limit: float = 600
    ) -> dict[str, Any]:
        end = time.monotonic() + limit
        while not (self.state() and condition(self.state())):
            assert time.monotonic() < end, f"{what}: not within {limit} s; {self.state()}"
            time.sleep(0.1)
        return self.state()

    def more_progress(self) -> dict[str, Any]:
        """Wait for some more steps of the job, drawn."""
        now = self.state()
        return self.wait(
            "more progress",
            lambda state: state["done"] >= now["done"] + 30 and state["drawn"] > now["drawn"] + 2,
        )

    def order(self, word: str) -> None:
        """Have the driver do something, and wait until it is done."""
        (self.folder / "orders.new").write_text(word)
        os.replace(self.folder / "orders.new", self.folder / "orders")
        self.wait(word, lambda _: not (self.folder / "orders").exists())

    def click(
        self,
        what: str,
        below: int,
        condition: Callable[[dict[str, Any]], object],
        from_right: int | None = None,
    ) -> None:
        """Click in the side bar until that has had its effect; the first click may only close the splash.

        Pixels below its top, in its middle or as far from its right edge.
        """
        x, y, width, height = self.state()["region"]
        column = x + (width // 2 if from_right is None else width - from_right)
        row = HEIGHT - (y + height) + below
        # Blender looks under the mouse before it takes a click.
        words = (
            f"mousemove {column} {row} sleep 0.5 mousedown 1 sleep 0.2 mouseup 1 sleep 0.3 mousemove 200 400"
        )
        end = time.monotonic() + 60
        while not condition(self.state()):
            assert time.monotonic() < end, f"{what}: clicks had no effect; {self.state()}"
            subprocess.run(["xdotool", *words.split()], env=self.environment, check=True, timeout=30)
            time.sleep(1.5)

    def picture(self) -> np.ndarray:
        """(HEIGHT, WIDTH, 3) of the whole window."""
        self.order("picture")
        return cv2.imread(str(self.folder / "picture.png"))

    def side_bar(self) -> np.ndarray:
        x, y, width, height = self.state()["region"]
        return self.picture()[HEIGHT - y - height : HEIGHT - y, x : x + width]


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A virtual screen and its process."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is missing")
    read, write = os.pipe()
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"]
    with (tmp_path / "screen.txt").open("wb") as log:
        process = subprocess.Popen(words, pass_fds=[write], stdout=log, stderr=log)
    os.close(write)
    try:
        yield ":" + os.read(read, 64).decode().strip(), process.pid
    finally:
        os.close(read)
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def window(blender, screen: tuple[str, int], tmp_path: Path) -> Iterator[Window]:
    """Blender with the installed add-on, its side bar open, the sample chosen in the panel."""
    display, process = screen
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    environment = {**blender.environment, **SCREEN, "DISPLAY": display}
    words = [blender.command[0], "--factory-startup", "-noaudio", "-p", "0", "0", str(WIDTH), str(HEIGHT)]
    words += ["-P", str(driver), "--", str(tmp_path), str(SAMPLES), str(tmp_path / "shot"), str(process)]
    with (tmp_path / "output.txt").open("wb") as output:
        running = subprocess.Popen(words, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        shown = Window(tmp_path, running, environment)
        shown.wait("Blender's window", lambda state: state)
        yield shown
    finally:
        running.kill()
        running.wait(timeout=10)


def core_of(blender: subprocess.Popen[bytes]) -> int:
    """The process of the running job."""
    children = Path(f"/proc/{blender.pid}/task")
    found = " ".join((task / "children").read_text() for task in children.iterdir()).split()
    (child,) = [int(pid) for pid in found if b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return child


def alive(state: dict[str, Any]) -> bool:
    """Whether the interface stood still for less than may be, the time apart that software takes to draw it."""
    return state["turn"] < LONGEST_TURN_S and state["gap"] < LONGEST_GAP_S + state["drawing"]


@pytest.mark.skipif(sys.platform != "linux", reason="the virtual screen is Linux's")
@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_the_button_starts_a_job_that_shows_progress_and_leaves_the_interface_alive(
    window: Window, tmp_path: Path
):
    window.click("the tab", TAB, lambda state: state["drawn"], from_right=TAB_FROM_RIGHT)
    window.click("Segment Footage", SEGMENT, lambda state: state["running"])
    window.order("measure")
    window.wait("progress", lambda state: state["stage"] == "train" and state["done"] >= 10)
    state = window.wait("a preview", lambda state: state["preview_icon"])
    assert state["stage"] == "train" and state["total"] == 1500
    # What a busy machine does to Blender once is not what the add-on does to it each time.
    for _ in range(3):
        if alive(state):
            break
        window.order("measure")
        state = window.more_progress()
    assert alive(state), "seconds: " + str({name: state[name] for name in ("gap", "turn", "drawing")})

    before = window.side_bar()
    window.more_progress()
    after = window.side_bar()
    assert np.any(
        np.abs(before.astype(int) - after.astype(int)) > 64
    )  # the bar has grown, the numbers are others
    if picture := os.environ.get("SURFACE_SOS_PICTURE"):
        shutil.copyfile(tmp_path / "picture.png", picture)

    window.click("Cancel", CANCEL, lambda state: state["cancelling"] or not state["running"])
    ended = window.wait("the end after Cancel", lambda state: not state["running"])
    assert ended["message"].startswith("Cancelled: a checkpoint is kept") and "Resume" in ended["message"]
    assert (tmp_path / "shot" / "checkpoint" / "fields.npz").exists()

    window.order("resume")
    window.wait("going on", lambda state: state["running"] and state["stage"] == "train")
    os.kill(core_of(window.blender), signal.SIGKILL)
    ended = window.wait("the end of a killed job", lambda state: not state["running"], 20)
    assert "ended from outside (signal 9)" in ended["message"]

    window.order("resume")
    window.wait("going on", lambda state: state["running"] and state["stage"] == "train")
    core = core_of(window.blender)
    window.order("open another file")
    ended = window.wait("the new file", lambda state: state["message"], 20)
    assert "Another file was opened" in ended["message"] and not ended["running"]
    end = time.monotonic() + 60
    while Path(f"/proc/{core}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{core}").exists()

    drawn = window.state()["preferences"]
    window.order("preferences")
    window.wait("the preferences", lambda state: state["preferences"] > drawn, 30)
    output = (tmp_path / "output.txt").read_text()
    assert "Traceback" not in output and "Error" not in output.replace("Error: ", ""), output


@pytest.mark.skipif(sys.platform != "linux", reason="the virtual screen is Linux's")
@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_set_up_says_what_it_will_download_and_begins_once_that_is_agreed_to(window: Window, blender):
    words = "mousemove 300 300 sleep 0.5"
    subprocess.run(["xdotool", *words.split()], env=window.environment, check=True, timeout=30)
    folder = Path(blender.environment["BLENDER_USER_RESOURCES"]) / "datafiles" / "surface_sos" / "environment"
    begun = time.time()
    window.order("set up")
    before = window.picture()
    time.sleep(2)
    assert not window.state()["running"] and not window.state()["message"]
    agree = "key Return sleep 0.5"
    subprocess.run(["xdotool", *agree.split()], env=window.environment, check=True, timeout=30)
    ended = window.wait("the end", lambda state: state["message"])
    assert f"The environment in {folder} could not be made" in ended["message"]
    assert (folder / "pyvenv.cfg").stat().st_mtime > begun
    assert np.any(np.abs(before.astype(int) - window.picture().astype(int)) > 64)  # the dialog has gone
    shutil.rmtree(folder)
