"""Runs `cutout study cuts`: counts detected cuts, dissolves and fades, and false alarms, on training clips."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.clips.cuts import CutFinder
from ...evaluate.cut_scores import HEAD, LENGTHS, Film, first_border, transitions
from ...evaluate.data import find_data

if TYPE_CHECKING:
    from ...evaluate.cut_scores import Clip


def main(words: Sequence[str] | None = None) -> int:
    """Runs the measurements; each clip is assumed to be one shot."""
    parser = argparse.ArgumentParser(prog="cutout study cuts", description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="folders with clips")
    args = parser.parse_args(words)
    clips = [s.clip for folder in args.data for s in find_data(folder).sequences]
    pairs = wrong = 0
    joined: list[Path] = []
    joins: list[int] = []
    smalls: list[Clip] = []
    stopped = 0
    for clip in clips:
        files = [Path(clip.path) / name for name in clip.files]
        finder = CutFinder(Film(files))
        smalls.append(np.stack([finder.picture(frame) for frame in range(len(files))]))
        ways = range(1, len(files)), range(len(files) - 2, -1, -1)
        stopped += sum(first_border(smalls[-1], way) is not None for way in ways)
        wrong += sum(finder.between(frame - 1, frame) for frame in range(1, len(files)))
        pairs += len(files) - 1
        joins.append(len(joined))
        joined += files[:HEAD]
    finder = CutFinder(Film(joined))
    found = sum(finder.between(frame - 1, frame) for frame in joins[1:])
    sys.stdout.write(
        f"{wrong} false cuts in {pairs} pairs of {len(clips)} clips; {found} of {len(joins) - 1} joins found\n"
    )
    sys.stdout.write(f"{stopped} of {2 * len(clips)} walks over a whole clip, forward and backward, stopped\n")
    noticed: dict[str, list[bool]] = {}
    for kind, length, found in transitions(smalls, LENGTHS):
        for name in (kind, f"{kind} in {length} frames"):
            noticed.setdefault(name, []).append(found)
    for name, each in noticed.items():
        sys.stdout.write(f"{sum(each)} of {len(each)} {name} noticed\n")
    return 0
