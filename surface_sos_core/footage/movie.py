"""Frames of a movie file, each the one its number says."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage.header import check_size
from surface_sos_core.wording import counted

# FFmpeg prints on the terminal what is wrong with a file; our own message says it. Read when it is first used.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mxf,ogg,asf,flv,dv,gif,mjpeg,h264,hevc,m4v"
)
"""FFmpeg's names of containers of pictures: a play list called movie.mp4 would make it read whatever files and addresses
it names."""
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", f"format_whitelist;{CONTAINERS}")

MAX_SKIP = 32  # frames; up to here decoding on is faster than seeking back to a key frame
LOST_FRACTION = 0.02  # containers without an index only estimate their length


class Movie:
    """Random access to decoded frames; holds one frame in memory. Safe to read from several threads.

    Seeking in movies is not exact everywhere, so opening decodes the movie once and keeps the time stamp of
    every frame; a seek that lands on another time is replaced by decoding from the start.
    """

    def __init__(self, path: Path, skip_bad: bool, warn: Callable[[str], None]) -> None:
        """Raises InputError where the file is no movie, or, without `skip_bad`, where frames are missing."""
        self.path = path
        self._lock = threading.Lock()
        self._capture = self._open()
        self._at = 0  # the frame the capture stands on
        self._times: list[float] = []
        first = None
        while self._capture.grab():
            if first is None:
                first = self._retrieve()
            self._times.append(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        self._at = len(self)  # past the end: nothing to stand on, the next read seeks
        if first is None:
            raise InputError(f"{path} holds no frame that can be decoded: give a movie or a folder of images")
        self.height, self.width = first.shape[:2]
        claimed = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if claimed - len(self) > max(2, LOST_FRACTION * claimed):
            message = f"{path} should have {counted(claimed, 'frame')} but only {len(self)} can be decoded"
            if not skip_bad:
                raise InputError(f"{message}: copy it again, or use what is there with --skip-bad-frames")
            warn(f"{message}; the rest is left out")
        self._can_seek = bool(np.all(np.diff(self._times) > 0))

    def __len__(self) -> int:
        return len(self._times)

    def read(self, index: int) -> np.ndarray:
        """Frame `index` from 0, (H, W, 3) uint8 RGB, turned upright where the movie says so."""
        with self._lock:
            if not self._at <= index <= self._at + MAX_SKIP:
                self._seek(index)
            while self._at < index:
                if not self._capture.grab():
                    raise InputError(f"{self.path} has changed: frame {index + 1} is not there any more")
                self._at += 1
            return self._retrieve()

    def _seek(self, index: int) -> None:
        if self._can_seek:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, index)
            landed = self._capture.grab()
            if landed and abs(self._capture.get(cv2.CAP_PROP_POS_MSEC) - self._times[index]) < 0.01:
                self._at = index
                return
            self._can_seek = False
        self._capture.release()
        self._capture = self._open()
        self._at = -1

    def _open(self) -> cv2.VideoCapture:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not capture.isOpened():
            raise InputError(f"{self.path} is not a movie that can be read, or it is damaged")
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        check_size(self.path, int(width), int(height))
        return capture

    def _retrieve(self) -> np.ndarray:
        frame = None
        with suppress(cv2.error):
            _, frame = self._capture.retrieve()
        if frame is None:
            raise InputError(f"{self.path}: frame {self._at + 1} cannot be decoded")
        return np.ascontiguousarray(frame[..., ::-1])
