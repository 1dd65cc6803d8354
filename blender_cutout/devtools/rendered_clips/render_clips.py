"""Renders training clips, with a Blender's Python: `python render_clips.py FOLDER COUNT SEED [FOLDER OF PICTURES …]`.

Each clip is a folder `rendered__SEED_NUMBER` with `frames/*.jpg` and `masks/*.png` (ids in a palette, 255 = unknown).
Finished clips stay, so an interrupted run continues. The same seed gives the same clips on the same machine.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from numpy.typing import NDArray

from blender_cutout.devtools.progress_lines import progress, tell
from blender_cutout.devtools.rendered_clips import checks, clip
from blender_cutout.devtools.rendered_clips.palette_png import palette_png

FRAMES = 8
ATTEMPTS = 12
"""Scenes tried for a clip before giving up."""

KINDS = (".webp", ".jpg", ".jpeg", ".png")


def main(folder: Path, count: int, seed: int, pictures: Sequence[Path]) -> None:
    """Renders those of the first `count` clips that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    made, began = 0, time.process_time()
    for number in range(count):
        progress("Rendering clips", number + 1, count)
        target = folder / f"rendered__{seed}_{number:05d}"
        if not target.exists():
            made += make(target, (seed, number), pictures)
    spent = time.process_time() - began
    tell(f"{made} new clips, {spent / max(made, 1):.1f} s of processor time each.")


def photographs(folders: Sequence[Path]) -> list[Path]:
    """Returns the picture files in folders and below them, except in folders of masks."""
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in KINDS and "masks" not in path.parts
    )


def make(
    target: Path,
    seed: Sequence[int],
    pictures: Sequence[Path],
    frames: int = FRAMES,
    sizes: tuple[tuple[int, int], ...] = clip.SIZES,
) -> bool:
    """Renders one clip into a folder, whole or not at all; returns whether a scene was good enough.

    Args:
        target: folder of the clip.
        seed: of all randomness.
        pictures: photographs that serve as textures.
        frames: number of frames.
        sizes: widths and heights to choose from.
    """
    part = target.with_name(f".part-{target.name}")
    try:
        for attempt in range(ATTEMPTS):
            shutil.rmtree(part, ignore_errors=True)
            for name in ("frames", "masks"):
                (part / name).mkdir(parents=True)
            scene = clip.build((*seed, attempt), pictures, frames, sizes)
            masks = clip.render_masks(scene, part)
            objects = checks.worthwhile(masks, scene.objects)
            if not objects:
                continue
            shots = clip.render_pictures(scene, part / "frames")
            objects = checks.visible(shots, masks, objects)
            if objects and checks.is_exposed(shots):
                _write(part / "masks", masks, objects)
                part.rename(target)
                return True
        return False
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(folder: Path, masks: Sequence[NDArray[np.uint8]], objects: Sequence[int]) -> None:
    """Writes the masks of the chosen objects, numbered from 1."""
    table = np.zeros(256, np.uint8)
    table[clip.UNKNOWN] = clip.UNKNOWN
    for number, identity in enumerate(objects, 1):
        table[identity] = number
    for frame, mask in enumerate(masks):
        (folder / f"{frame:05d}.png").write_bytes(palette_png(table[mask]))


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    main(Path(words[0]), int(words[1]), int(words[2]), photographs([Path(word) for word in words[3:]]))
