"""Lenses: from camera space to pixels and back, for COLMAP's camera models.

Every model is written in COLMAP's own terms (src/colmap/sensor/models.h and its documentation, "Camera
Models"). A point (x, y, z) in front of the camera has the base coordinates (u, v) = (x/z, y/z), for fisheye
models scaled to the length theta = atan(sqrt(u^2 + v^2)). Distortion moves the base coordinates:

    u' = u f(q) + 2 p1 u v + p2 (q + 2 u^2) + sx1 q + sx2 q^2,   q = u^2 + v^2 v' = v f(q) + 2 p2 u v + p1 (q
    + 2 v^2) + sy1 q + sy2 q^2,   f(q) = (1 + k1 q + k2 q^2 ..) / (1 + d1 q + ..)

and pixels are (fx u' + cx, fy v' + cy), with the centre of the first pixel at (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

Array = np.ndarray

# COLMAP's number of each model, and the names of its parameters in COLMAP's order.
MODELS: dict[str, tuple[int, tuple[str, ...]]] = {
    "SIMPLE_PINHOLE": (0, ("f", "cx", "cy")),
    "PINHOLE": (1, ("fx", "fy", "cx", "cy")),
    "SIMPLE_RADIAL": (2, ("f", "cx", "cy", "k1")),
    "RADIAL": (3, ("f", "cx", "cy", "k1", "k2")),
    "OPENCV": (4, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2")),
    "OPENCV_FISHEYE": (5, ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4")),
    "FULL_OPENCV": (6, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "d1", "d2", "d3")),
    "FOV": (7, ("fx", "fy", "cx", "cy", "omega")),
    "SIMPLE_RADIAL_FISHEYE": (8, ("f", "cx", "cy", "k1")),
    "RADIAL_FISHEYE": (9, ("f", "cx", "cy", "k1", "k2")),
    "THIN_PRISM_FISHEYE": (10, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "sx1", "sy1")),
    "RAD_TAN_THIN_PRISM_FISHEYE": (
        11,
        ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4", "k5", "k6", "p2", "p1", "sx1", "sx2", "sy1", "sy2"),
    ),
}

# The models of two focal lengths that hold those of one.
_TWO_FOCALS = {
    "SIMPLE_PINHOLE": "PINHOLE", "SIMPLE_RADIAL": "OPENCV", "RADIAL": "OPENCV", "SIMPLE_RADIAL_FISHEYE": "OPENCV_FISHEYE",
    "RADIAL_FISHEYE": "OPENCV_FISHEYE",
}  # fmt: skip

_NEWTON_STEPS = 30
_SOLVED_PIXELS = 1e-7


@dataclass(frozen=True)
class _Distortion:
    """Coefficients of the equation above; zeros and empty tuples where a model has none."""

    numerator: tuple[float, ...] = ()
    denominator: tuple[float, ...] = ()
    p1: float = 0.0
    p2: float = 0.0
    sx1: float = 0.0
    sx2: float = 0.0
    sy1: float = 0.0
    sy2: float = 0.0

    @cached_property
    def is_radial(self) -> bool:
        return not any((self.p1, self.p2, self.sx1, self.sx2, self.sy1, self.sy2))

    def radial(self, q: Array) -> tuple[Array, Array]:
        """f(q) and its derivative df/dq."""
        top, top_slope = _polynomial(self.numerator, q)
        if not any(self.denominator):
            return top, top_slope
        bottom, bottom_slope = _polynomial(self.denominator, q)
        return top / bottom, (top_slope * bottom - top * bottom_slope) / bottom**2

    def apply(self, u: Array, v: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
        """(u', v', du'/du, du'/dv, dv'/du, dv'/dv), each of the shape of u."""
        uu, uv, vv = u * u, u * v, v * v
        q = uu + vv
        f, slope = self.radial(q)
        slope = 2.0 * slope
        out_u, out_v = u * f, v * f
        u_u, u_v, v_v = f + slope * uu, slope * uv, f + slope * vv
        if self.is_radial:
            return out_u, out_v, u_u, u_v, u_v, v_v
        out_u = out_u + 2 * self.p1 * uv + self.p2 * (q + 2 * uu) + (self.sx1 + self.sx2 * q) * q
        out_v = out_v + 2 * self.p2 * uv + self.p1 * (q + 2 * vv) + (self.sy1 + self.sy2 * q) * q
        prism_u, prism_v = 2 * (self.sx1 + 2 * self.sx2 * q), 2 * (self.sy1 + 2 * self.sy2 * q)
        v_u = u_v + 2 * self.p2 * v + 2 * self.p1 * u + prism_v * u
        u_v = u_v + 2 * self.p1 * u + 2 * self.p2 * v + prism_u * v
        u_u = u_u + 2 * self.p1 * v + 6 * self.p2 * u + prism_u * u
        v_v = v_v + 2 * self.p2 * u + 6 * self.p1 * v + prism_v * v
        return out_u, out_v, u_u, u_v, v_u, v_v

    @cached_property
    def fold(self) -> float:
        """Radius at which r f(r^2) stops growing (or f has a pole); infinite where it never does."""
        top = np.polynomial.Polynomial((1.0, *self.numerator))
        bottom = np.polynomial.Polynomial((1.0, *self.denominator))
        q = np.polynomial.Polynomial((0.0, 2.0))  # 2 q: d(r f(r^2))/dr = f + 2 q f'
        slope = (top + q * top.deriv()) * bottom - q * top * bottom.deriv()
        roots = [_first_positive_root(slope), _first_positive_root(bottom)]
        return float(np.sqrt(min(roots)))


@dataclass(frozen=True)
class Lens:
    """What turns camera space into pixels: a COLMAP camera without its place.

    model: a name in MODELS; width, height: pixels; params: as COLMAP orders them for the model, pixels for
    focal lengths and the centre.
    """

    model: str
    width: int
    height: int
    params: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"unknown lens model {self.model}")
        if len(self.params) != len(MODELS[self.model][1]):
            raise ValueError(
                f"{self.model} takes {len(MODELS[self.model][1])} parameters, not {len(self.params)}"
            )

    @cached_property
    def _named(self) -> dict[str, float]:
        return dict(zip(MODELS[self.model][1], self.params, strict=True))

    @cached_property
    def focal_xy(self) -> tuple[float, float]:
        """Focal lengths in pixels."""
        named = self._named
        return named.get("fx", named.get("f", 0.0)), named.get("fy", named.get("f", 0.0))

    @property
    def focal(self) -> float:
        """Mean focal length in pixels."""
        return sum(self.focal_xy) / 2

    @cached_property
    def principal_point(self) -> tuple[float, float]:
        return self._named["cx"], self._named["cy"]

    @property
    def is_fisheye(self) -> bool:
        return self.model.endswith("FISHEYE")

    @cached_property
    def _stages(self) -> tuple[_Distortion, ...]:
        """The distortion in one stage; RAD_TAN_THIN_PRISM distorts the result of its radial part again."""
        n = self._named
        top = tuple(n.get(f"k{i}", 0.0) for i in range(1, 7))
        bottom = tuple(n.get(f"d{i}", 0.0) for i in range(1, 4))
        tangential = _Distortion(
            p1=n.get("p1", 0.0), p2=n.get("p2", 0.0),
            sx1=n.get("sx1", 0.0), sx2=n.get("sx2", 0.0), sy1=n.get("sy1", 0.0), sy2=n.get("sy2", 0.0),
        )  # fmt: skip
        if self.model.startswith("RAD_TAN"):
            return _Distortion(_trim(top)), tangential
        return (replace(tangential, numerator=_trim(top), denominator=_trim(bottom)),)

    @property
    def _is_linear(self) -> bool:
        return self.model in ("SIMPLE_PINHOLE", "PINHOLE")

    @cached_property
    def limit(self) -> float:
        """Largest base radius that the lens maps one to one (see the module); infinite where all of it is."""
        fold = np.inf if self.model == "FOV" else self._stages[0].fold
        return min(fold, np.pi / 2) if self.is_fisheye else fold

    def project(self, points: Array) -> Array:
        """Pixels (N, 2) of points (N, 3) in camera space; nan behind the camera or beyond the lens's fold."""
        points = np.asarray(points, dtype=np.float64)
        x, y, z = points[:, 0], points[:, 1], points[:, 2]
        seen = z > 0
        depth = np.where(seen, z, 1.0)
        u, v = x / depth, y / depth
        if self.is_fisheye:
            radius = np.hypot(u, v)
            scale = np.divide(np.arctan(radius), radius, out=np.ones_like(radius), where=radius > 1e-12)
            u, v = u * scale, v * scale
        if self.model == "FOV":
            u, v = _fov(u, v, self._named["omega"])
        elif not self._is_linear:
            within = u * u + v * v < self.limit**2
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                u, v, u_u, u_v, v_u, v_v = self._distort(u, v)
                seen = seen & within & (u_u * v_v - u_v * v_u > 0)
        (fx, fy), (cx, cy) = self.focal_xy, self.principal_point
        pixels = np.stack((fx * u + cx, fy * v + cy), axis=1)
        pixels[~seen] = np.nan
        return pixels

    def unproject(self, pixels: Array) -> Array:
        """Directions (N, 3) with z = 1 of pixels (N, 2).

        nan for pixels that no point in front of the camera reaches: beyond the fold of the distortion, and in
        a fisheye 90 degrees or more off the axis (directions with z = 1 end there).
        """
        pixels = np.asarray(pixels, dtype=np.float64)
        (fx, fy), (cx, cy) = self.focal_xy, self.principal_point
        u, v = (pixels[:, 0] - cx) / fx, (pixels[:, 1] - cy) / fy
        if self.model == "FOV":
            u, v = _inverse_fov(u, v, self._named["omega"])
        elif not self._is_linear:
            u, v = self._undistort(u, v)
        if self.is_fisheye:
            theta = np.hypot(u, v)
            inside = theta < np.pi / 2
            tangent = np.tan(np.where(inside, theta, 0.0))
            scale = np.divide(tangent, theta, out=np.ones_like(theta), where=theta > 1e-12)
            scale[~inside] = np.nan
            u, v = u * scale, v * scale
        return np.stack((u, v, np.ones_like(u)), axis=1)

    def scaled(self, width: int, height: int) -> Lens:
        """The same lens for the image resized to `width` x `height` pixels."""
        sx, sy = width / self.width, height / self.height
        factor = {"f": (sx + sy) / 2, "fx": sx, "cx": sx, "fy": sy, "cy": sy}
        params = tuple(value * factor.get(name, 1.0) for name, value in self._named.items())
        return Lens(self.model, width, height, params)

    def framed(self, left: int, top: int, width: int, height: int) -> Lens:
        """The same lens for the image cut, or gone on beyond its edges, to `width` x `height` pixels from (left, top)."""
        moved = {"cx": left, "cy": top}
        params = tuple(value - moved.get(name, 0) for name, value in self._named.items())
        return Lens(self.model, width, height, params)

    def squeezed(self, aspect: float) -> Lens:
        """The same lens for pixels that are shown `aspect` times as wide: so many times fewer of them make its width.

        Models of one focal length become those of two that hold them.
        """
        named = {"f": 0.0, **self._named, "fx": self.focal_xy[0] / aspect, "fy": self.focal_xy[1]}
        named["cx"] /= aspect
        model = _TWO_FOCALS.get(self.model, self.model)
        return Lens(
            model,
            round(self.width / aspect),
            self.height,
            tuple(named.get(name, 0.0) for name in MODELS[model][1]),
        )

    def _distort(self, u: Array, v: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
        """Distorted base coordinates and their 2x2 Jacobian, row by row."""
        result = self._stages[0].apply(u, v)
        for stage in self._stages[1:]:
            u, v, a, b, c, d = result
            u, v, e, f, g, h = stage.apply(u, v)
            result = u, v, e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d
        return result

    def _undistort(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Base coordinates whose distortion is (u, v), by Newton's method; nan where there are none."""
        x, y = self._first_guess(u, v)
        limit = self.limit
        focal = max(abs(f) for f in self.focal_xy)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(_NEWTON_STEPS):
                at_u, at_v, u_u, u_v, v_u, v_v = self._distort(x, y)
                off_u, off_v = at_u - u, at_v - v
                determinant = u_u * v_v - u_v * v_u
                step_x = (v_v * off_u - u_v * off_v) / determinant
                step_y = (u_u * off_v - v_u * off_u) / determinant
                x, y = x - step_x, y - step_y
                if np.isfinite(limit):
                    shrink = np.minimum(1.0, limit / np.maximum(np.hypot(x, y), 1e-300))
                    x, y = x * shrink, y * shrink
                moving = np.maximum(np.abs(step_x), np.abs(step_y)) > 1e-13 * (1 + np.abs(x) + np.abs(y))
                if not np.any(moving & (np.hypot(off_u, off_v) * focal > 1e-10)):
                    break
            at_u, at_v, u_u, u_v, v_u, v_v = self._distort(x, y)
            solved = np.hypot(at_u - u, at_v - v) * focal < _SOLVED_PIXELS * (1 + np.hypot(u, v))
            solved &= u_u * v_v - u_v * v_u > 0
        return np.where(solved, x, np.nan), np.where(solved, y, np.nan)

    def _first_guess(self, u: Array, v: Array) -> tuple[Array, Array]:
        """Start of Newton's method: the radial part alone, inverted by a table; it may be far from linear."""
        radius = np.hypot(u, v)
        finite = radius[np.isfinite(radius)]
        largest = float(finite.max()) if finite.size else 1.0
        end = max(largest, 1e-6)
        while (
            end < self.limit
            and end < 1e6
            and end * float(self._stages[0].radial(np.array(end**2))[0]) < largest
        ):
            end *= 1.5
        table = np.linspace(0.0, min(end, 0.9999 * self.limit), 512)
        bent = np.maximum.accumulate(table * self._stages[0].radial(table**2)[0])
        guess = np.interp(radius, bent, table)
        scale = np.divide(guess, radius, out=np.ones_like(radius), where=radius > 1e-12)
        return u * scale, v * scale


def _polynomial(coefficients: tuple[float, ...], q: Array) -> tuple[Array, Array]:
    """1 + c1 q + c2 q^2 + .. and its derivative, by Horner's rule."""
    value, slope = np.zeros_like(q), np.zeros_like(q)
    for c in reversed(coefficients):
        slope = slope * q + value
        value = value * q + c
    return 1.0 + value * q, slope * q + value


def _trim(coefficients: tuple[float, ...]) -> tuple[float, ...]:
    """Without trailing zeros, so that a simple lens costs little."""
    count = len(coefficients)
    while count and coefficients[count - 1] == 0.0:
        count -= 1
    return coefficients[:count]


def _first_positive_root(polynomial: np.polynomial.Polynomial) -> float:
    trimmed = polynomial.trim(
        1e-12
    )  # beside the 1 it starts with, less is nothing and upsets the root finder
    if trimmed.degree() < 1:
        return np.inf
    roots = trimmed.roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real))) & (roots.real > 0)]
    return float(real.min()) if real.size else np.inf


def _fov(u: Array, v: Array, omega: float) -> tuple[Array, Array]:
    """Devernay and Faugeras' FOV model: r' = atan(2 r tan(omega / 2)) / omega."""
    if abs(omega) < 1e-8:
        return u, v
    radius, slope = np.hypot(u, v), 2 * np.tan(omega / 2)
    bent = np.arctan(radius * slope) / omega
    scale = np.divide(bent, radius, out=np.full_like(radius, slope / omega), where=radius > 1e-12)
    return u * scale, v * scale


def _inverse_fov(u: Array, v: Array, omega: float) -> tuple[Array, Array]:
    """nan where the angle r' omega reaches 90 degrees."""
    if abs(omega) < 1e-8:
        return u, v
    radius, slope = np.hypot(u, v), 2 * np.tan(omega / 2)
    inside = np.abs(radius * omega) < np.pi / 2
    straight = np.tan(np.where(inside, radius * omega, 0.0)) / slope
    scale = np.divide(straight, radius, out=np.full_like(radius, omega / slope), where=radius > 1e-12)
    scale[~inside] = np.nan
    return u * scale, v * scale
