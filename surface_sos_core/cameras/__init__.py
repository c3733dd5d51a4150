"""Cameras: lenses, COLMAP models in and out, solving, sparse points, matching with footage, the scene box."""

from surface_sos_core.cameras.automatic_box import AutomaticBox, box_from_points, look_at, start_from_box
from surface_sos_core.cameras.box import Box
from surface_sos_core.cameras.box_file import box_from_json, box_to_json, read_box
from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.colmap import model_files, read_model, write_model
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.match import check_parallax, framed_model, match_cameras
from surface_sos_core.cameras.solve import solve_cameras
from surface_sos_core.cameras.triangulate import triangulate_points

__all__ = [
    "AutomaticBox",
    "Box",
    "Camera",
    "CameraModel",
    "Lens",
    "Points",
    "box_from_json",
    "box_from_points",
    "box_to_json",
    "check_parallax",
    "framed_model",
    "look_at",
    "match_cameras",
    "model_files",
    "read_box",
    "read_model",
    "solve_cameras",
    "start_from_box",
    "triangulate_points",
    "write_model",
]
