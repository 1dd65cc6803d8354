"""Runs `cutout bench`: times each stage on this machine, and measures the memory of the process."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import InputError
from ...core.tiers.table import AUTO, DEFAULT
from .. import arguments
from . import hardware, stages

if TYPE_CHECKING:
    from ...core.types import Matte
    from ..context import Context

SERIES = ("frames", "strokes", "resolution", "objects", "keyframes")
"""The choices of --costs; see `costs.SERIES`."""


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "bench",
        run,
        "Times every stage on this machine (median) and measures the memory of the process. Without CLIP it uses a "
        "synthetic clip. --frames 1000 shows that memory does not grow with the length.",
        "cutout bench --against cutie --threads 1 --frames 40",
    )
    parser.add_argument("clip", type=Path, nargs="?", metavar="CLIP", help="movie or folder (default a synthetic clip)")
    parser.add_argument("--keyframe", type=Path, metavar="MASK.png", help="mask of the first frame of CLIP")
    parser.add_argument("--frames", type=arguments.positive, default=60, metavar="N", help="frames (default 60)")
    parser.add_argument(
        "--size", type=arguments.picture_size, default="854x480", metavar="WxH",
        help="size of the synthetic clip (default 854x480)",
    )  # fmt: skip
    parser.add_argument(
        "--against", choices=["cutie"],
        help="time Cutie's small and base networks (package rf-cutie, any weights) on the same frames, in turns",
    )  # fmt: skip
    parser.add_argument(
        "--costs", action="store_true",
        help="time and memory as frames, resolution, objects and keyframes grow; takes some minutes",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", action="store_true",
        help="time whole rounds of strokes, including their files, on pictures of 480p, 1080p and 4K in turns",
    )  # fmt: skip
    parser.add_argument(
        "--objects", type=arguments.positive, metavar="N",
        help="compare N objects with one, in turns; if CLIP is a DATA folder of `cutout evaluate`, up to four of its "
        "clips are put side by side in one picture and measured too",
    )  # fmt: skip
    parser.add_argument("--memory-of-tiers", action="store_true", help="peak memory of a process, for each tier")
    parser.add_argument("--only", choices=SERIES, action="append", help="only this series of --costs; may be repeated")
    parser.add_argument("-o", "--output", type=Path, metavar="COSTS.json", help="file for the numbers of --costs")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="plot of --costs or --against (matplotlib)")
    parser.add_argument("--threads", type=arguments.positive, metavar="N", help="processor threads (default all)")
    arguments.add_engine(parser, DEFAULT)


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the times."""
    from ...compose import choose_device, choose_tier
    from ...core.clips.opening import open_clip
    from ...core.images.matte import read_mask
    from ...core.synthetic import MovingShape
    from . import against

    arguments.check_tier(args.tier)
    if args.tier == AUTO:  # by its name, and the same one for everything compared
        args.tier = choose_tier(AUTO, choose_device(args.device)).name
    if args.rounds:
        from . import round_times

        return round_times.run(args, context)
    if args.objects or args.memory_of_tiers:
        from . import objects

        return (objects.run if args.objects else objects.tiers)(args, context)
    if args.costs:
        from . import costs

        return costs.run(args, context)
    if args.clip and not args.keyframe:
        raise InputError("A clip needs --keyframe.", "Give the mask of its first frame.")
    with ExitStack() as stack:
        if args.clip:
            source: Any = stack.enter_context(open_clip(args.clip))
        else:
            source = MovingShape(args.frames, args.size)
        matte = read_mask(args.keyframe, source.size) if args.clip else source.matte(0)
        if args.threads:
            hardware.set_threads(args.threads)
        return (against.compare if args.against else _measure)(args, context, source, matte)


def _measure(args: argparse.Namespace, context: Context, source: Any, matte: Matte) -> int:
    from ...compose import Networks, choose_device, load_networks, make_engine
    from ...core.tiers.table import find_tier
    from ...core.types import Label, Stroke

    tier = find_tier(args.tier)
    clock = stages.StageClock()
    frames = min(args.frames, len(source))
    device = choose_device(args.device)
    begin = time.perf_counter()
    networks = load_networks(tier, device)
    loading = time.perf_counter() - begin
    timed = Networks(networks.scribble, stages.TimedPropagation(networks.propagation, clock), networks.weights_id)
    engine = make_engine(timed, tier, device)
    image = source[0]
    centre = [(source.size[1] / 2, source.size[0] / 2)]
    for _ in range(6):
        clock.time("first guess", lambda: engine.foreground(image))
        clock.time("round of strokes", lambda: engine.refine(image, [Stroke(centre, 6.0, Label.KEEP)], previous=matte))
    if device != "cpu":
        stages.time_transfers(clock, device, tier.propagation_px)
    memory: dict[int, float] = {}
    steps = engine.propagate(stages.TimedFrames(source, clock), {0: matte}, (0, frames))
    with tempfile.TemporaryDirectory() as folder:
        last = time.perf_counter()
        for done, (frame, found) in enumerate(context.report.progress(steps, frames, "propagating"), start=1):
            stages.write_timed(clock, Path(folder), frame, found)
            now = time.perf_counter()
            clock.add(stages.WHOLE, now - last)
            last = now
            if done in _marks(frames):
                memory[done] = hardware.resident_mb()
    _report(context, clock, memory, engine.tier, device, loading, source.size, frames)
    return 0


def _report(
    context: Context,
    clock: stages.StageClock,
    memory: dict[int, float],
    tier: str,
    device: str,
    loading: float,
    size: tuple[int, int],
    frames: int,
) -> None:
    medians, shares = stages.medians(clock), stages.shares(clock)
    place, card = hardware.hardware(device), None
    if device == "cuda":
        import torch

        card = torch.cuda.max_memory_allocated() / 2**20
    context.report.event(
        "done", tier=tier, hardware=place, frames=frames, size=list(size), loading=loading, median_seconds=medians,
        frames_per_second=1.0 / medians[stages.WHOLE], shares=shares, memory_mb=memory, peak_mb=hardware.peak_mb(),
        card_mb=card,
    )  # fmt: skip
    say = context.report.say
    say(f"tier {tier} on {place}; {frames} frames of {size[1]} x {size[0]}; loading took {loading:.1f} s")
    say(f"{'stage':<22}{'median ms':>10}{'times':>8}")
    for stage, value in medians.items():
        say(f"{stage:<22}{1000 * value:>10.1f}{len(clock.seconds[stage]):>8}")
    say(f"{1.0 / medians[stages.WHOLE]:.1f} frames per second; share of the time: " + ", ".join(
        f"{name} {share:.0%}" for name, share in shares.items()
    ))  # fmt: skip
    for done, megabytes in memory.items():
        say(f"memory after {done:>5} frames: {megabytes:.0f} MB")
    say(f"peak memory: {hardware.peak_mb():.0f} MB" + (f", on the card {card:.0f} MB" if card is not None else ""))


def _marks(frames: int) -> set[int]:
    return {min(frames, 20), frames, *range(100, frames, 100)}
