"""Films of landscapes, for tests that detect the end of a shot."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = (120, 200)


def scenery(seed: int, tint: tuple[float, float, float]) -> np.ndarray:
    """Returns a picture like a landscape, wider than a frame: clouds of several sizes in one tint."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.random((n, 4 * n)).astype(np.float32), (1600, 400)) * 100 / n**0.3 for n in (4, 12, 40)]
    return np.clip(np.stack([sum(layers) * t for t in tint], axis=-1), 0, 255).astype(np.uint8)


FIRST, SECOND = scenery(1, (1.2, 0.9, 0.5)), scenery(2, (0.4, 0.7, 1.1))


class Film:
    """Returns frames, each given by (scenery, left edge), and a gain and an offset of the light."""

    size = SIZE

    def __init__(
        self, shots: list[tuple[np.ndarray, int]], light: dict[int, tuple[float, float]] | None = None
    ) -> None:
        self.shots, self.light = shots, light or {}

    def __len__(self) -> int:
        return len(self.shots)

    def __getitem__(self, frame: int) -> np.ndarray:
        wide, left = self.shots[frame]
        gain, offset = self.light.get(frame, (1.0, 0.0))
        image = wide[100 : 100 + SIZE[0], left : left + SIZE[1]].astype(np.float32) * gain + offset
        return np.clip(image, 0, 255).astype(np.uint8)
