"""How well cuts are told: none inside of clips that have none, one where two clips are joined.

`python -m blender_cutout.evaluate.cuts DATA [DATA …]`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.cuts import CutFinder
from ..core.video import read_picture
from .data import find_data

if TYPE_CHECKING:
    from ..core.types import Image

HEAD = 12
"""Frames of each clip in the film of joined clips."""


class Film:
    """Pictures as a clip, of whatever size each has."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, frame: int) -> Image:
        """Frame (H, W, 3) uint8."""
        return read_picture(self._files[frame])


def main(words: Sequence[str] | None = None) -> int:
    """Measures on the given data; every clip is taken to be one shot."""
    parser = argparse.ArgumentParser(prog="python -m blender_cutout.evaluate.cuts", description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="folders with clips")
    args = parser.parse_args(words)
    clips = [s.clip for folder in args.data for s in find_data(folder).sequences]
    pairs = wrong = 0
    joined: list[Path] = []
    joins: list[int] = []
    for clip in clips:
        files = [Path(clip.path) / name for name in clip.files]
        finder = CutFinder(Film(files))
        wrong += sum(finder.between(frame - 1, frame) for frame in range(1, len(files)))
        pairs += len(files) - 1
        joins.append(len(joined))
        joined += files[:HEAD]
    finder = CutFinder(Film(joined))
    found = sum(finder.between(frame - 1, frame) for frame in joins[1:])
    sys.stdout.write(
        f"{wrong} false cuts in {pairs} pairs of {len(clips)} clips; {found} of {len(joins) - 1} joins found\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
