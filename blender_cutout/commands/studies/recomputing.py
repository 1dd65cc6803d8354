"""Runs `cutout study recomputing`: whether a mode lasts longer when it is recomputed on every k-th frame."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compose import held_out_pictures, load_engine
from ...core.clips.opening import open_clip
from ...evaluate.data import find_data, read_objects
from ...evaluate.interval import interval
from ...evaluate.recomputing import BackAndForth, Drift, drift, stretches

if TYPE_CHECKING:
    from ...core.engine import Engine

PEOPLE = ("breakdance", "marple3", "people1", "people2", "tennis")
"""Clips of a person alone, or whose first object is one."""


def main(words: Sequence[str] | None = None) -> int:
    """Prints IoU of the propagated, the fused and the recomputed masks of each clip."""
    parser = argparse.ArgumentParser(prog="cutout study recomputing", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with video/ and video-sparse/, for people")
    parser.add_argument("--stills", type=Path, help="folder with stills/ and stills-2/, for the sky in driving films")
    parser.add_argument("--cache", type=Path, help="where the decoded pictures go")
    parser.add_argument("--every", type=int, default=10, metavar="K")
    parser.add_argument("--frames", type=int, default=300, help="a clip of people is played back and forth so long")
    parser.add_argument("--tier", default="standard")
    args = parser.parse_args(words)
    engine = load_engine(args.tier, "cpu")
    if args.data is not None:
        _print("person", _people(engine, args))
    if args.stills is not None and args.cache is not None:
        _print("sky", _skies(engine, args))
    return 0


def _people(engine: Engine, args: Any) -> Iterator[tuple[str, Drift]]:
    for video in find_data(args.data).sequences:
        if video.name in PEOPLE:
            with open_clip(video.clip, strict=True) as clip:
                long = BackAndForth(clip, max(args.frames, len(clip)))
                read = {frame: read_objects(video, frame) for frame in video.truth}
                known = {frame: (found.objects[0], found.counted) for frame, found in read.items()}
                truth = {frame: known[place] for frame in range(len(long)) if (place := long.place(frame)) in known}
                yield video.name, drift(engine, long, truth, "person", args.every)


def _skies(engine: Engine, args: Any) -> Iterator[tuple[str, Drift]]:
    for name, pictures in stretches(held_out_pictures(args.stills, args.cache, None, 0)).items():
        if len(pictures) > 2 and pictures[0].truth["sky"].mean() > 0.01:
            truth = {frame: (one.truth["sky"], one.known["sky"]) for frame, one in enumerate(pictures)}
            yield name, drift(engine, [picture.image for picture in pictures], truth, "sky", args.every)


def _print(mode: str, found: Iterator[tuple[str, Drift]]) -> None:
    gains = []
    for name, one in found:
        sys.stdout.write(f"{mode} {name}: propagated {one.propagated:.3f}, fused {one.fused:.3f}")
        sys.stdout.write(f", recomputed {one.recomputed:.3f}\n")
        sys.stdout.flush()
        gains.append(one.fused - one.propagated)
    if gains:
        low, high = interval(gains) or (gains[0], gains[0])
        sys.stdout.write(f"{mode}: fused - propagated {np.mean(gains):+.3f} ({low:+.3f} to {high:+.3f})\n")
