"""A clip with known masks, on disk as `cutout evaluate` expects it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.evaluate.data import Sequence, find_data


def written_clip(root: Path, length: int) -> Sequence:
    """Writes the synthetic clip with frames and masks under `root`/video/disc."""
    clip = SyntheticClip(length=length)
    for name in ("frames", "masks"):
        (root / "video" / "disc" / name).mkdir(parents=True)
    for frame in range(len(clip)):
        cv2.imwrite(str(root / f"video/disc/frames/{frame:05d}.png"), clip[frame][..., ::-1])
        cv2.imwrite(str(root / f"video/disc/masks/{frame:05d}.png"), (clip.matte(frame) * 255).astype(np.uint8))
    return find_data(root).sequences[0]
