"""The camera solver's own process: `python -m surface_sos_core.cameras.solve_worker`.

pycolmap installs signal handlers and aborts on some errors, so it never runs in the main process. The job is
one line of JSON on stdin (see solver_process.Job); stdin then stays open, and its end means that the parent
is gone. What happens is told as JSON lines on stdout: {"done", "total"} while it works, {"outcome"} at the
end: "registered", "static", "panoramic", "late" and "turns" (the subject, before a room that stands) of solved cameras,
"matches" and their "fit" with given ones. The model is written to the job's output folder. COLMAP's own log goes to stderr.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surface_sos_core.cameras.epipolar import sampson_distance
from surface_sos_core.cameras.solver_process import Job


def pairs_to_match(count: int, overlap: int | None) -> list[tuple[int, int]]:
    """Frames to match: all pairs for overlap None, else neighbours up to `overlap`, powers of two beyond."""
    if overlap is None:
        return [(i, j) for i in range(count) for j in range(i + 1, count)]
    reach = list(range(1, overlap + 1))
    reach += [2**k for k in range(count.bit_length()) if overlap < 2**k]
    return [(i, i + step) for i in range(count) for step in reach if i + step < count]


class _Features:
    """The frames' features and their matches in COLMAP's database, and how far the job is."""

    def __init__(self, job: Job, tell: Callable[[dict[str, Any]], None]) -> None:
        import pycolmap

        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # COLMAP's own handler prints a stack trace
        self._colmap = pycolmap
        self._job = job
        self._settings = job.settings
        self._tell = tell
        self._database = Path(job.scratch) / "features.db"
        self._done = 0
        self._began = time.monotonic()
        pycolmap.set_random_seed(job.seed)

    def _progress(self, done: float) -> None:
        """`done` of three passes over the frames; a retry goes over ground already counted, and is silent there."""
        if int(done) > self._done:
            self._done = int(done)
            self._tell({"done": self._done, "total": 3 * len(self._job.names)})

    def _extract(self, reader: Any, mode: Any) -> None:
        """Features of all frames; `mode` says how frames that the database lacks share lenses of `reader`."""
        colmap, names = self._colmap, self._job.names
        options = colmap.FeatureExtractionOptions()
        options.use_gpu = False
        options.num_threads = self._job.threads
        options.max_image_size = self._settings.image_edge
        options.sift.max_num_features = self._settings.features
        options.sift.first_octave = -1 if self._doubled() else 0
        step = max(4 * self._job.threads, math.ceil(len(names) / 20))
        for start in range(0, len(names), step):
            colmap.extract_features(
                self._database, self._job.images, image_names=names[start : start + step],
                camera_mode=mode, reader_options=reader, extraction_options=options, device=colmap.Device.cpu,
            )  # fmt: skip
            if mode == colmap.CameraMode.SINGLE:
                reader.existing_camera_id = 1  # one lens for all of the footage
            self._progress(min(start + step, len(names)))

    def _doubled(self) -> bool:
        """Whether images are doubled before features are looked for; they are all of one size."""
        settings = self._settings
        if settings.image_edge <= settings.doubled_edge:
            return True
        first = cv2.imread(str(Path(self._job.images) / self._job.names[0]), cv2.IMREAD_GRAYSCALE)
        return first is not None and max(first.shape) <= settings.doubled_edge

    def _match(self, pairs: list[tuple[int, int]], before: int, after: int) -> None:
        colmap, names = self._colmap, self._job.names
        options = colmap.FeatureMatchingOptions()
        options.use_gpu = False
        options.num_threads = self._job.threads
        pairing = colmap.ImportedPairingOptions()
        verification = colmap.TwoViewGeometryOptions()
        verification.ransac.random_seed = self._job.seed
        file = Path(self._job.scratch) / "pairs.txt"
        pairing.match_list_path = file
        step = max(200, math.ceil(len(pairs) / 20))
        for start in range(0, len(pairs), step):
            part = pairs[start : start + step]
            file.write_text("".join(f"{names[i]} {names[j]}\n" for i, j in part), encoding="utf-8")
            colmap.match_image_pairs(
                self._database, matching_options=options, pairing_options=pairing,
                verification_options=verification, device=colmap.Device.cpu,
            )  # fmt: skip
            self._progress(before + (after - before) * min(start + step, len(pairs)) / len(pairs))

    def _fit(self, model: Any, matches: dict[tuple[int, int], np.ndarray] | None = None) -> tuple[int, float]:
        """How many matches there are between a model's images, and the share that lies where its cameras let them: by
        their epipolar lines. None fits nothing. matches: (N, 2) of each pair of images; those that were verified otherwise."""
        if model is None:
            return 0, 0.0
        fitting = total = 0
        images = {number: image for number, image in model.images.items() if image.has_pose}
        with self._colmap.Database.open(self._database) as database:
            keypoints = {i: database.read_keypoints(i)[:, :2] for i in images}
            if matches is None:
                found = zip(*database.read_two_view_geometries(), strict=True)
                matches = {self._colmap.pair_id_to_image_pair(i): two.inlier_matches for i, two in found}
        for pair, both in matches.items():
            if not len(both) or any(number not in images for number in pair):
                continue
            first, second = (images[number] for number in pair)
            error = sampson_distance(
                essential(second.cam_from_world() * first.cam_from_world().inverse()),
                first.camera.cam_from_img(keypoints[first.image_id][both[:, 0]]),
                second.camera.cam_from_img(keypoints[second.image_id][both[:, 1]]),
            )
            fitting += int((error * second.camera.mean_focal_length() < self._settings.fitting_error).sum())
            total += len(both)
        return total, fitting / max(total, 1)


class _Solver(_Features):
    """Cameras and points from matches between the frames."""

    def run(self) -> None:
        count, settings = len(self._job.names), self._settings
        reader = self._colmap.ImageReaderOptions()
        reader.camera_model = "SIMPLE_RADIAL"
        reader.mask_path = self._job.held_out
        self._extract(reader, self._colmap.CameraMode.SINGLE)
        first = None if count <= settings.all_pairs_frames else settings.overlap
        matched = set(pairs_to_match(count, first))
        self._match(sorted(matched), count, 2 * count)
        static, panoramic = self._motion()
        maps = [None if static else self._map("maps", self._options())]
        if self._job.subject and (turned := self._around_the_subject(maps[0])) is not None:
            self._finish(turned, *self._motion(), turns=True)
            return
        if static:
            self._finish(None, static, panoramic)
            return
        if _size(maps[0]) < settings.poor_share * count and self._time_for_another():
            second = settings.wide_overlap if count > 2 * settings.all_pairs_frames else None
            wide = set(pairs_to_match(count, second)) - matched
            self._match(sorted(wide), 2 * count, 2 * count)
            maps.append(self._map("maps_loose", self._loose_options()))
        fits = [self._fit(model) for model in maps]
        largest = max(range(len(maps)), key=lambda n: _size(maps[n]))
        if fits[largest][1] <= settings.agreed_share and self._time_for_another():
            # Things that look alike were taken for each other: pairs of frames that share little more are left out.
            strict = self._options()
            strong = round(settings.strong_share * self._usual_matches())
            strict.min_num_matches = max(strict.min_num_matches, strong)
            maps.append(self._map("maps_strict", strict))
            fits.append(self._fit(maps[-1]))
        # The one that most of what was found fits: matches times the share of them.
        best = max(range(len(maps)), key=lambda n: math.prod(fits[n]))
        self._finish(maps[best], static, panoramic)

    def _around_the_subject(self, model: Any) -> Any:
        """A model by the subject's matches alone, where the one of all matches does not fit them; None where that is no better.

        So it is where the subject turns in a room that stands: what is around the subject does not fit its cameras.
        """
        settings = self._settings
        inside = self._on_the_subject()
        matches: dict[tuple[int, int], np.ndarray] = {}
        around: dict[tuple[int, int], np.ndarray] = {}
        with self._colmap.Database.open(self._database) as database:
            for pair_id, both in zip(*database.read_all_matches(), strict=True):
                pair = one, other = self._colmap.pair_id_to_image_pair(pair_id)
                first, second = both.astype(int).T
                matches[pair] = both[inside[one][first] & inside[other][second]]
                around[pair] = both[~inside[one][first] & ~inside[other][second]]
        agreed = self._fit(model)[1] > settings.agreed_share
        if agreed and self._fit(model, matches)[1] >= settings.subject_fits:
            return None
        if not self._time_for_another():
            return None
        whole = self._database.with_suffix(".whole")
        shutil.copyfile(self._database, whole)
        self._verify_alone(matches)
        turned = self._map("maps_subject", self._options())
        enough = _size(turned) >= max(3, settings.least_share * len(self._job.names))
        fits = enough and self._fit(turned, matches)[1] >= settings.subject_fits
        if fits and self._fit(turned, around)[1] < settings.room_fits:
            return turned
        shutil.copyfile(whole, self._database)
        return None

    def _verify_alone(self, matches: dict[tuple[int, int], np.ndarray]) -> None:
        """These matches (N, 2) of each pair in place of all others, verified."""
        colmap, pairs = self._colmap, []
        with colmap.Database.open(self._database) as database:
            database.clear_matches()
            database.clear_two_view_geometries()
            names = {image.image_id: image.name for image in database.read_all_images()}
            for (one, other), both in matches.items():
                if len(both):
                    database.write_matches(one, other, both)
                    pairs.append(f"{names[one]} {names[other]}\n")
        file = Path(self._job.scratch) / "pairs.txt"
        file.write_text("".join(pairs), encoding="utf-8")
        verification = colmap.TwoViewGeometryOptions()
        verification.ransac.random_seed = self._job.seed
        colmap.verify_matches(self._database, file, verification)

    def _on_the_subject(self) -> dict[int, np.ndarray]:
        """Of each image by its id, (N,) whether its features are on the subject."""
        inside = {}
        with self._colmap.Database.open(self._database) as database:
            for image in database.read_all_images():
                at = database.read_keypoints(image.image_id)[:, :2]
                mask = cv2.imread(str(Path(self._job.subject) / f"{image.name}.png"), cv2.IMREAD_GRAYSCALE)
                assert mask is not None  # it was written for this job
                columns, rows = np.clip(at.astype(int).T, 0, np.array(mask.shape[::-1])[:, None] - 1)
                inside[image.image_id] = mask[rows, columns] > 127
        return inside

    def _time_for_another(self) -> bool:
        """Whether one more try, which takes about as long as all before, still ends in time."""
        most = self._settings.most_seconds
        return not most or self._spent() < most / 2

    def _spent(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self._began

    def _motion(self) -> tuple[bool, bool]:
        """Whether the camera stands still, and whether every pair is explained by turning it on the spot."""
        colmap, settings = self._colmap, self._settings
        moves, spots = [], []
        with colmap.Database.open(self._database) as database:
            camera = database.read_all_cameras()[0]
            diagonal = math.hypot(camera.width, camera.height)
            keypoints = {
                i.image_id: database.read_keypoints(i.image_id)[:, :2] for i in database.read_all_images()
            }
            pair_ids, geometries = database.read_two_view_geometries()
            kinds = colmap.TwoViewGeometryConfiguration
            on_the_spot = (kinds.PANORAMIC, kinds.PLANAR_OR_PANORAMIC)
            for pair_id, geometry in zip(pair_ids, geometries, strict=True):
                matches = geometry.inlier_matches
                if len(matches) < settings.telling_matches:
                    continue
                first, second = colmap.pair_id_to_image_pair(pair_id)
                shift = keypoints[second][matches[:, 1]] - keypoints[first][matches[:, 0]]
                moves.append(float(np.median(np.linalg.norm(shift, axis=1))) / diagonal)
                spots.append(geometry.config in on_the_spot or geometry.config == kinds.WATERMARK)
        if not moves:
            return False, False
        move = float(np.percentile(moves, 100 * settings.still_share))
        return move < settings.still_move, float(np.mean(spots)) > settings.turning_share

    def _options(self) -> Any:
        options = self._colmap.IncrementalPipelineOptions()
        options.num_threads = self._job.threads
        options.random_seed = self._job.seed
        options.min_model_size = max(3, min(self._settings.least_model, len(self._job.names) // 3))
        options.max_num_models = self._settings.most_models
        if self._settings.most_seconds:
            # A third at least, or features and matches would have been found for nothing.
            left = self._settings.most_seconds - self._spent()
            options.max_runtime_seconds = math.ceil(max(left, self._settings.most_seconds / 3))
        return options

    def _loose_options(self) -> Any:
        options, settings = self._options(), self._settings
        options.min_num_matches = settings.loose_matches
        options.mapper.init_min_num_inliers = settings.loose_first_matches
        options.mapper.init_min_tri_angle = settings.loose_first_angle
        options.mapper.abs_pose_min_num_inliers = settings.loose_pose_matches
        options.mapper.abs_pose_min_inlier_ratio = settings.loose_pose_share
        return options

    def _usual_matches(self) -> float:
        """How many matches a frame shares with the one that shares most with it, as a median over the frames."""
        most: dict[int, int] = {}
        with self._colmap.Database.open(self._database) as database:
            for pair_id, geometry in zip(*database.read_two_view_geometries(), strict=True):
                for number in self._colmap.pair_id_to_image_pair(pair_id):
                    most[number] = max(most.get(number, 0), len(geometry.inlier_matches))
        return float(np.median(list(most.values()))) if most else 0.0

    def _map(self, name: str, options: Any) -> Any:
        """The largest model found, or None."""
        colmap, count = self._colmap, len(self._job.names)
        folder = Path(self._job.scratch) / name
        folder.mkdir()
        registered = 0

        def step() -> None:
            nonlocal registered
            registered = min(registered + 1, count - 1)  # the last step is told when nothing is tried again
            self._progress(2 * count + registered)

        models = colmap.incremental_mapping(
            self._database, self._job.images, folder, options=options, next_image_callback=step
        )
        return max(models.values(), key=_size, default=None)

    def _finish(self, model: Any, static: bool, panoramic: bool, turns: bool = False) -> None:
        if model is not None:
            angles = [point_angle(model, point) for point in list(model.points3D.values())[::10]]
            angle, least = (float(np.median(angles)) if angles else 0.0), self._settings.least_angle
            panoramic = panoramic and angle < 2 * least
            static = angle < least
            Path(self._job.output).mkdir(parents=True, exist_ok=True)
            model.write_text(self._job.output)
            self._progress(3 * len(self._job.names))
        late = 0 < self._settings.most_seconds <= self._spent()
        told = {"registered": _size(model), "static": static, "panoramic": panoramic, "late": late}
        told["turns"] = turns
        self._tell({"outcome": told})


class _Triangulator(_Features):
    """Points from matches between the frames, whose cameras are given and stay as they are."""

    def run(self) -> None:
        colmap, count = self._colmap, len(self._job.names)
        given = colmap.Reconstruction(self._job.given)
        self._enter(given)
        self._extract(colmap.ImageReaderOptions(), colmap.CameraMode.AUTO)
        self._match(self._job.pairs, count, 2 * count)
        matches, fit = self._fit(given)
        options = colmap.IncrementalPipelineOptions()
        options.num_threads = self._job.threads
        options.random_seed = self._job.seed
        options.triangulation.ignore_two_view_tracks = self._job.least_track > 2
        Path(self._job.output).mkdir()
        colmap.triangulate_points(given, self._database, self._job.images, self._job.output, options=options)
        self._progress(3 * count)
        self._tell({"outcome": {"matches": matches, "fit": fit}})

    def _enter(self, given: Any) -> None:
        """The given lenses and images, under their ids, so that features are taken as seen by them."""
        with self._colmap.Database.open(self._database) as database:
            for camera in given.cameras.values():
                camera.has_prior_focal_length = True
                database.write_camera(camera, use_camera_id=True)
            for rig in given.rigs.values():
                database.write_rig(rig, use_rig_id=True)
            for frame in given.frames.values():
                database.write_frame(frame, use_frame_id=True)
            for image in given.images.values():
                database.write_image(image, use_image_id=True)


def essential(second_from_first: Any) -> np.ndarray:
    """(3, 3) E = [t]x R of a relative pose, for places at depth 1 before each camera (Hartley and Zisserman 2003, Eq. 9.12)."""
    x, y, z = second_from_first.translation
    return np.asarray(np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ second_from_first.rotation.matrix())


def point_angle(model: Any, point: Any) -> float:
    """Largest angle in degrees between the rays of a point's track."""
    centres = np.array([model.images[e.image_id].projection_center() for e in point.track.elements])
    rays = centres - point.xyz
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return math.degrees(math.acos(float(np.clip((rays @ rays.T).min(), -1.0, 1.0))))


def _size(model: Any) -> int:
    return 0 if model is None else int(model.num_reg_images())


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    job = Job.from_line(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), flush=True)

    (_Triangulator if job.given else _Solver)(job, tell).run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the thread above waits in a read that would hold up a normal end


if __name__ == "__main__":
    main()
