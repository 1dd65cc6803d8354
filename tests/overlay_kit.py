"""What the tests of the mask overlay share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np


def cut(bpy: Any, *steps: str) -> None:
    for step in ("new", "apply_strokes", *steps):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}


def shown(scene: Any) -> np.ndarray | None:
    """The mask that the overlay would show now, (H, W) in [0, 1]."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.ui import mask_layers

    found, _ = mask_layers.find_layers(scene)
    return read_grey(found[0].files[0]) / 255 if found else None


def mask_file(scene: Any) -> Path:
    """The file of the only mask that the overlay would show now."""
    from blender_cutout.ui import mask_layers

    (layer,), _ = mask_layers.find_layers(scene)
    (path,) = layer.files
    return path


def texture(overlay: Any, *paths: Path, patience: float = 60.0, **more: Any) -> Any:
    """What the overlay shows of masks after at most some seconds."""
    overlay._until = time.monotonic() + patience
    return overlay._texture(*paths, **more)[0]
