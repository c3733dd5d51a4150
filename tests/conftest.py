"""How tests are chosen and shared out, and cameras around a ball in a textured room, whose every number is known."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

from surface_sos_core.cameras import Box, Camera, Lens
from surface_sos_core.settings import FieldSettings, Settings, TrainSettings, preset

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
WALL = 4.0  # radius of the room in box units


def look_at(name: str, centre: np.ndarray, target: np.ndarray, lens: Lens, roll: float = 0.0) -> Camera:
    """A camera at `centre` that looks at `target`, the world's z upwards before it rolls."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turned = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    rotation = turned @ np.stack([right, down, forward])
    return Camera(name, lens, rotation, -rotation @ centre)


@dataclass(frozen=True)
class Ball:
    """A ball in the middle of an oriented box, seen from a ring of cameras."""

    box: Box
    radius: float
    """World units."""
    cameras: list[Camera]

    def pixel_grid(self, camera: Camera, width: int, height: int) -> np.ndarray:
        """Centres (width * height, 2), in the camera's pixels, of a picture of another size."""
        u, v = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
        return np.stack([u.ravel() * camera.lens.width, v.ravel() * camera.lens.height], axis=1)

    def hit(self, camera: Camera, pixels: np.ndarray, radius: float | None = None) -> np.ndarray:
        """Depth (N,) at which the rays of pixels enter the ball (nan: never)."""
        return self._crossing(camera, pixels, radius or self.radius, -1.0)

    def wall(self, camera: Camera, pixels: np.ndarray) -> np.ndarray:
        """World points (N, 3) of the room that pixels show."""
        origin, directions = camera.rays(pixels)
        depth = self._crossing(camera, pixels, WALL / self.box.scale, 1.0)
        return origin + depth[:, None] * directions

    def _crossing(self, camera: Camera, pixels: np.ndarray, radius: float, sign: float) -> np.ndarray:
        origin, directions = camera.rays(pixels)
        away = origin - self.box.centre
        a = (directions**2).sum(axis=1)
        b = directions @ away
        square = b * b - a * (away @ away - radius**2)
        with np.errstate(invalid="ignore"):
            return (-b + sign * np.sqrt(square)) / a

    def cover(self, camera: Camera, width: int, height: int, fine: int = 8) -> np.ndarray:
        """(height, width) share of each pixel that the ball covers."""
        inside = ~np.isnan(self.hit(camera, self.pixel_grid(camera, width * fine, height * fine)))
        return inside.reshape(height, fine, width, fine).mean(axis=(1, 3))

    def probability(self, resolution: int, radius: float | None = None) -> np.ndarray:
        """m^P of a perfect consensus: (R, R, R) over the whole box."""
        ticks = (np.arange(resolution) + 0.5) / resolution * 2 - 1
        cells = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1) * self.box.half
        away = np.linalg.norm(cells, axis=-1)
        cell = 2 * self.box.half.max() / resolution
        return (1 / (1 + np.exp(2 * (away - (radius or self.radius)) / cell))).astype(np.float32)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the tests marked long too, and try more in others"
    )
    parser.addoption("--all-blenders", action="store_true", help="not only in the oldest and the newest")
    parser.addoption("--store-figures", action="store_true", help="write what tests/figures.json holds anew")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.register_profile("garbage", max_examples=1000 if config.getoption("--long") else 25)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="takes long: --long runs it"))
    if hasattr(config, "workerinput"):  # the longest groups first, so that no process is left with one at the end
        items.sort(key=lambda item: group_of(item) not in ("product", "nursery", "test_memory"))
    skip_without_gpu([item for item in items if item.get_closest_marker("gpu")])


def group_of(item: pytest.Item) -> str:
    """Tests of one group run in one process, one after the other, and make once what they share.

    Those of the whole product on the sample, also in real Blenders; those of runs that may be killed; those of shots that are
    compared with one run; otherwise those of a module.
    """
    if {"sample_run", "blenders"} & set(item.fixturenames):
        return "product"
    shared = {"nursery", "one_run"} & set(item.fixturenames)
    return shared.pop() if shared else item.path.stem


def skip_without_gpu(items: list[pytest.Item]) -> None:
    """Tests marked gpu run where there is one, and are told by name where there is none."""
    if not items:
        return
    from surface_sos_core.device import cuda_obstacle

    obstacle = cuda_obstacle()
    for item in items if obstacle else ():
        item.add_marker(pytest.mark.skip(reason=f"{item.name} not run: {obstacle}"))


