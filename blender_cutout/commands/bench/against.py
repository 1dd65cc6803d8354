"""Runs `cutout bench --against cutie`: times our network and others on the same frames, in one process, in turns."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...core.errors import CutoutError
from . import hardware

if TYPE_CHECKING:
    import argparse

    from ...core.types import Image, Matte
    from ..context import Context

    Step = Callable[[int], object]
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figures import figure, save

TURN = 5
"""Frames that each network does per turn; both ours and Cutie remember every fifth frame."""
WARM = 5
"""Frames of each that do not count, while libraries warm up and memory fills."""
MEMORY_FRAMES = 22
"""Number of frames after which neither network's memory grows: ours forgets, and Cutie keeps five."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The measurements of one network.

    Attributes:
        name: its name in the table.
        seconds: wall-clock time of each counted frame.
        processor: processor time of each counted frame, in seconds, over all threads.
        peak_mb: peak memory of a process that does nothing else; 0 = not known.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


def compare(args: argparse.Namespace, context: Context, source: Any, matte: Matte) -> int:
    """Prints the comparison: medians, speed relative to ours, peak memory."""
    from ...compose import choose_device

    device = choose_device(args.device)
    frames = [source[number] for number in range(min(args.frames, len(source)))]
    names = ["ours", "small", "base"]
    steps = {name: _begun(name, frames, matte, args.tier, device) for name in names}
    results = {name: Timed(_title(name, args.tier)) for name in names}
    turns = list(_turns(names, len(frames)))
    for name, frame in context.report.progress(turns, len(turns), "comparing"):
        wall, own = time.perf_counter(), time.process_time()
        steps[name](frame)
        _wait(device)
        if frame > WARM:
            results[name].seconds.append(time.perf_counter() - wall)
            results[name].processor.append(time.process_time() - own)
    peaks = {name: _peak_alone(name, frames[:MEMORY_FRAMES], matte, args, device) for name in names}
    _report(context, [results[name] for name in names], peaks, args, hardware.hardware(device), frames)
    return 0


def _turns(names: list[str], frames: int) -> Iterator[tuple[str, int]]:
    """Yields (name, frame) in the order of work; each turn starts with another network."""
    for turn, begin in enumerate(range(1, frames, TURN)):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            for frame in range(begin, min(begin + TURN, frames)):
                yield name, frame


def _title(name: str, tier: str) -> str:
    from ...core.tiers.table import find_tier

    return f"Blender Cutout, {find_tier(tier).name}" if name == "ours" else f"Cutie {name}"


def _begun(name: str, frames: list[Image], matte: Matte, tier: str, device: str) -> Step:
    """Returns a function that processes a frame, the keyframe being known; frames must come in order."""
    if name == "ours":
        from ...compose import load_engine

        walk = load_engine(tier, device).propagate(frames, {0: matte}, (0, len(frames)))
        next(walk)
        return lambda _: next(walk)
    from ...evaluate.peers import SIZES, Cutie

    (size,) = (size for size in SIZES if size == name)
    peer = Cutie(size, device)
    peer.begin(frames[0], matte[None])
    return lambda frame: peer.step(frames[frame])


def _peak_alone(name: str, frames: list[Image], matte: Matte, args: argparse.Namespace, device: str) -> float:
    """Returns the peak memory in MB of a new process that does only these frames; 0 = not known."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    given = (there, name, frames, matte, args.tier, device, args.threads)
    process = spawn.Process(target=_measure_peak, args=given, daemon=True)
    process.start()
    there.close()
    try:
        return float(here.recv())
    except EOFError:
        return 0.0
    finally:
        process.join()


def _measure_peak(
    pipe: Any, name: str, frames: list[Image], matte: Matte, tier: str, device: str, threads: int | None
) -> None:
    """Runs in a process of its own; sends the peak memory in MB."""
    if threads:
        hardware.set_threads(threads)
    try:
        step = _begun(name, frames, matte, tier, device)
        for frame in range(1, len(frames)):
            step(frame)
    except CutoutError:
        return
    pipe.send(hardware.peak_mb())


def _wait(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def _report(
    context: Context,
    results: list[Timed],
    peaks: dict[str, float],
    args: argparse.Namespace,
    place: str,
    frames: list[Image],
) -> None:
    import torch

    ours = results[0]
    height, width = frames[0].shape[:2]
    rows: list[dict[str, Any]] = []
    for timed, peak in zip(results, peaks.values(), strict=True):
        wall, own = statistics.median(timed.seconds), statistics.median(timed.processor)
        rows.append({
            "name": timed.name, "frames": len(timed.seconds), "median_seconds": wall, "median_processor_seconds": own,
            "times_ours": wall / statistics.median(ours.seconds),
            "times_ours_processor": own / statistics.median(ours.processor), "peak_mb": peak,
        })  # fmt: skip
    context.report.event(
        "done", hardware=place, threads=torch.get_num_threads(), size=[height, width], frames=len(frames), results=rows
    )
    if args.picture:
        draw(rows, f"{len(frames)} frames of {width} x {height}, one object, on {place}", args.picture)
    say = context.report.say
    say(f"{len(frames)} frames of {width} x {height}, one object, on {place}; the others have random weights")
    say(f"{'':<28}{'median ms':>10}{'processor':>11}{'against ours':>14}{'peak MB':>9}")
    for row in rows:
        say(
            f"{row['name']:<28}{1000 * row['median_seconds']:>10.0f}{1000 * row['median_processor_seconds']:>11.0f}"
            f"{row['times_ours']:>13.1f}x{row['peak_mb']:>9.0f}"
        )


OURS, THEIRS = "#2a6f97", "#b0b7bd"


def draw(rows: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draws the rows that `compare` reports; the first is ours.

    Raises:
        EnvironmentMissing: matplotlib is not installed.
    """
    drawn = figure(8.6, 0.7 + 0.5 * len(rows))
    left, right = drawn.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    names = [row["name"] for row in rows]
    colours = [OURS if number == 0 else THEIRS for number in range(len(rows))]
    times = [1000 * row["median_processor_seconds"] for row in rows]
    bars = left.barh(names, times, color=colours)
    ratios = [f"{time:.0f}" + (f" ({row['times_ours_processor']:.0f} x)" if n else "") for n, (time, row) in
              enumerate(zip(times, rows, strict=True))]  # fmt: skip
    left.bar_label(bars, ratios, padding=3, fontsize=9)
    left.set_xlim(0, 1.25 * max(times))
    left.set_xlabel("processor ms per frame, median")
    peaks = [row["peak_mb"] for row in rows]
    right.bar_label(right.barh(names, peaks, color=colours), [f"{peak:.0f}" for peak in peaks], padding=3, fontsize=9)
    right.set_xlim(0, 1.25 * max(*peaks, 1.0))
    right.set_xlabel("peak MB")
    left.invert_yaxis()
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    drawn.suptitle(title, fontsize=9)
    save(drawn, path)
