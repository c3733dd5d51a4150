"""Coarse masks, and what they agree on."""

from __future__ import annotations

from typing import Any

import numpy as np

from surface_sos_core.cameras import Box, CameraModel, box_to_json
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import Consensus, build_consensus, contradiction
from surface_sos_core.masks.consensus_file import read_consensus, save_consensus
from surface_sos_core.masks.gaps import look_of
from surface_sos_core.masks.sources.source import MaskShot, MaskSource
from surface_sos_core.masks.write import reasons_told
from surface_sos_core.provenance import code_version
from surface_sos_core.stages.run import Run, model_stamp
from surface_sos_core.wording import counted


def mask_stage(
    run: Run, model: CameraModel, source: MaskSource, box: Box | None, inputs: dict[str, Any]
) -> Consensus:
    """What the coarse masks, given or found, agree on; both are kept."""
    run.stage("masks")
    folder, events = run.folder, run.events
    inputs = {
        **inputs,
        "model": model_stamp(run),
        "settings": run.settings.of_stage("masks"),
        "code": code_version(__name__, "surface_sos_core.masks.sources.request"),
    }
    consensus = run.read_kept(
        "masks", inputs, lambda: read_consensus(folder.consensus, len(run.footage.frames))
    )
    if consensus is None:
        masks = source.find(
            MaskShot(
                run.footage, model, run.cameras, box, run.settings, events.warning, run.progress("frames")
            )
        )
        for note in reasons_told(masks, run.footage):
            events.warning(note)
        voting = run.settings.consensus
        consensus = build_consensus(
            masks,
            run.cameras,
            voting,
            run.settings.thin_parts,
            box,
            run.progress("views"),
            look_of(run.footage, run.settings),
        )
        _warn_of_empty(run, masks)
        if (doubt := contradiction(consensus.agreement, voting)) is not None:
            events.warning(doubt)
        save_consensus(folder.consensus, masks.probability, consensus)
        run.note("masks", inputs)
    run.manifest.box = {**box_to_json(consensus.box), "world_to_box": consensus.box.similarity.tolist()}
    run.save("masks")
    return consensus


def _warn_of_empty(run: Run, masks: CoarseMasks) -> None:
    empty = [run.footage.frames[i].name for i in np.flatnonzero(masks.known & masks.empty)]
    if empty:
        run.events.warning(
            "The object should be seen in "
            f"{counted(len(empty), 'frame whose mask is black, so this counts', 'frames whose masks are black, so these count')} "
            "as unknown: "
            f"{', '.join(empty[:8])}{', ...' if len(empty) > 8 else ''}."
        )
