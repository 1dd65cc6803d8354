"""Runs `cutout study edges`: errors of refined edges where alpha is known, ghosts and flicker on clips."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...compose import load_engine
from ...core.edges.settings import EdgeSettings
from ...core.export.output_files import write_bytes
from ...core.export.picture_files import png
from ...evaluate.data import find_data, one_object_clips
from ...evaluate.edge_errors import edge_table, measure_clip, measure_edges, read_edge_pictures
from ...evaluate.edge_sheet import edge_sheet
from ...evaluate.edge_times import time_edges
from ..arguments import number, positive, weight_file, weights_by_kind

RAW, REFINED = "mask", "refined"


def main(words: Sequence[str] | None = None) -> int:
    """Measures every picture as it is and refined, and writes a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="cutout study edges", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with images, mask, alpha, foreground and kinds.txt")
    parser.add_argument("--detail", type=number(0, 1), default=1.0, help="of the edge (default 1)")
    parser.add_argument("--decontaminate", type=number(0, 1), default=1.0, help="of its colours (default 1)")
    parser.add_argument("--width", type=number(0, 100), default=0.0, help="of the band, 0 = automatic (default)")
    parser.add_argument(
        "--weights", type=weight_file, metavar="edge=FILE", action="append", help="another network's weights"
    )
    parser.add_argument("-o", "--output", type=Path, help="records of every picture as JSON lines")
    parser.add_argument("--video", type=Path, help="also measure ghosts, flicker and J&F on the clips of this folder")
    parser.add_argument("--masks", type=Path, help="their propagated masks, CLIP/000000.png …; required with --video")
    parser.add_argument("--every", type=positive, default=1, help="use only every n-th frame of a clip (default 1)")
    parser.add_argument(
        "--time", action="store_true", help="also time a 1080p frame against PyMatting's closed form, if installed"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="also write crops over green, black and white")
    args = parser.parse_args(words)
    if (args.video is None) != (args.masks is None):
        parser.error("--video and --masks go together")
    settings = EdgeSettings(detail=args.detail, decontaminate=args.decontaminate, width=args.width)
    engine = load_engine("standard", "cpu", weights_by_kind(args.weights))
    if args.time:
        alpha_only = replace(settings, decontaminate=0.0)
        sys.stdout.write(time_edges(lambda image, matte: engine.refine_edge(image, matte, alpha_only)[0]).text() + "\n")
    pictures = list(read_edge_pictures(args.data))
    ways = {
        RAW: lambda image, matte: (matte, image),
        REFINED: lambda image, matte: engine.refine_edge(image, matte, settings),
    }
    records = measure_edges(pictures, ways)
    if args.output:
        args.output.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    if args.sheet:
        write_bytes(args.sheet, png(edge_sheet(pictures, ways[RAW], ways[REFINED])))
    sys.stdout.write(edge_table(records, RAW) + "\n")
    for kind in dict.fromkeys(record["kind"] for record in records):
        sys.stdout.write(f"\n{kind}\n{edge_table([r for r in records if r['kind'] == kind], RAW)}\n")
    for video in one_object_clips(find_data(args.video)) if args.video else ():
        record = measure_clip(video, args.masks / video.name, ways[REFINED], args.every)
        if record is not None:
            cells = [f"{k} {v[0]:.4g} -> {v[1]:.4g}" for k, v in record.items() if isinstance(v, tuple)]
            sys.stdout.write(f"{record['clip']}, {record['frames']} frames: {', '.join(cells)}\n")
    return 0
