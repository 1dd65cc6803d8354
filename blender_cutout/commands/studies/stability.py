"""Runs `cutout study stability`: flicker against accuracy at several strengths, and how well doubt predicts errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...compose import load_engine
from ...core.clips.opening import open_clip
from ...core.propagation.confidence import confidence
from ...core.propagation.outcome import MatteKind
from ...evaluate import metrics
from ...evaluate.data import find_data, one_object_clips, read_truth
from ...evaluate.stability import BAD, StillShot, _run, area_under_curve, rank_correlation, score, table
from ...evaluate.walks import Walk, walks

if TYPE_CHECKING:
    from ...evaluate.stability import Values


def main(words: Sequence[str] | None = None) -> int:
    """Runs the measurements; prints two tables and the numbers for doubt."""
    parser = argparse.ArgumentParser(prog="cutout study stability", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with video/")
    parser.add_argument("--tier", default="standard")
    parser.add_argument("--starts", type=int, default=1, choices=range(1, 5))
    parser.add_argument("--strengths", type=float, nargs="*", default=[0.0, 0.5, 1.0])
    args = parser.parse_args(words)
    engine = load_engine(args.tier)
    tables: dict[str, list[tuple[str, list[Values]]]] = {"clips": [], "still shots": []}
    doubts: list[tuple[float, float]] = []
    for video in one_object_clips(find_data(args.data)):
        with open_clip(video.clip, strict=True) as clip:
            known = {frame: read_truth(path) for frame, path in video.truth.items()}
            truth = {frame: found[0] for frame, found in known.items() if found is not None}
            for walk in walks(len(clip), args.starts):
                raw = _run(engine, clip, truth, walk)
                scores = [score(raw, clip, truth, walk.given, s) for s in args.strengths]
                tables["clips"].append((video.name, scores))
                doubts += [
                    (confidence(matte), metrics.iou(np.asarray(np.rint(matte * 255) > 127), truth[frame]))
                    for frame, matte, kind in raw
                    if kind is MatteKind.PROPAGATED and frame in truth
                ]
            shot = StillShot(clip[0])
            still = dict.fromkeys(range(len(shot)), truth[0])
            raw = _run(engine, shot, still, Walk(0, 0, len(shot)))
            tables["still shots"].append((video.name, [score(raw, shot, still, 0, s) for s in args.strengths]))
    for name, rows in tables.items():
        sys.stdout.write(table(name, args.strengths, rows) + "\n")
    sure, right = np.array(doubts).T
    bad = right < BAD
    if bad.any() and not bad.all():
        auc, rank = area_under_curve(sure, bad), rank_correlation(sure, right)
        sys.stdout.write(
            f"confidence: {bad.sum()} of {len(bad)} frames with IoU < {BAD}; AUC {auc:.3f}, rank {rank:.3f}\n"
        )
    return 0
