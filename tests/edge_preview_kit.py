"""Helpers for tests of refined edges in the preview."""

from __future__ import annotations

import time
from typing import Any

import numpy as np


def shown(scene: Any) -> np.ndarray:
    """The mask that the overlay would show now, in 255ths."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.ui import mask_layers

    (layer,), _ = mask_layers.find_layers(scene)
    return np.asarray(read_grey(layer.files[0]))


def settle() -> None:
    """Does what Blender's timers do, until nothing is under way."""
    from blender_cutout.tasks import edge_preview, jobs

    deadline = time.monotonic() + 60
    while edge_preview.previews.busy or jobs.queue.asking or jobs.queue.jobs:
        edge_preview.previews.step()
        jobs.step()
        assert time.monotonic() < deadline
        time.sleep(0.002)
