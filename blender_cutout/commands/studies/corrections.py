"""Runs `cutout study corrections`: what a correction gains, with several ways of fusing it, on known masks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ...compose import load_networks, settings_of
from ...core.tiers.table import find_tier
from ...evaluate.corrections import FAULTS, _table, measure_correction
from ...evaluate.data import find_data, one_object_clips
from ..arguments import weight_file, weights_by_kind


def main(words: Sequence[str] | None = None) -> int:
    """Runs the measurements; writes one record per case, then a table."""
    parser = argparse.ArgumentParser(prog="cutout study corrections", description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="folder with video/")
    parser.add_argument("--tier", default="standard")
    parser.add_argument("--clips", nargs="*", default=[], help="names of clips (default all)")
    parser.add_argument("--keyframes", nargs="*", type=int, default=[20, 40])
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("-o", "--output", type=Path, help="append the records to this file, as JSON lines")
    parser.add_argument(
        "--weights",
        type=weight_file,
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="a checkpoint or .safetensors instead of released weights; NAME is propagation",
    )
    parser.add_argument("--table", type=Path, help="measure nothing, print the table of such a file")
    args = parser.parse_args(words)
    if args.table:
        sys.stdout.write(_table([json.loads(line) for line in args.table.read_text().splitlines()]) + "\n")
        return 0
    if args.data is None:
        parser.error("give the data folder")
    tier = find_tier(args.tier)
    networks = load_networks(tier, "cpu", weights_by_kind(args.weights))
    records = []
    for video in one_object_clips(find_data(args.data)):
        for fault in args.faults if not args.clips or video.name in args.clips else ():
            for record in measure_correction(
                networks.propagation, video, args.keyframes, fault, settings_of(tier).propagation
            ):
                records.append(record)
                if args.output:
                    with args.output.open("a") as out:
                        out.write(json.dumps(record) + "\n")
    sys.stdout.write(_table(records) + "\n")
    return 0
