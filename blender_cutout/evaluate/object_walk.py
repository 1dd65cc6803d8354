"""Scores one object over the frames of one walk: region, contour, flicker, and what remains while it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import metrics
from .flicker import FlickerMeter
from .scores import ObjectScore
from .sheet import Row, Worst

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.types import Image, Matte

    Mask = NDArray[np.bool_]

PARTS = 6
"""Number of parts into which a clip is divided; each shows its worst frame."""


class ObjectWalk:
    """Scores an object's mattes in the order in which they are made.

    Args:
        title: of clip and object, for the contact sheet.
        given: the true mask (H, W) on the start frame.
        length: frames of the clip.
        steady: whether to measure flicker.
    """

    def __init__(self, title: str, given: Mask, length: int, steady: bool) -> None:
        self._title, self._length = title, length
        self._region: dict[int, float] = {}
        self._contour: list[float] = []
        self._flicker = FlickerMeter() if steady else None
        self._lowest: dict[int, tuple[float, Row]] = {}
        self._areas = [int(np.count_nonzero(given))]
        self._ghosts: list[float] = []
        self._back: list[int] = []

    def add(self, frame: int, image: Image, matte: Matte, known: tuple[Mask, Mask] | None, scored: bool) -> None:
        """Compares a matte (H, W) with the (object, counted) pixels (H, W) of its frame; None = it has no mask."""
        mask = metrics.as_mask(matte)
        if self._flicker is not None:
            self._flicker.add(frame, image, mask, known[0] if known else None)
        if known is None:
            return
        counted = known[1]
        mask, truth = mask & counted, known[0] & counted
        self._follow(frame, mask, truth)
        if not scored:
            return
        j, f = metrics.iou(mask, truth), metrics.contour_accuracy(mask, truth)
        self._region[frame] = j
        self._contour.append(f)
        score = (j + f) / 2
        # One frame per part of the clip: neighbours fail alike, and would show nothing new.
        part = PARTS * frame // self._length
        if part not in self._lowest or score < self._lowest[part][0]:
            text = f"frame {frame} of {self._length}: J {j:.2f} F {f:.2f} J&F {score:.2f}"
            self._lowest[part] = score, Row(self._title, text, image, truth, matte, counted=counted)

    @property
    def scored(self) -> bool:
        """True if any frame was scored."""
        return bool(self._region)

    def offer(self, worst: Worst) -> None:
        """Offers the worst frames to a contact sheet."""
        for score, row in self._lowest.values():
            worst.offer(score, row)

    def score(self, name: str) -> ObjectScore:
        """Returns the object's score under that name."""
        region = list(self._region.values())
        again = [self._region[f] for f in self._back if f in self._region]
        return ObjectScore(
            name,
            float(np.mean(region)),
            float(np.mean(self._contour)),
            metrics.decay(region),
            self._flicker.mean if self._flicker is not None else None,
            float(np.mean(self._ghosts)) if self._ghosts else None,
            float(np.mean(again)) if again else None,
        )

    def _follow(self, frame: int, mask: Mask, truth: Mask) -> None:
        area = int(np.count_nonzero(truth))
        if area == 0:
            self._ghosts.append(float(np.count_nonzero(mask) / np.median(self._areas)))
        elif self._ghosts:
            self._back.append(frame)
        else:
            self._areas.append(area)
