"""Compares a propagated mode with one that is recomputed on every k-th frame and fused with the propagated mask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.ports import FrameSource
    from ..core.types import Image, Matte

    Mask = NDArray[np.bool_]
    Known = Mapping[int, tuple[Mask, Mask]]
    """Frame -> object and counted pixels, each (H, W)."""
    Point = tuple[float, float]

ALIKE = 0.5
"""IoU from which a recomputed mask is the same thing as the propagated one."""


class Drift(NamedTuple):
    """Mean IoU on the frames of a clip whose truth is known, but its first.

    Attributes:
        propagated: the mode on the first frame, propagated.
        fused: the same, and every k-th frame is a keyframe: of the sky recomputed, of all else the mean of both where
            they agree.
        recomputed: every frame by itself.
    """

    propagated: float
    fused: float
    recomputed: float


class BackAndForth:
    """A clip played forwards and backwards until it is long enough: as a longer one, whose truth is known."""

    def __init__(self, frames: Any, length: int) -> None:
        self._frames, self._length = frames, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, frame: int) -> Image:
        if not 0 <= frame < self._length:
            raise IndexError(frame)
        image: Image = self._frames[self.place(frame)]
        return image

    def place(self, frame: int) -> int:
        """Returns the frame of the short clip that is shown."""
        last = len(self._frames) - 1
        there = frame % (2 * last) if last else 0
        return last - abs(last - there)


def drift(engine: Engine, frames: FrameSource, truth: Known, mode: str, every: int) -> Drift:
    """Returns how well a mode lasts through a clip.

    Args:
        engine: finds and propagates.
        frames: the clip.
        truth: of the first frame too; a person or head is looked for in its middle.
        mode: one of `AUTO_MODES`.
        every: k.
    """
    first = engine.automatic(frames[0], mode, _middle(truth[0][0]))
    plain = dict(engine.propagate(frames, {0: first}, stability=0.0))
    keyframes = {0: first}
    for frame in range(every, len(frames), every):
        again = engine.automatic(frames[frame], mode, _middle(plain[frame]))
        if mode == "sky":  # there is only one: nothing to take it for
            keyframes[frame] = again
        elif metrics.iou(plain[frame] > 0.5, again > 0.5) >= ALIKE:
            keyframes[frame] = np.asarray((plain[frame] + again) / 2, np.float32)
    fused = dict(engine.propagate(frames, keyframes, stability=0.0))
    alone = {frame: engine.automatic(frames[frame], mode, _middle(fused[frame])) for frame in truth if frame}
    return Drift(*(_mean(found, truth) for found in (plain, fused, alone)))


def _mean(found: Mapping[int, Matte], truth: Known) -> float:
    later = [(found[frame] > 0.5, *known) for frame, known in truth.items() if frame]
    return float(np.mean([metrics.iou(mask & counted, inside & counted) for mask, inside, counted in later]))


def _middle(matte: Matte | Mask) -> Point | None:
    ys, xs = np.nonzero(matte > 0.5)
    return (float(np.median(xs)) + 0.5, float(np.median(ys)) + 0.5) if len(xs) else None


def stretches(pictures: Iterable[Any]) -> dict[str, list[Any]]:
    """Returns the held-out pictures of driving films whose sky is known, by film and stretch, in order."""
    found: dict[str, list[Any]] = {}
    for picture in pictures:
        if picture.set == "camvid701" and picture.known["sky"].mean() > 0.5:
            film, _, number = picture.name.rpartition("_")
            count = int("".join(filter(str.isdigit, number)) or 0)
            found.setdefault(f"{film} {count // 1200}", []).append((count, picture))
    ordered = {name: sorted(group, key=lambda pair: int(pair[0])) for name, group in sorted(found.items())}
    return {name: [picture for _, picture in group] for name, group in ordered.items()}
