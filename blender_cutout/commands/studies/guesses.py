"""Runs `cutout study guesses`: makes pseudo-labels for unlabelled pictures, with several networks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...compose import load_engine
from ...core.clips.picture import read_picture
from ...core.export import output_files
from ...core.images.matte import to_png
from ...evaluate.guesses import chosen, members
from ...evaluate.peers import OutsideNet
from .. import arguments


def main(words: list[str] | None = None) -> int:
    """Writes GUESSES/<member>/<picture>.png, skipping existing pictures; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="cutout study guesses", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with stills/")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="GUESSES")
    parser.add_argument("--outside", type=Path, required=True, metavar="MODEL.onnx")
    parser.add_argument("--weights", type=arguments.weight_file, action="append", metavar="NAME=FILE")
    parser.add_argument("--labelled", type=int, default=60, help="labelled pictures to guess too (default 60)")
    parser.add_argument("--sets", nargs="+", default=["ccp", "human290"], help="their sets (default ccp human290)")
    args = parser.parse_args(words)
    outside = OutsideNet(args.outside)
    engine = load_engine("standard", "auto", arguments.weights_by_kind(args.weights))
    for name in chosen(args.data / "stills" / "index.csv", args.labelled, args.sets):
        if (args.output / "outside" / f"{name}.png").exists():  # the last one written
            continue
        image = read_picture(args.data / "stills" / "images" / f"{name}.webp")
        for member, matte in members(engine, outside, image):
            output_files.prepare_folder(args.output / member)
            output_files.write_bytes(args.output / member / f"{name}.png", to_png(matte))
    return 0
