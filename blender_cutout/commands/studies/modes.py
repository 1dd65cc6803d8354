"""Runs `cutout study modes`: measures the automatic modes on pictures that are never trained on."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...compose import held_out_pictures, load_engine
from ...evaluate.interval import interval
from ...evaluate.modes import MODES, ModeScore, scores
from .. import arguments


def main(words: Sequence[str] | None = None) -> int:
    """Prints IoU by mode and set, and how often something was found where there is none."""
    parser = argparse.ArgumentParser(prog="cutout study modes", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with stills/ and stills-2/")
    parser.add_argument("--cache", type=Path, required=True, help="where the decoded pictures go")
    parser.add_argument("--clothing", type=Path, help="class maps of clothing co-parsing, as for training")
    parser.add_argument("--weights", type=arguments.weight_file, action="append", metavar="automatic=FILE")
    parser.add_argument("--tier", default="standard")
    parser.add_argument("--most", type=int, default=0, help="most pictures of a set (default all)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.json", help="also write each picture's score")
    args = parser.parse_args(words)
    engine = load_engine(args.tier, "cpu", arguments.weights_by_kind(args.weights))
    found = list(scores(engine, held_out_pictures(args.data, args.cache, args.clothing, args.most)))
    for mode in MODES:
        _print(mode, "all sets", [score for score in found if score.mode == mode])
        for name in sorted({score.set for score in found}):
            _print(mode, name, [score for score in found if (score.mode, score.set) == (mode, name)])
    if args.output is not None:
        args.output.write_text(json.dumps([score._asdict() for score in found], indent=1), encoding="utf-8")
    return 0


def _print(mode: str, name: str, found: list[ModeScore]) -> None:
    there = [score.iou for score in found if not math.isnan(score.iou)]
    none = [score.false for score in found if math.isnan(score.iou)]
    text = f"{mode:<7} {name:<16}"
    if there:
        low, high = interval(there) or (there[0], there[0])
        text += f" IoU {np.mean(there):.3f} ({low:.3f} to {high:.3f}), {len(there)} pictures"
    if none:
        text += f" found in {sum(none)} of {len(none)} without any"
    if found:
        sys.stdout.write(text + "\n")
