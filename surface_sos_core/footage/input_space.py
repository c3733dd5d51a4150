"""Which colour space a plate is in: what was asked for, what its headers say, the rules of an OCIO configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import colour
from surface_sos_core.footage.colour import InputSpace
from surface_sos_core.footage.header import Header
from surface_sos_core.footage.ocio import BUILT_IN, ColourConfig

_SAYS_NOTHING = ("", "unknown", "data")  # interop ids
_SILENT = ("", None)  # id and chromaticities of a header without any
_PLAIN = (colour.LINEAR_REC709.interop_id, colour.REC709)


@dataclass(frozen=True)
class ColourRequest:
    """What was asked for. space: a colour space, alias or role of the configuration; config: a file or `ocio://NAME`."""

    space: str | None = None
    config: str | None = None

    @staticmethod
    def asked(space: str | None, config: str | Path | None) -> ColourRequest:
        """With the configuration of the environment, $OCIO, where none is given."""
        source = str(config) if config is not None else os.environ.get("OCIO") or None
        if source is not None and not source.startswith("ocio://"):
            source = str(Path(source).absolute())
        return ColourRequest(space, source)


def input_space(
    first: Path,
    headers: Sequence[Header],
    is_float: bool,
    request: ColourRequest,
    warn: Callable[[str], None],
) -> InputSpace:
    """The space of a shot's frames, whose first file is `first`; headers: of each frame's file, none of a movie.

    What was asked for goes before what headers say (colorInteropID, then chromaticities), and that before a rule of the
    configuration for such files. Else integers are sRGB and floats scene-linear Rec.709. Raises InputError for what cannot
    be had, and where the frames' headers do not agree.
    """
    config = ColourConfig.read(request.config) if request.config is not None else None
    if request.space is not None:
        return (config or ColourConfig.read(BUILT_IN)).space(request.space, is_float)
    told = {_told(header) for header in headers}
    if len({_PLAIN if _is_plain(*one) else one for one in told}) > 1:
        raise InputError(
            f"The headers of the frames in {first.parent} name different colour spaces: say which it is by --colour-space"
        )
    most = max(told, key=lambda one: one != _SILENT, default=_SILENT)
    by_header = _by_header(first, *most, config, is_float, warn)
    if by_header is not None:
        return by_header
    by_rule = config.by_file(first, is_float) if config is not None else None
    if config is not None and by_rule is not None:
        return config.space(by_rule, is_float)
    return colour.linear_input(colour.LINEAR_REC709) if is_float else colour.SRGB


def _told(header: Header) -> tuple[str, tuple[float, ...] | None]:
    """Interop id and chromaticities of a header."""
    return (
        header.tags.interop_id.strip(),
        header.layer.part.chromaticities if header.layer is not None else None,
    )


def _is_plain(interop_id: str, chromaticities: tuple[float, ...] | None) -> bool:
    """Whether floats of such a header are what they are without one."""
    if interop_id not in _SAYS_NOTHING:
        return interop_id == colour.LINEAR_REC709.interop_id
    return chromaticities is None or bool(np.allclose(chromaticities, colour.REC709, atol=1e-3))


def _by_header(
    first: Path,
    interop_id: str,
    chromaticities: tuple[float, ...] | None,
    config: ColourConfig | None,
    is_float: bool,
    warn: Callable[[str], None],
) -> InputSpace | None:
    """None where a header says nothing of colour."""
    if interop_id not in _SAYS_NOTHING:
        known = colour.named_space(interop_id)
        if known is not None:
            return colour.linear_input(known, is_float)
        config = config or ColourConfig.read(BUILT_IN)
        if config.knows(interop_id):
            return config.space(interop_id, is_float)
        warn(
            f"The headers name a colour space that is not known here, {interop_id}: say what it is by --colour-space."
        )
    if chromaticities is None:
        return None
    try:
        return colour.linear_input(colour.space_of(chromaticities), is_float)
    except ValueError as error:
        raise InputError(
            f"{first} cannot be read right, since {error}: say what it is by --colour-space"
        ) from error
