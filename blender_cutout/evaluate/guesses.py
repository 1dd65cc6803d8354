"""Makes first guesses of the foreground by several networks, as input for pseudo-labels.

    cutout study guesses DATA -o GUESSES --outside u2netp.onnx [--weights scribble=last.pt]

The members are our network, the same on the mirrored picture, and a third-party network; each has a folder of grey
pictures. They guess all unlabelled pictures and some labelled ones, on which `models.training.pseudo` learns how to
combine the members best.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

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
    """Returns the names of some labelled pictures of the given sets of an index, and of all unlabelled ones."""
    with index.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    known = [r["name"] for r in rows if r["kind"] == "object" and r["set"] in sets]
    order = np.random.default_rng(0).permutation(len(known))[:labelled]
    return [known[i] for i in order] + [r["name"] for r in rows if r["kind"] == "unlabelled"]
