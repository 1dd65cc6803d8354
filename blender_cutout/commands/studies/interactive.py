"""Runs `cutout study interactive`: rounds of corrections by a simulated artist, on clips with known masks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ...compose import load_engine
from ...core.errors import InputError
from ...core.export.output_files import write_bytes
from ...core.tiers.table import DEFAULT
from ...evaluate.compare import ROUNDS_ON_CLIPS, Results, compare, comparison_table, name_of
from ...evaluate.data import HALVES, files_of, find_data, fingerprint, half, one_object_clips
from ...evaluate.interactive import ROUNDS, play, table, units
from ...evaluate.robot import CAREFUL
from ...evaluate.sloppy import ROBOTS
from ..arguments import weight_file, weights_by_kind


def main(words: Sequence[str] | None = None) -> int:
    """Runs the measurements; prints one record per round, then the table."""
    parser = argparse.ArgumentParser(prog="cutout study interactive", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with video/")
    parser.add_argument("--tier", default=DEFAULT)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--clips", nargs="*", default=[], help="names of clips (default all)")
    parser.add_argument("--half", choices=HALVES, help="only this half of the clips, see docs/measures.md")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--robot", choices=list(ROBOTS), default=CAREFUL.name, help="the robot (default careful)")
    parser.add_argument("--without-fusion", action="store_true", help="new results replace the old ones")
    parser.add_argument("--weights", type=weight_file, metavar="NAME=FILE", action="append", default=[])
    parser.add_argument("--save", type=Path, metavar="FILE.json", help="write the results for later comparison")
    parser.add_argument("--against", type=Path, metavar="FILE.json", help="compare with results written by --save")
    args = parser.parse_args(words)
    found = find_data(args.data)
    clips = one_object_clips(half(found, args.half) if args.half else found)
    clips = [video for video in clips if not args.clips or video.name in args.clips]
    if not clips:
        raise InputError("There is no clip of that name in the data.", "Leave --clips out.")
    way = f"{args.robot} robot, {args.rounds} rounds"
    identity = {ROUNDS_ON_CLIPS: {video.name: (fingerprint(files_of(video)), way) for video in clips}}
    other = Results.read(args.against) if args.against else None
    if other:
        other.check(identity)
    engine = load_engine(args.tier, args.device, weights_by_kind(args.weights) if args.weights else None)
    scores = []
    for video in clips:
        for score in play(engine, video, args.rounds, not args.without_fusion, robot=ROBOTS[args.robot]):
            scores.append(score)
            record = asdict(score) | {"frames": [round(value, 4) for value in score.frames]}
            sys.stdout.write(json.dumps(record) + "\n")
            sys.stdout.flush()
    sys.stdout.write(table(scores, args.rounds) + "\n")
    ours = Results(name_of(engine), identity, {ROUNDS_ON_CLIPS: units(scores, args.rounds)})
    if args.save:
        write_bytes(args.save, ours.to_json())
    if other:
        pair = compare(ROUNDS_ON_CLIPS, ours.units[ROUNDS_ON_CLIPS], other.units[ROUNDS_ON_CLIPS])
        sys.stdout.write(comparison_table(ROUNDS_ON_CLIPS, (ours.name, other.name), pair) + "\n")
    return 0
