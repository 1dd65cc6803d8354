"""Makes the films for `act_speed`: a textured object over a textured background. Run by the engine's Python.

Arguments: file, size as a multiple of 1920×1080, number of frames.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from blender_cutout.core.export.movie_writer import MovieWriter  # noqa: E402

SIZE = (1080, 1920)
LENGTH = 24


def main(path: Path, times: int = 1, length: int = LENGTH) -> None:
    """Writes the film."""
    chance = np.random.default_rng(5)
    height, width = SIZE
    size = (times * height, times * width)
    ground = cv2.GaussianBlur(chance.integers(40, 130, (height, width + 200, 3)).astype(np.float32), (0, 0), 9)
    ground = cv2.normalize(ground, None, 30, 150, cv2.NORM_MINMAX)
    coat = cv2.normalize(
        cv2.GaussianBlur(chance.random((height, width, 3), np.float32), (0, 0), 5), None, 0, 60, cv2.NORM_MINMAX
    )
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    with MovieWriter(path, size, 25.0) as movie:
        for frame in range(length):
            x, y = 540 + 20 * frame, 480 + 5 * frame
            turn = np.arctan2(rows - y, columns - x)
            reach = 230 + 50 * np.cos(3 * turn + frame / 6)
            inside = np.clip((reach - np.hypot(columns - x, rows - y)) / 2, 0, 1)[..., None]
            thing = coat + np.array([170.0, 120.0, 40.0], np.float32)
            picture = ground[:, 3 * frame : 3 * frame + width] * (1 - inside) + thing * inside
            movie.write(cv2.resize(np.clip(picture, 0, 255).astype(np.uint8), size[::-1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
