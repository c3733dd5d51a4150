"""A shot folder measured against truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from surface_sos_core.errors import InputError
from surface_sos_core.evaluate.mattes import measure_mattes
from surface_sos_core.evaluate.meshes import measure_mesh
from surface_sos_core.evaluate.plates import measurable, measure_plates
from surface_sos_core.evaluate.truth_files import load_truth, mask_files
from surface_sos_core.manifest import Manifest, ManifestError, read_manifest


def evaluate_shot(
    out: Path,
    truth_folder: Path,
    radius: float = 10.0,
    region_folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    masks_folder: Path | None = None,
) -> dict[str, Any]:
    """Measure the layers and the mesh of the shot in `out`. `masks_folder`: the masks that it was made from, where shot.json
    does not tell. Returns a JSON-ready dict:

        radius           of the trimap band, pixels
        matte            null, or {"frames", "mean", "worst": {"name", "iou"}, "per_frame": [{"name", "frame",
                         ...}], "worse"}; the mean has miou, boundary_iou, given_iou (of the masks given),
                         accuracy, sad, sad_thresholded (of the matte cut at 0.5), mse, gradient, connectivity,
                         the last three and sad again as ..._band, dtssd (null without neighbours); worse names the
                         frames whose matte is worse than their mask by more than 0.01, null without masks
        clean            null, or the same with "gain"; psnr and ssim within the region in display values,
                         also ..._seen and ..._unseen, and all six after the shot's one gain as ..._gain;
                         sharpness, patch_distance (8-bit steps), and in the mean flicker (8-bit steps, null
                         without neighbours)
        shadowed         like clean, against plates in which the object's shadow stays, as it does in a shot's
        mesh             null, or {"chamfer", "chamfer_relative", "f_score", "precision", "recall",
                         "threshold", "aligned", "camera_rms"} in the truth's units
        skipped          names with truth whose frames have no layers
        unmatched        truth names that are no frames
        notes            what could not be measured, and why

    null stands for what could not be measured. Raises InputError when no name matches or a size differs.
    """
    try:
        manifest = read_manifest(out)
    except ManifestError as error:
        raise InputError(str(error)) from error
    truth = load_truth(truth_folder, region_folder)
    named = truth.mattes | truth.cleans | truth.shadowed
    matched = [entry for entry in manifest.frames if entry.name in named]
    if named and not matched and truth.mesh is None:
        raise InputError(
            f"no truth in {truth_folder} has the name of a frame of {out} "
            f"(truth {min(named)}, frames {', '.join(entry.name for entry in manifest.frames[:2])}): rename it"
        )
    given = _given_masks(out, manifest, masks_folder)
    notes: list[str] = []
    found = [entry for entry in matched if entry.layers]
    mattes = [entry for entry in found if entry.name in truth.mattes]
    cleans = [entry for entry in found if measurable(entry, truth, truth.cleans)]
    shadowed = [entry for entry in found if measurable(entry, truth, truth.shadowed)]
    without = [e.name for e in found if e.name in truth.cleans and not measurable(e, truth, truth.cleans)]
    if without:
        notes.append(f"clean plates without a matte or region of truth were left out: {', '.join(without)}")
    steps = _Steps(progress, len(mattes) + 2 * len(cleans) + 2 * len(shadowed))
    frames = manifest.frames
    return {
        "radius": radius,
        "matte": measure_mattes(out, frames, truth.mattes, given, radius, steps.next) if mattes else None,
        "clean": measure_plates(out, frames, truth, truth.cleans, steps.next) if cleans else None,
        "shadowed": measure_plates(out, frames, truth, truth.shadowed, steps.next) if shadowed else None,
        "mesh": measure_mesh(out, manifest, truth, notes),
        "skipped": [entry.name for entry in matched if not entry.layers],
        "unmatched": sorted(set(named) - {entry.name for entry in matched}),
        "notes": notes,
    }


def _given_masks(out: Path, manifest: Manifest, folder: Path | None) -> dict[str, Path]:
    """Files of the masks in `folder`, by the frames' names; without one, of the folder that the manifest says the shot's
    only object came from, where that is still there and its names are the frames'."""
    frames = {entry.name for entry in manifest.frames}
    if folder is None:
        named = [Path(source) for source in manifest.objects.values()]
        found = mask_files(named[0]) if len(named) == 1 and named[0].is_dir() else {}
        return found if frames & found.keys() else {}
    if not (found := mask_files(folder)):
        raise InputError(f"{folder} holds no masks: give the folder that the shot was made from")
    if not frames & found.keys():
        raise InputError(
            f"no mask in {folder} has the name of a frame of {out} "
            f"(masks {min(found)}, frames {', '.join(entry.name for entry in manifest.frames[:2])}): rename it"
        )
    return found


class _Steps:
    """Counts the images done for a progress callback."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def next(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)
