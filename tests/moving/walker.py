"""A small shot with exact truth: a textured figure with soft edges and a shadow before a wall, filmed by a camera that turns,
zooms or stands, or slides along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 240, 136
FOCAL = 260.0


@dataclass(frozen=True)
class Walker:
    """frames, plates (without figure and shadow): (N, H, W, 3) uint8; alpha (N, H, W); focal (N,); rotations (N, 3, 3)."""

    frames: np.ndarray
    plates: np.ndarray
    alpha: np.ndarray
    focal: np.ndarray
    rotations: np.ndarray

    def write(self, folder: Path, masks: list[np.ndarray | None]) -> tuple[Path, Path]:
        """Frames and masks as PNG files; returns their folders."""
        for name in ("plates", "masks"):
            (folder / name).mkdir(parents=True)
        for i, (frame, mask) in enumerate(zip(self.frames, masks, strict=True)):
            cv2.imwrite(str(folder / "plates" / f"walk.{1001 + i}.png"), frame[..., ::-1])
            if mask is not None:
                cv2.imwrite(str(folder / "masks" / f"walk.{1001 + i}.png"), 255 * mask.astype(np.uint8))
        return folder / "plates", folder / "masks"

    def damaged(self) -> list[np.ndarray | None]:
        """Masks (H, W) bool with wobbly outlines, a lost part, a grabbed piece, some missing."""
        random = np.random.default_rng(4)
        masks: list[np.ndarray | None] = []
        for i, alpha in enumerate(self.alpha):
            wobble = cv2.GaussianBlur(random.normal(size=(2, HEIGHT, WIDTH)).transpose(1, 2, 0), (0, 0), 9)
            wobble *= 2.5 / wobble.std()
            y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
            moved = cv2.remap(
                alpha.astype(np.float32), x + wobble[..., 0].astype(np.float32),
                y + wobble[..., 1].astype(np.float32), cv2.INTER_LINEAR,
            )  # fmt: skip
            mask = (moved > 0.5).astype(np.uint8)
            rows, columns = np.nonzero(mask)
            at = random.integers(len(rows))
            if i % 4 == 1:
                cv2.circle(mask, (int(columns[at]), int(rows[at])), 10, 0, -1)
            if i % 4 == 3:
                cv2.circle(mask, (int(columns[at]), int(rows[at])), 10, 1, -1)
            masks.append(None if i % 10 == 6 else mask > 0)
        return masks


def walker(camera: str, count: int = 20) -> Walker:
    """camera: "locked", "turning", "zooming", or "sliding" (near and far move differently)."""
    random = np.random.default_rng(1)
    wall = _texture(random, (600, 1000), (0.55, 0.5, 0.45))
    near = _texture(random, (600, 1000), (0.3, 0.45, 0.3))
    cloth = _texture(random, (600, 1000), (0.75, 0.25, 0.2))
    frames, plates, alphas, focals, turns = [], [], [], [], []
    for i in range(count):
        t = i / max(1, count - 1) - 0.5
        focal = FOCAL * (1.0 + 0.3 * (t + 0.5)) if camera == "zooming" else FOCAL
        angle = {"turning": 0.25, "zooming": 0.1}.get(camera, 0.0) * t
        rotation = cv2.Rodrigues(np.array([0.04 * t * (angle != 0), angle, 0.0]))[0]
        lens = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
        # The wall is a plane one unit away, its middle pixel (500, 300), FOCAL pixels a unit.
        plane = np.array([[1 / FOCAL, 0, -500 / FOCAL], [0, 1 / FOCAL, -300 / FOCAL], [0, 0, 1]])
        slide = np.eye(3)
        slide[0, 2] = 0.3 * t * (camera == "sliding")
        see = lens @ rotation @ slide @ plane
        plate = _seen(wall, see)
        if camera == "sliding":  # a near strip along the lower edge
            slide[0, 2] *= 2.2
            strip = np.zeros((600, 1000), np.float32)
            strip[300:] = 1.0
            at = lens @ rotation @ slide @ plane
            over = _seen(strip, at)[..., None]
            plate = plate * (1 - over) + _seen(near, at) * over
        x = 500 + 100 * t
        figure, ground = np.zeros((2, 600, 1000), np.float32)
        swing = 14 * np.sin(9 * t)
        for leg in (swing, -swing):
            cv2.line(figure, (round(x), 300), (round(x + leg), 345), 1.0, 9, cv2.LINE_AA)
        cv2.ellipse(figure, (round(x), 285), (13, 24), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
        cv2.circle(figure, (round(x), 252), 10, 1.0, -1, cv2.LINE_AA)
        cv2.ellipse(ground, (round(x) + 20, 350), (34, 5), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
        alpha = _seen(cv2.GaussianBlur(figure, (0, 0), 0.7), see)
        shadow = 1.0 - 0.45 * _seen(cv2.GaussianBlur(ground, (0, 0), 2.0), see)
        moved = np.array([[1, 0, x - 500], [0, 1, 0], [0, 0, 1]], float)
        front = _seen(cloth, see @ moved)
        frame = alpha[..., None] * front + (1 - alpha[..., None]) * plate * shadow[..., None]
        grain = random.normal(0, 0.006, frame.shape)
        frames.append(_bytes(frame + grain))
        plates.append(_bytes(plate))
        alphas.append(alpha)
        focals.append(focal)
        turns.append(rotation)
    return Walker(*(np.stack(part) for part in (frames, plates, alphas, focals, turns)))


def _seen(picture: np.ndarray, homography: np.ndarray) -> np.ndarray:
    large = cv2.warpPerspective(
        picture, np.diag([3.0, 3.0, 1.0]) @ homography, (3 * WIDTH, 3 * HEIGHT), flags=cv2.INTER_LINEAR
    )
    return cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _texture(random: np.random.Generator, shape: tuple[int, int], colour: tuple[float, ...]) -> np.ndarray:
    """Colours (h, w, 3) with detail of many sizes."""
    out = np.ones((*shape, 3), np.float32) * np.array(colour, np.float32)
    for sigma, contrast in ((1.5, 0.03), (5.0, 0.05), (15.0, 0.06), (40.0, 0.05)):
        grey = cv2.GaussianBlur(random.normal(size=shape).astype(np.float32), (0, 0), sigma)
        tint = cv2.GaussianBlur(random.normal(size=(*shape, 3)).astype(np.float32), (0, 0), sigma)
        out += contrast * (grey / grey.std())[..., None] + 0.3 * contrast * tint / tint.std()
    return out.clip(0.02, 0.98)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
