"""How well ends of shots are told: none inside of clips that have none, one where two are joined or go over.

`python -m blender_cutout.evaluate.cuts DATA [DATA …]`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..core.clips.cuts import FLASH, CutFinder
from ..core.clips.fades import FadeFinder
from ..core.clips.source import read_picture
from .data import find_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.ports import FrameSource
    from ..core.types import Image

    Clip: TypeAlias = NDArray[np.uint8]
    """Small pictures (T, h, w, 3)."""

HEAD = 12
"""Frames of each clip in the film of joined clips."""
BEGIN = 5
"""Frames of the first clip before it goes over."""
LENGTHS = (6, 9, 12, 16, 20, 25)
"""Of transitions."""


class Film:
    """Pictures as a clip, of whatever size each has."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, frame: int) -> Image:
        """Frame (H, W, 3) uint8."""
        return read_picture(self._files[frame])


def goes_over(one: Clip, other: Clip, begin: int, length: int, colour: int | None = None) -> Clip:
    """A film of two clips (T, h, w, 3), of which the first one goes over into the second one, while both move on.

    Args:
        one: the first clip.
        other: the second one.
        begin: frames of the first one before that.
        length: frames that it takes; through a colour twice as many and three more.
        colour: grey from 0 to 255; None = they are mixed.
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
    """Each clip going over into the next one, in each length and kind: (kind, length, whether that was noticed)."""
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
    """The first of these frames at which someone who walks over them stops, None = none."""
    cuts = CutFinder(film)
    fades = FadeFinder(cuts)
    start = frames.start - frames.step
    return next((f for f in frames if cuts.between(f - frames.step, f) or fades.behind(start, f)), None)


def main(words: Sequence[str] | None = None) -> int:
    """Measures on the given data; every clip is taken to be one shot."""
    parser = argparse.ArgumentParser(prog="python -m blender_cutout.evaluate.cuts", description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="folders with clips")
    args = parser.parse_args(words)
    clips = [s.clip for folder in args.data for s in find_data(folder).sequences]
    pairs = wrong = 0
    joined: list[Path] = []
    joins: list[int] = []
    smalls: list[Clip] = []
    halted = 0
    for clip in clips:
        files = [Path(clip.path) / name for name in clip.files]
        finder = CutFinder(Film(files))
        smalls.append(np.stack([finder.picture(frame) for frame in range(len(files))]))
        ways = range(1, len(files)), range(len(files) - 2, -1, -1)
        halted += sum(first_border(smalls[-1], way) is not None for way in ways)
        wrong += sum(finder.between(frame - 1, frame) for frame in range(1, len(files)))
        pairs += len(files) - 1
        joins.append(len(joined))
        joined += files[:HEAD]
    finder = CutFinder(Film(joined))
    found = sum(finder.between(frame - 1, frame) for frame in joins[1:])
    sys.stdout.write(
        f"{wrong} false cuts in {pairs} pairs of {len(clips)} clips; {found} of {len(joins) - 1} joins found\n"
    )
    sys.stdout.write(f"{halted} of {2 * len(clips)} walks over a whole clip, forward and backward, stopped\n")
    noticed: dict[str, list[bool]] = {}
    for kind, length, found in transitions(smalls, LENGTHS):
        for name in (kind, f"{kind} in {length} frames"):
            noticed.setdefault(name, []).append(found)
    for name, each in noticed.items():
        sys.stdout.write(f"{sum(each)} of {len(each)} {name} noticed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
