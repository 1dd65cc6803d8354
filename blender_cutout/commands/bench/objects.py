"""Runs `cutout bench --objects` and `--memory-of-tiers`: several objects against one, and each tier's memory."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import InputError

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from ...core.engine import Engine
    from ..context import Context

    Film = tuple[Any, dict[int, NDArray[np.float32]]]

TURNS = 5
"""Number of turns for one object and for several; the first turn does not count."""
FRAMES = 16
STARTS = 0, 20
"""Frames of the data's clips at which `FRAMES` frames start."""
MEMORY_FRAMES = 32


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the time for several objects relative to one, and with DATA also the quality."""
    from ...compose import load_engine
    from . import hardware

    if args.threads:
        hardware.set_threads(args.threads)
    films = _films(args)
    engine = load_engine(args.tier, args.device)
    seconds: dict[int, list[float]] = {1: [], args.objects: []}
    for turn in context.report.progress(range(TURNS), TURNS, "objects", "turn"):
        for count, taken in seconds.items():
            own = sum(_propagate(engine, film, slice(0, count) if count > 1 else 0)[0] for film in films)
            if turn:
                taken.append(own / len(films) / FRAMES)
    one, all_of_them = (statistics.median(taken) for taken in seconds.values())
    found: dict[str, Any] = {"one": one, "several": all_of_them, "ratio": all_of_them / one}
    report = context.report
    report.say(f"tier {args.tier}, {args.objects} objects against one, {FRAMES} frames, processor time per frame:")
    report.say(f"{1000 * one:.0f} ms and {1000 * all_of_them:.0f} ms: {found['ratio']:.2f} times as long")
    if args.clip:
        found["j_together"] = _mean_j(engine, films, [slice(0, args.objects)])
        found["j_alone"] = _mean_j(engine, films, list(range(args.objects)))
        report.say(f"mean J {found['j_together']:.3f} together, {found['j_alone']:.3f} each alone")
    report.event("done", tier=args.tier, objects=args.objects, **found)
    return 0


def tiers(args: argparse.Namespace, context: Context) -> int:
    """Prints the peak memory of a process that propagates one object, for each tier."""
    from ...compose import choose_device
    from ...core.tiers.ladder import ladder
    from .costs import Point, measure

    device = choose_device(args.device)
    point = Point(MEMORY_FRAMES, str(MEMORY_FRAMES), frames=MEMORY_FRAMES)
    context.report.say(f"{'tier':<12}{'peak MB':>10}")
    found = {}
    for tier in context.report.progress(ladder(), len(ladder()), "tiers", "tier"):
        found[tier.name] = round(measure(point, tier.name, device, args.threads)["peak_mb"])
        context.report.say(f"{tier.name:<12}{found[tier.name]:>10}")
    context.report.event("done", memory_mb=found)
    return 0


def _films(args: argparse.Namespace) -> list[Film]:
    """Returns films with their true mattes (N, H, W): the data's first clips side by side, or synthetic ones."""
    from ...core.synthetic import MovingShapes
    from ...evaluate.data import find_data
    from ...evaluate.side_by_side import SideBySide

    if not 2 <= args.objects <= 8:
        raise InputError(f"There can be no synthetic clip with {args.objects} objects.", "Choose 2 to 8.")
    if not args.clip:
        clip = MovingShapes(FRAMES, (480, 854), args.objects)
        return [([clip[frame] for frame in range(FRAMES)], {0: clip.mattes(0)})]
    sequences = find_data(args.clip).sequences[: args.objects]
    if len(sequences) < args.objects:
        raise InputError(f"{args.clip} has {len(sequences)} clips with masks.", f"--objects {args.objects} needs more.")
    films: list[Film] = []
    for start in STARTS:
        with SideBySide(sequences, start, FRAMES) as both:
            films.append(([both[f] for f in range(FRAMES)], {f: both.mattes(f) for f in range(FRAMES)}))
    return films


def _propagate(engine: Engine, film: Film, which: slice | int) -> tuple[float, list[float]]:
    """Returns the processor time, and J of each later frame with known mattes, for some objects or one."""
    from ...evaluate.metrics import iou

    frames, truth = film
    ious, spent, begin = [], 0.0, time.process_time()
    for frame, mattes in engine.propagate(frames, {0: truth[0][which]}):
        spent += time.process_time() - begin
        if frame and frame in truth:
            masks, right = mattes > 0.5, truth[frame][which] > 0.5
            pairs = zip(masks, right, strict=True) if masks.ndim == 3 else [(masks, right)]
            ious += [iou(mask, true) for mask, true in pairs]
        begin = time.process_time()
    return spent, ious


def _mean_j(engine: Engine, films: list[Film], parts: list[Any]) -> float:
    return float(np.mean([_propagate(engine, film, part)[1] for film in films for part in parts]))
