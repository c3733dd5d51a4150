"""Frames on disk or in a movie: images, frame numbers, colour."""

from surface_sos_core.footage.frames_option import parse_frames
from surface_sos_core.footage.input_space import ColourRequest
from surface_sos_core.footage.plate import Footage, Frame, open_footage

__all__ = ["ColourRequest", "Footage", "Frame", "open_footage", "parse_frames"]