@pytest.fixture(scope="session", autouse=True)
def one_thread_each() -> None:
    """Tests that run side by side share the processor out among them."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import numba
        import torch

        numba.set_num_threads(1)
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def at_length(pytestconfig: pytest.Config) -> bool:
    """Whether tests have been asked to try more."""
    return bool(pytestconfig.getoption("--long"))


@dataclass(frozen=True)
class SampleRun:
    """The sample shot, finished, and the events of the run. Whoever changes the folder does so in a copy."""

    out: Path
    said: list[dict[str, Any]]


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> SampleRun:
    """The one run of the whole product, with the preview preset, whose results tests look at."""
    from surface_sos_core import pipeline

    out, said = tmp_path_factory.mktemp("sample") / "out", []
    shot = pipeline.Shot(
        SAMPLES / "plates", out, masks=SAMPLES / "masks", cameras=SAMPLES / "truth" / "cameras"
    )
    made = pipeline.segment(shot, preset("preview", "cpu"), said.append)
    assert made.manifest == out / "shot.json"
    return SampleRun(out, said)


@pytest.fixture(scope="session")
def aim():
    """look_at(name, centre, target, lens, roll)."""
    return look_at


@pytest.fixture(scope="session")
def ball() -> Ball:
    """Twelve cameras at two heights; the box is turned, off the world's origin, and not a cube."""
    angle = np.radians([20.0, -35.0, 50.0])
    turn = np.eye(3)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        step = np.eye(3)
        step[[i, i, j, j], [i, j, i, j]] = [
            np.cos(angle[k]), -np.sin(angle[k]), np.sin(angle[k]), np.cos(angle[k]),
        ]  # fmt: skip
        turn = turn @ step
    box = Box(np.array([3.0, -2.0, 1.0]), np.array([2.0, 1.6, 1.8]), turn)
    lens = Lens("PINHOLE", 96, 72, (110.0, 110.0, 48.0, 36.0))
    cameras = []
    for n in range(12):
        around = 2 * np.pi * n / 12
        place = box.centre + 6.0 * np.array([np.cos(around), np.sin(around), 0.3 + 0.3 * (n % 2)])
        cameras.append(look_at(f"plate.{1001 + n}.png", place, box.centre, lens, 0.1 * (n % 3)))
    return Ball(box, 1.1, cameras)


@pytest.fixture
def two_threads():
    """Numba's loops on two threads, where it was given as many."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    yield
    numba.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny() -> Settings:
    """Settings for fields that are only there to be small."""
    return replace(
        Settings(device="cpu"),
        fields=FieldSettings(
            levels=4, log2_table=10, base_resolution=4, max_resolution=32, hidden=16, features=4
        ),
        train=TrainSettings(
            iterations=20, rays=64, foreground_samples=8, background_samples=8, image_edge=96, warm_up=4
        ),
    )


@pytest.fixture(scope="session")
def make_batches(ball, tiny):
    """Batches of given plates (frames, h, w, 3) and masks (frames, mh, mw), both uint8, of the ball's shot."""
    import torch

    from surface_sos_core.masks.consensus import Consensus
    from surface_sos_core.train.batches import Batches, Sights

    def make(
        plates, masks, seed=0, cameras=None, trust=None, points=None, sights=None, gains=None
    ) -> Batches:
        if sights is None:
            xyz = np.zeros((0, 3)) if points is None else points
            sights = Sights(xyz, np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0))
        trust = np.full_like(masks, 255) if trust is None else trust
        return Batches(
            plates=plates,
            probability=masks,
            consensus=Consensus(
                box=ball.box, grid=ball.probability(48), trust=trust, agreement=np.ones(len(masks))
            ),
            cameras=ball.cameras if cameras is None else cameras,
            points=sights,
            gains=np.ones((len(masks), 3), np.float32) if gains is None else gains,
            settings=tiny.train,
            render=tiny.render,
            device=torch.device("cpu"),
            seed=seed,
        )

    return make


@pytest.fixture(scope="session")
def ball_fields(ball, tiny):
    """A trainer whose FoCoR is exactly the ball and whose BaCo is exactly the room, grey and sharp."""
    import torch

    from surface_sos_core.fields.sdf_network import SdfNetwork, SdfSample
    from surface_sos_core.render.proposal import learn_proposals
    from surface_sos_core.train.trainer import Trainer

    class Sphere(SdfNetwork):
        """sign * (|x| - radius), instead of a trained network."""

        def become(self, radius: float, sign: float) -> None:
            self.radius, self.sign = radius, sign

        def sample(self, x: torch.Tensor, normals: int = 0) -> SdfSample:
            normal = self.sign * torch.nn.functional.normalize(x[:normals], dim=1)
            return replace(super().sample(x), sdf=self.distance(x), normal=normal)

        def distance(self, x: torch.Tensor) -> torch.Tensor:
            return self.sign * (torch.linalg.vector_norm(x, dim=1) - self.radius)

    torch.manual_seed(0)
    trainer = Trainer.start(tiny, ball.probability(48, 1.35), ball.box.extent, torch.device("cpu"))
    scene = trainer.scene
    for field, radius, sign, sharpness in (
        (scene.foreground, ball.radius * ball.box.scale, 1.0, 150.0),
        (scene.background, 1 - 1 / (2 * WALL), -1.0, 400.0),  # the room, contracted
    ):
        field.surface.__class__ = Sphere
        field.surface.become(radius, sign)
        with torch.no_grad():
            field.log_sharpness.fill_(np.log(sharpness) / 10.0)
            field.colour.output.weight.zero_()
            field.colour.output.bias.fill_(0.0)  # a sigmoid's middle
    generator = torch.Generator().manual_seed(1)
    for _ in range(8):
        learn_proposals(scene, trainer.proposals, 200_000, generator)
    return trainer
