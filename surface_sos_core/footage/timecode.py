"""SMPTE 12M time codes as OpenEXR packs them: binary coded decimals, the drop frame flag in bit 6 (ImfTimeCode.h, TV60)."""

from __future__ import annotations

from fractions import Fraction

Timecode = tuple[int, int]
"""Time and flags, and user data."""

_PLACES = (24, 16, 8, 0)  # of hours, minutes, seconds and frames
_DROP = 1 << 6


def parse(text: str, fps: Fraction | None) -> Timecode | None:
    """Of HH:MM:SS:FF, a semicolon before FF for drop frame; None for anything else."""
    parts = text.replace(";", ":").replace(".", ":").split(":")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    values = [int(part) for part in parts]
    if fps is not None and fps > 30:  # two frames share a code
        values[3] //= 2
    if any(value > most for value, most in zip(values, (23, 59, 59, 29), strict=True)):
        return None
    return _pack(values, ";" in text), 0


def after(start: Timecode, frames: int, fps: Fraction) -> Timecode:
    """The code so many frames later, at up to 30 frames a second; above that two frames share a code."""
    whole = round(fps)
    if fps > 30:
        whole, frames = whole // 2, frames // 2
    drop = (
        2 if drops_frames(start) else 0
    )  # codes that are left out at the start of each minute but every tenth
    hours, minutes, seconds, frame = fields(start)
    minutes += 60 * hours
    count = (60 * minutes + seconds) * whole + frame - drop * (minutes - minutes // 10) + frames
    if drop:
        tens, rest = divmod(count, 600 * whole - 9 * drop)
        count += drop * (9 * tens + max(0, rest - drop) // (60 * whole - drop))
    seconds, frame = divmod(count, whole)
    values = [seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, frame]
    return _pack(values, drop > 0), start[1]


def fields(code: Timecode) -> list[int]:
    """Hours, minutes, seconds and frames."""
    tens = (3, 7, 7, 3)
    return [
        (code[0] >> place + 4 & mask) * 10 + (code[0] >> place & 15)
        for place, mask in zip(_PLACES, tens, strict=True)
    ]


def drops_frames(code: Timecode) -> bool:
    """Whether it counts as 29.97 frames a second do, which leave codes out."""
    return bool(code[0] & _DROP)


def _pack(values: list[int], drop: bool) -> int:
    packed = sum(
        (value // 10 << 4 | value % 10) << place for value, place in zip(values, _PLACES, strict=True)
    )
    return packed | _DROP * drop
