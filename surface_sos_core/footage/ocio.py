"""Colour spaces of an OpenColorIO configuration, as plates may be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from surface_sos_core.errors import InputError
from surface_sos_core.footage import colour

BUILT_IN = "ocio://studio-config-latest"
"""The configuration where none is given: OpenColorIO's own for ACES, with the log curves of cameras."""

_LINEAR = "lin_rec709"  # what OpenColorIO's own configurations call it
_FAILURES = (ocio.Exception, ocio.ExceptionMissingFile)  # neither is the other's kind
_WHITE = 1e-3  # by how much white may miss white in a space that chromaticities describe


@dataclass(frozen=True)
class ColourConfig:
    """A configuration that was read. source: a file or the name of a built-in one."""

    source: str
    config: Any

    @staticmethod
    def read(source: str) -> ColourConfig:
        """Raises InputError where it cannot be."""
        try:
            config = ocio.Config.CreateFromFile(source)
        except _FAILURES as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"The OCIO configuration {source} cannot be used ({reason}): give another by --ocio, or unset OCIO"
            ) from error
        return ColourConfig(source, config)

    def knows(self, name: str) -> bool:
        """Whether it has a colour space, an alias or a role of that name."""
        return self.config.getColorSpace(name) is not None

    def space(self, name: str, is_float: bool) -> colour.InputSpace:
        """Of plates, of floats or integers, in the colour space, alias or role `name`.

        A scene-linear space is its own; of any other the plate's scene-linear space is the configuration's scene_linear, and
        linear Rec.709 for pictures in Rec.709 by the built-in one. Raises InputError for a name that is not known, with the
        nearest ones, and for a space that is none of colours.
        """
        found = self.config.getColorSpace(name)
        if found is None:
            near = ", ".join(self._nearest(name))
            raise InputError(
                f"The OCIO configuration {self.source} has no colour space {name}: the nearest are {near}"
            )
        if found.isData():
            raise InputError(f"{name} is for data, not for colours: give --colour-space what the plate is in")
        own, interop_id = found.getName(), found.getInteropID()
        scene = self._linear(own)
        if scene is not None:
            return colour.linear_input(scene, is_float)
        if self.source == BUILT_IN and interop_id == colour.SRGB.identity and not is_float:
            return colour.SRGB  # the same, without its rounding
        scene = None if self.source == BUILT_IN and "_rec709_" in interop_id else self._linear("scene_linear")
        processor = self._to_rec709(own) if scene is None else self._within(own, "scene_linear")
        scene = scene or colour.LINEAR_REC709
        key = f"{own} {processor.getCacheID()} {scene.chromaticities}"
        return colour.InputSpace(own, interop_id or own, scene, _applied(processor), key)

    def by_file(self, path: Path, is_float: bool) -> str | None:
        """What the configuration's rules say that a file is in, from its name; None where they say nothing.

        The last rule is for all other files, so it counts only where it tells what such pixels can be: floats are
        linear, integers are not.
        """
        name, _ = self.config.getColorSpaceFromFilepath(str(path))
        last = self.config.filepathOnlyMatchesDefaultRule(str(path))
        space = self.config.getColorSpace(name)
        if space is None or space.isData():
            return None
        return str(name) if not last or self._is_linear(space.getName()) == is_float else None

    def _nearest(self, name: str) -> list[str]:
        """Up to four spaces that are called nearly so, by themselves or by an alias."""
        called = {}
        for space in self.config.getColorSpaces():
            for title in (space.getName(), *space.getAliases()):
                called[title.lower()] = space.getName()
        wanted = name.lower()
        within = [title for title in called if wanted and wanted in title]
        near = get_close_matches(wanted, list(called), 4, 0.4)
        return (
            list(dict.fromkeys(called[title] for title in [*within, *near]))[:4]
            or list(self.config.getColorSpaceNames())[:4]
        )

    def _is_linear(self, name: str) -> bool:
        return bool(self.config.isColorSpaceLinear(name, ocio.REFERENCE_SPACE_SCENE))

    def _linear(self, name: str) -> colour.LinearSpace | None:
        """A scene-linear space that chromaticities describe; None for what is none.

        Its white is labelled as that of Rec.709, to which the configuration adapts it: so any reader gets the same colours.
        """
        found = self.config.getColorSpace(name)
        if found is None or not self._is_linear(found.getName()):
            return None
        rows = _applied(self._to_rec709(found.getName()))(np.eye(3, dtype=np.float32)).astype(np.float64)
        if np.abs(rows.sum(axis=0) - 1).max() > _WHITE:
            return None
        for known in colour.KNOWN_SPACES:
            if np.allclose(known.in_rec709(np.eye(3, dtype=np.float32)), rows, atol=_WHITE):
                return known
        primaries = colour.primaries_seen_from_rec709(rows.T)
        return colour.space_of(primaries, found.getName(), found.getInteropID())

    def _within(self, name: str, to: str) -> Any:
        return self._made(name, lambda: self.config.getProcessor(name, to))

    def _to_rec709(self, name: str) -> Any:
        return self._made(
            name, lambda: ocio.Config.GetProcessorToBuiltinColorSpace(self.config, name, _LINEAR)
        )

    def _made(self, name: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except _FAILURES as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"The OCIO configuration {self.source} cannot convert {name} ({reason}): give another space or configuration"
            ) from error


def _applied(processor: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The processor as a function of pixels (..., 3) float32, which it leaves alone."""
    cpu = processor.getDefaultCPUProcessor()

    def apply(pixels: np.ndarray) -> np.ndarray:
        changed = np.array(pixels, np.float32, order="C")
        cpu.applyRGB(changed)
        return changed

    return apply
