"""Measures what stabilising gains, and how well the network's own doubt predicts bad frames, on clips and still shots.

A still shot is a clip's first picture repeated, with grain (sigma 6 of 255) and light that varies by 3 %. The true mask
of the first frame is propagated once; the results are then stabilised with each strength.
`cutout study stability DATA --tier standard`
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.propagation.outcome import MatteKind
from ..core.propagation.stabilise import stabilised
from . import metrics
from .flicker import FlickerMeter
from .interval import difference
from .report import bounds
from .walks import Walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.ports import FrameSource
    from ..core.types import Image, Matte

    Mask = NDArray[np.bool_]
    Values = tuple[float, float, float]
    Raw = list[tuple[int, Matte, MatteKind]]

STILL_LENGTH = 24
BAD = 0.7


class StillShot:
    """One picture as a clip in which only grain and light change."""

    def __init__(self, picture: Image, length: int = STILL_LENGTH) -> None:
        self.size = picture.shape[:2]
        self._picture, self._length = picture, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8; the same each time."""
        rng = np.random.default_rng(frame)
        light = 1 + 0.03 * np.sin(frame * 1.7)
        return np.clip(self._picture * light + rng.normal(0, 6, self._picture.shape), 0, 255).astype(np.uint8)


def score(
    raw: Raw, frames: FrameSource, truth: dict[int, Mask], given: int, strength: float
) -> tuple[float, float, float]:
    """Returns mean J, mean F and flicker of results stabilised with a strength; J and F leave out both end frames."""
    region: list[float] = []
    contour: list[float] = []
    meter = FlickerMeter()
    ends = {raw[0][0], raw[-1][0]}
    mattes = {step.frame: step.matte for step in stabilised(iter(raw), frames, strength)}
    for frame in sorted(mattes):
        mask = np.asarray(np.rint(mattes[frame] * 255) > 127)
        if frame != given:
            meter.add(frame, frames[frame], mask, truth.get(frame))
            if frame not in ends and frame in truth:
                region.append(metrics.iou(mask, truth[frame]))
                contour.append(metrics.contour_accuracy(mask, truth[frame]))
    return float(np.mean(region)), float(np.mean(contour)), meter.mean or 0.0


def area_under_curve(values: NDArray[np.float64], bad: NDArray[np.bool_]) -> float:
    """Returns the probability that a bad frame has the lower value; ties count half."""
    low, high = values[bad][:, None], values[~bad][None, :]
    return float((low < high).mean() + 0.5 * (low == high).mean())


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns Spearman's rank correlation."""

    def ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
        _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[place]

    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def table(name: str, strengths: Sequence[float], rows: Sequence[tuple[str, list[Values]]]) -> str:
    """Returns the means for each strength, and the 95 % intervals over clips of the change from the first strength.

    Args:
        name: the table's name.
        strengths: as measured.
        rows: (clip, J, F and flicker for each strength) for each walk.
    """
    lines = [
        f"{name} ({len(rows)})   strength      J      F    J&F  flicker  change   95 %: J&F change, flicker change"
    ]
    means = np.mean([values for _, values in rows], axis=0)
    for n, (strength, (j, f, flicker)) in enumerate(zip(strengths, means, strict=True)):
        change = flicker / means[0][2] - 1 if means[0][2] else 0.0
        line = f"{strength:>20.2f} {j:>7.4f} {f:>6.4f} {(j + f) / 2:>6.4f}  {flicker:.4f} {change:>+7.1%}"
        if n:
            now, first = (_by_clip([(clip, values[at]) for clip, values in rows]) for at in (n, 0))
            for column in (0, 1):
                found = difference(*({clip: pair[column] for clip, pair in side.items()} for side in (now, first)))
                line += f"  {bounds(found.interval if found else None, '+.4f')}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def _by_clip(rows: Sequence[tuple[str, Values]]) -> dict[str, tuple[float, float]]:
    """Returns clip -> (J&F, flicker), the means over its walks."""
    groups: dict[str, list[tuple[float, float]]] = {}
    for clip, (j, f, flicker) in rows:
        groups.setdefault(clip, []).append(((j + f) / 2, flicker))
    return {
        clip: (float(np.mean([v[0] for v in each])), float(np.mean([v[1] for v in each])))
        for clip, each in groups.items()
    }


def _run(engine: Engine, frames: Any, truth: dict[int, Mask], walk: Walk) -> Raw:
    start = {walk.given: truth[walk.given].astype(np.float32)}
    stream = engine.propagate_detailed(frames, start, frame_range=(walk.start, walk.stop))
    with closing(stream):
        return [(frame, matte, kind) for frame, matte, kind in stream]
