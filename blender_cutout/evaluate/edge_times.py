"""Times refining an edge against PyMatting's closed form, on the same band of the same large picture."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ..core.edges.band import find_band, most_width
from ..core.errors import InputError

if TYPE_CHECKING:
    from ..core.types import Image, Matte

SIZE_HW = (1080, 1920)
OUTLINE_PX = 3000
_LOBES, _DEPTH = 9, 0.12


class EdgeTimes(NamedTuple):
    """Processor seconds of a picture: the network's alpha, the closed form's, and the band's share of the picture."""

    ours: float
    closed_form: float
    band: float

    def text(self) -> str:
        """Returns the times as a line."""
        return (
            f"{SIZE_HW[1]} x {SIZE_HW[0]}, outline {OUTLINE_PX} px, band {100 * self.band:.1f} % of the picture: ours "
            f"{self.ours:.2f} s of processor time, closed form {self.closed_form:.1f} s, "
            f"{self.closed_form / self.ours:.0f} times as long"
        )


def time_edges(alpha_of: Callable[[Image, Matte], Matte], repeats: int = 3) -> EdgeTimes:
    """Returns the times, ours the best of several.

    Args:
        alpha_of: returns the refined alpha (H, W) of a picture (H, W, 3) uint8 and its matte (H, W).
        repeats: how often ours is timed; the closed form, which takes minutes, once.

    Raises:
        InputError: PyMatting is not installed.
    """
    try:
        from pymatting import estimate_alpha_cf
    except ImportError as error:
        raise InputError("PyMatting is not installed.", "Run: pip install pymatting") from error
    image, matte = timed_picture()
    band = find_band(matte, most_px=most_width(matte.shape))
    trimap = np.where(band.open, 0.5, band.solid).astype(np.float64)
    scaled = image / 255.0
    small = np.s_[:64, :64]
    estimate_alpha_cf(scaled[small], np.tile(np.linspace(0, 1, 64), (64, 1)).round(1))  # compiles it
    alpha_of(image, matte)  # loads the network
    ours = min(_seconds(lambda: alpha_of(image, matte)) for _ in range(repeats))
    return EdgeTimes(ours, _seconds(lambda: estimate_alpha_cf(scaled, trimap)), float(band.open.mean()))


def timed_picture() -> tuple[Image, Matte]:
    """Returns a picture `SIZE_HW` of an object with an outline of about `OUTLINE_PX`, and its rough matte."""
    height, width = SIZE_HW
    angle = np.linspace(0, 2 * math.pi, 3600)
    bumps = 1 + _DEPTH * np.sin(_LOBES * angle)
    length = float(np.hypot(np.diff(bumps * np.cos(angle)), np.diff(bumps * np.sin(angle))).sum())
    ys, xs = np.mgrid[:height, :width].astype(np.float32) - np.array((height / 2, width / 2), np.float32)[:, None, None]
    rim = OUTLINE_PX / length * (1 + _DEPTH * np.sin(_LOBES * np.arctan2(ys, xs)))
    inside = rim - np.hypot(ys, xs)
    alpha, matte = (np.clip(inside / px + 0.5, 0, 1).astype(np.float32) for px in (3, 12))
    rng = np.random.default_rng(1)
    front, back = (
        cv2.resize(rng.integers(*bounds, (height // 8, width // 8, 3), np.uint8), (width, height)).astype(np.float32)
        for bounds in ((90, 256), (0, 160))
    )
    return np.rint(back + alpha[..., None] * (front - back)).astype(np.uint8), matte


def _seconds(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin
