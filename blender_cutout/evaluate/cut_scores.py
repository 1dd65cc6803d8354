"""Scores cut detection: no false cuts inside a shot, and one wherever two shots are joined or blend.

`cutout study cuts DATA [DATA …]`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..core.clips.cuts import FLASH, CutFinder
from ..core.clips.fades import FadeFinder
from ..core.clips.picture import read_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.ports import FrameSource
    from ..core.types import Image

    Clip: TypeAlias = NDArray[np.uint8]
    """Small pictures (T, h, w, 3)."""

HEAD = 12
"""Frames of each clip in the film of joined clips."""
BEGIN = 5
"""Frames of the first clip before the transition."""
LENGTHS = (6, 9, 12, 16, 20, 25)
"""Lengths of transitions in frames."""


class Film:
    """Pictures as a clip, each of any size."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8."""
        return read_picture(self._files[frame])


def goes_over(one: Clip, other: Clip, begin: int, length: int, colour: int | None = None) -> Clip:
    """Returns a film of two clips (T, h, w, 3) with a transition from the first to the second, while both keep moving.

    Args:
        one: the first clip.
        other: the second clip.
        begin: frames of the first clip before the transition.
        length: frames of the transition; twice as many and three more if it goes through a colour.
        colour: grey value of the colour, 0 to 255; None = the clips dissolve.
    """
    share = ((np.arange(length, dtype=np.float32) + 1) / (length + 1))[:, None, None, None]
    fading, coming = one[begin : begin + length], other[:length]
    if colour is None:
        between = [fading * (1 - share) + coming * share]
    else:
        blank = np.full((3, *one.shape[1:]), colour, np.float32)
        between = [fading * (1 - share) + colour * share, blank, coming * share + colour * (1 - share)]
    film = np.concatenate([one[:begin], *between, other[length : length + FLASH]])
    return np.clip(np.rint(film), 0, 255).astype(np.uint8)


def transitions(clips: Sequence[Clip], lengths: Sequence[int]) -> Iterator[tuple[str, int, bool]]:
    """Yields (kind, length, whether it was noticed) for transitions between clips, in all kinds and lengths."""
    for number, one in enumerate(clips):
        for length in lengths:
            # The next clip that is long enough, so that no frame stands still.
            others = [*clips[number + 1 :], *clips[:number]]
            other = next((c for c in others if len(c) >= length + FLASH and c.shape[1:] == one.shape[1:]), None)
            if other is None or len(one) < BEGIN + length:
                continue
            for kind, colour in (("dissolves", None), ("fades to black", 0), ("fades to white", 255)):
                film = goes_over(one, other, BEGIN, length, colour)
                yield kind, length, first_border(film, range(1, len(film))) is not None


def first_border(film: FrameSource | Clip, frames: range) -> int | None:
    """Returns the first of these frames at which a walk over them stops; None if there is none."""
    cuts = CutFinder(film)
    fades = FadeFinder(cuts)
    start = frames.start - frames.step
    return next((f for f in frames if cuts.between(f - frames.step, f) or fades.behind(start, f)), None)
