"""Frames of a movie file, each the one its number says, as players show them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import orientation, timecode
from surface_sos_core.footage.exr import Tags
from surface_sos_core.footage.header import check_size
from surface_sos_core.wording import counted

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mxf,ogg,asf,flv,dv,gif,mjpeg,h264,hevc,m4v"
)
"""FFmpeg's names of containers of pictures: a play list called movie.mp4 would make it read whatever files and addresses
it names."""
LOST_FRACTION = 0.02  # containers without an index only estimate their length
_HDR = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}  # transfer characteristics of ITU-T H.273


class Movie:
    """Random access to decoded frames; holds one frame in memory. Safe to read from several threads.

    Opening decodes the movie once and keeps the time stamp of every frame. Reading goes on from where the last frame was,
    or seeks back to a key frame and decodes up to the time stamp; where that passes by it, from the start.
    """

    def __init__(self, path: Path, skip_bad: bool, warn: Callable[[str], None]) -> None:
        """Raises InputError where the file is no movie, where its frames are of a kind that would be misread, or, without
        `skip_bad`, where frames are missing."""
        self.path = path
        self._lock = threading.Lock()
        self._times: list[int] = []
        self._frames: Iterator[Any] = iter(())
        self._at = -1  # the frame that `_frames` gave last
        first: Any = None
        with closing(MovieFile(path)) as movie:
            for frame in movie.frames():
                first = first if first is not None else frame
                self._times.append(len(self._times) if frame.pts is None else int(frame.pts))
            claimed, self.file_tags, broken = movie.count, movie.tags, movie.broken
        if first is None:
            raise InputError(f"{path} holds no frame that can be decoded: give a movie or a folder of images")
        self._can_seek = bool(np.all(np.diff(self._times) > 0)) and first.pts is not None
        self._file: MovieFile | None = None
        self.orientation = turn_of(first, path)
        _refuse_hdr(first, path)
        self.height, self.width = pixels_of(first, self.orientation).shape[:2]
        if broken or claimed - len(self) > max(2, LOST_FRACTION * claimed):
            of = f"should have {counted(claimed, 'frame')} but" if claimed > len(self) else "is damaged and"
            message = f"{path} {of} only {len(self)} can be decoded"
            if not skip_bad:
                raise InputError(f"{message}: copy it again, or use what is there with --skip-bad-frames")
            warn(f"{message}; the rest is left out")

    def __len__(self) -> int:
        return len(self._times)

    def read(self, index: int) -> np.ndarray:
        """Frame `index` from 0, (H, W, 3) uint8 or, of more than 8 bits, uint16; RGB, turned as the movie says."""
        with self._lock:
            if self._file is None or index <= self._at or index > self._at + 1:
                self._go_to(index)
            try:
                frame = next(self._frames)
                while self._can_seek and frame.pts < self._times[index]:
                    frame = next(self._frames)
                if self._can_seek and frame.pts != self._times[index]:
                    self._can_seek = False
                    self._go_to(index)
                    frame = next(self._frames)
            except StopIteration as error:
                raise InputError(
                    f"{self.path} has changed: frame {index + 1} is not there any more"
                ) from error
            self._at = index
            return pixels_of(frame, self.orientation)

    def _go_to(self, index: int) -> None:
        """Make `_frames` stand at or before frame `index`; right before it where there is no seeking."""
        if self._file is not None and self._can_seek:
            self._file.seek(self._times[index])
            self._frames = self._file.frames()
            return
        if self._file is not None:
            self._file.close()
        self._file = MovieFile(self.path)
        self._frames = self._file.frames()
        if not self._can_seek:
            for _ in range(index):
                next(self._frames, None)
        elif index:
            self._file.seek(self._times[index])
            self._frames = self._file.frames()


class MovieFile:
    """A movie as FFmpeg decodes it, one frame after the other."""

    def __init__(self, path: Path) -> None:
        """Raises InputError for a file that is no movie, or of an absurd size."""
        self.path = path
        self.broken = False
        try:
            options = {"format_whitelist": CONTAINERS}
            self._container = av.open(str(path), options=options, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{path} is not a movie that can be read, or it is damaged") from error
        try:
            if not self._container.streams.video:
                raise InputError(f"{path} holds no pictures; give a movie or a folder of images")
            self._stream = self._container.streams.video[0]
            codec = self._stream.codec_context
            if codec is None:
                raise InputError(f"{path} is coded in a way that is not known here; convert it to another")
            check_size(path, codec.width, codec.height)
            self._stream.thread_type = "AUTO"
        except BaseException:
            self._container.close()
            raise

    @property
    def count(self) -> int:
        """How many frames the container says that it has; 0 where it does not."""
        return int(self._stream.frames)

    @property
    def tags(self) -> Tags:
        rate, aspect = self._stream.average_rate, self._stream.sample_aspect_ratio
        fps = Fraction(rate) if rate else None
        text = next(
            (
                data["timecode"]
                for data in (self._stream.metadata, self._container.metadata)
                if data.get("timecode")
            ),
            "",
        )
        if not text:
            others = (stream.metadata.get("timecode", "") for stream in self._container.streams)
            text = next(filter(None, others), "")
        return Tags(float(aspect) if aspect else 1.0, fps, timecode.parse(text, fps))

    def frames(self) -> Iterator[Any]:
        """Frames with their alpha; FFmpeg's own decoders of VP8 and VP9 leave it out, libvpx does not."""
        try:
            yield from self._decoded()
        except av.FFmpegError:
            self.broken = True

    def _decoded(self) -> Iterator[Any]:
        name = self._stream.codec_context.name
        if name not in ("vp8", "vp9") or str(self._stream.metadata.get("alpha_mode")) != "1":
            yield from self._container.decode(self._stream)
            return
        decoder: Any = av.CodecContext.create("libvpx" if name == "vp8" else "libvpx-vp9", "r")
        for packet in self._container.demux(self._stream):
            yield from decoder.decode(packet)

    def seek(self, pts: int) -> None:
        """To a key frame at or before the time stamp."""
        self._container.seek(pts, stream=self._stream)

    def close(self) -> None:
        self._container.close()


def turn_of(frame: Any, path: Path) -> int:
    """The EXIF orientation that a frame's display matrix asks for. Raises InputError for one that is no quarter turn."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            try:
                return orientation.of_matrix(np.frombuffer(bytes(data), np.int32).reshape(3, 3))
            except ValueError as error:
                raise InputError(f"{path} cannot be used: {error}; turn its frames, or convert it") from error
    return 1


def pixels_of(frame: Any, turn: int) -> np.ndarray:
    """(H, W, 3), or 4 with alpha, of a frame, uint8 or uint16, turned upright."""
    parts = frame.format.components
    alpha = any(part.is_alpha for part in parts)
    deep = any(part.bits > 8 for part in parts)
    kind = {
        (False, False): "rgb24",
        (True, False): "rgba",
        (False, True): "rgb48le",
        (True, True): "rgba64le",
    }
    pixels = frame.to_ndarray(format=kind[alpha, deep])
    return np.ascontiguousarray(orientation.upright(pixels, turn))


def _refuse_hdr(frame: Any, path: Path) -> None:
    transfer = int(frame.color_trc or 0)
    if transfer in _HDR:
        raise InputError(
            f"{path} is an HDR movie, {_HDR[transfer]}, which would be misread: convert it to Rec.709 (in ffmpeg by zscale and "
            "tonemap), or to scene-linear EXR"
        )
