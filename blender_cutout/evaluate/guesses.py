"""Writes what several networks take for the foreground of the training data's pictures: food for pseudo-labels.

    python -m blender_cutout.evaluate.guesses DATA -o GUESSES --outside u2netp.onnx [--weights scribble=last.pt]

The members are our network, the same on the mirrored picture, and a network from elsewhere; each has a folder of grey
pictures. Guessed are all unlabelled pictures and some labelled ones, on which `models.training.pseudo` finds out how to
combine the members best.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..commands import arguments, files
from ..compose import load_engine
from ..core.clips.source import read_picture
from ..core.images.matte import to_png
from .peers import OutsideNet

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..core.types import Image, Matte


def members(engine: Engine, outside: OutsideNet, image: Image) -> Iterator[tuple[str, Matte]]:
    """Yields (member, matte (H, W)) of a picture's foreground."""
    yield "ours", engine.foreground(image)
    yield "ours-mirrored", np.ascontiguousarray(engine.foreground(np.ascontiguousarray(image[:, ::-1]))[:, ::-1])
    yield "outside", outside.foreground(image)


def chosen(index: Path, labelled: int, sets: list[str]) -> list[str]:
    """Names of so many labelled pictures of the given sets of an index, then of all unlabelled ones."""
    with index.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    known = [r["name"] for r in rows if r["kind"] == "object" and r["set"] in sets]
    order = np.random.default_rng(0).permutation(len(known))[:labelled]
    return [known[i] for i in order] + [r["name"] for r in rows if r["kind"] == "unlabelled"]


def main(words: list[str] | None = None) -> int:
    """Writes GUESSES/<member>/<picture>.png; pictures that are there already are passed over; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with stills/")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="GUESSES")
    parser.add_argument("--outside", type=Path, required=True, metavar="MODEL.onnx")
    parser.add_argument("--weights", type=arguments.weight_file, action="append", metavar="NAME=FILE")
    parser.add_argument("--labelled", type=int, default=60, help="labelled pictures to guess too (default 60)")
    parser.add_argument("--sets", nargs="+", default=["ccp", "human290"], help="of these sets (default ccp human290)")
    args = parser.parse_args(words)
    outside = OutsideNet(args.outside)
    engine = load_engine("standard", "auto", arguments.weights_by_kind(args.weights))
    for name in chosen(args.data / "stills" / "index.csv", args.labelled, args.sets):
        if (args.output / "outside" / f"{name}.png").exists():  # the last one written
            continue
        image = read_picture(args.data / "stills" / "images" / f"{name}.webp")
        for member, matte in members(engine, outside, image):
            files.prepare_folder(args.output / member)
            files.write_bytes(args.output / member / f"{name}.png", to_png(matte))
    return 0


if __name__ == "__main__":
    sys.exit(main())
