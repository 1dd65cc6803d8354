"""Runs `cutout bench --costs`: time and memory as the work grows, in frames, pixels, objects and keyframes.

Each point is measured in a process of its own, on a film that is encoded and decoded again like an artist's. So the
peak memory is that of this work alone, Python and PyTorch included.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core import atomic
from ...core.errors import EnvironmentMissing

if TYPE_CHECKING:
    import argparse

    from ..context import Context
from collections.abc import Mapping

from .figures import figure, save

SIZES = {"480p": (480, 854), "720p": (720, 1280), "1080p": (1080, 1920), "1440p": (1440, 2560), "4K": (2160, 3840)}
WARM = 4
"""Frames, and rounds, that do not count, while libraries warm up."""
ROUNDS = 8
FLAT, LINEAR = 0.12, 1.15
"""Largest exponents of the amount of work at which a cost counts as flat, and as linear."""


@dataclass(frozen=True, slots=True)
class Point:
    """One amount of work.

    Attributes:
        amount: what grows: frames, pixels, objects or keyframes.
        label: the amount as text.
        size: (height, width) of the film.
        frames: length of the film.
        objects: number of objects.
        keyframes: number of keyframes, spread over the film.
        strokes: measure a round of strokes instead of a propagation.
        places: each object has a place of its own; otherwise there is one larger object.
    """

    amount: int
    label: str
    size: tuple[int, int] = SIZES["480p"]
    frames: int = 16
    objects: int = 1
    keyframes: int = 1
    strokes: bool = False
    places: bool = False


def _sizes(strokes: bool) -> list[Point]:
    return [Point(h * w, name, (h, w), 12, strokes=strokes) for name, (h, w) in SIZES.items()]


SERIES: dict[str, list[Point]] = {
    "frames": [Point(n, str(n), frames=n) for n in (25, 50, 100, 200, 400)],
    "strokes": _sizes(strokes=True),
    "resolution": _sizes(strokes=False),
    "objects": [Point(n, str(n), objects=n, places=True) for n in (1, 2, 4, 8)],
    "keyframes": [Point(n, str(n), frames=49, keyframes=n) for n in (1, 2, 4, 8, 16)],
}


def run(args: argparse.Namespace, context: Context) -> int:
    """Measures the requested series, and stores them along with those that the file already has."""
    from ...compose import choose_device

    device = choose_device(args.device)
    wanted = args.only or list(SERIES)
    kept = _read(args.output)
    for name in wanted:
        rows = list(_measured(context.report.progress(SERIES[name], len(SERIES[name]), name, "point"), args, device))
        kept[name] = {"tier": args.tier, "hardware": _hardware(device, args.threads), "points": rows}
        context.report.event("series", name=name, **kept[name])
        _say(context, name, rows)
        if args.output:
            _write(args.output, kept)
    if args.picture:
        draw({name: kept[name] for name in SERIES if name in kept}, args.picture)
        context.report.say(f"{args.picture} shows {', '.join(name for name in SERIES if name in kept)}.")
    context.report.event("done", series=wanted, growth={name: growth(kept[name]["points"]) for name in wanted})
    return 0


def growth(rows: Sequence[dict[str, Any]], what: str = "processor_seconds") -> float:
    """Returns the exponent of a cost in the amount of work, from first to last point: 0 = flat, 1 = proportional."""
    first, last = rows[0], rows[-1]
    if first["amount"] == last["amount"] or first[what] <= 0:
        return 0.0
    return math.log(max(last[what], 1e-9) / first[what]) / math.log(last["amount"] / first["amount"])


def verdict(power: float) -> str:
    """Describes an exponent of `growth` in words."""
    if power <= FLAT:
        return "flat"
    return "less than linear" if power < 0.85 else "linear" if power <= LINEAR else "more than linear"


def measure(point: Point, tier: str, device: str, threads: int | None) -> dict[str, Any]:
    """Returns a point's fields and, per frame or round, its `seconds`, `processor_seconds` and peak memory `peak_mb`.

    Processor time counts all threads, and does not depend on other programs.
    """
    with tempfile.TemporaryDirectory(prefix="cutout-costs-") as name:
        folder = Path(name)
        keys = _write_film(point, folder)
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe(duplex=False)
        process = spawn.Process(target=_work, args=(there, point, folder, keys, tier, device, threads), daemon=True)
        process.start()
        there.close()
        try:
            seconds, processor, peak = here.recv()
        except EOFError as error:
            raise EnvironmentMissing(
                f"The process that measured {point.label} died.", "It may have been too large for this machine."
            ) from error
        finally:
            process.join()
    return {**asdict(point), "seconds": seconds, "processor_seconds": processor, "peak_mb": peak}


def _measured(points: Iterable[Point], args: argparse.Namespace, device: str) -> Iterator[dict[str, Any]]:
    for point in points:
        yield measure(point, args.tier, device, args.threads)


def _write_film(point: Point, folder: Path) -> list[int]:
    """Writes film.mp4 and a mask for each keyframe and object; returns the keyframes."""
    from ...core.images.matte import write_mask
    from ...core.synthetic import MovingShape, MovingShapes

    clip: Any = MovingShape(point.frames, point.size)
    if point.places:
        clip = MovingShapes(point.frames, point.size, point.objects)
    keys = sorted({round(k * (point.frames - 1) / max(1, point.keyframes)) for k in range(point.keyframes)})
    for key in keys:
        for n, matte in enumerate(clip.mattes(key) if point.places else [clip.matte(key)]):
            write_mask(folder / f"{key}-{n}.png", matte)
    write_film(clip, folder / "film.mp4")
    return keys


def write_film(clip: Any, path: Path) -> None:
    """Writes the frames of a synthetic clip as H.264."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "18"})
        stream.height, stream.width = clip.size
        stream.pix_fmt = "yuv420p"
        for frame in range(len(clip)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(clip[frame], format="rgb24")))
        container.mux(stream.encode(None))


def _work(pipe: Any, point: Point, folder: Path, keys: list[int], tier: str, device: str, threads: int | None) -> None:
    """Runs in a process of its own; sends (seconds, processor seconds, peak memory in MB)."""
    import numpy as np

    from ...compose import load_engine
    from ...core.clips.opening import open_clip
    from ...core.images.matte import read_mask
    from .hardware import peak_mb, set_threads

    if threads:
        set_threads(threads)
    engine = load_engine(tier, device)
    with open_clip(folder / "film.mp4") as clip:
        mattes: dict[int, Any] = {}
        for key in keys:
            found = [read_mask(folder / f"{key}-{n}.png", clip.size) for n in range(point.objects)]
            mattes[key] = np.stack(found) if point.objects > 1 else found[0]
        if point.strokes:
            seconds, processor = _time_rounds(engine, folder, mattes[0])
        else:
            for _ in engine.propagate(clip, {0: mattes[0]}, (0, min(WARM, point.frames))):
                pass
            begin, own = time.perf_counter(), time.process_time()
            for _ in engine.propagate(clip, mattes):
                pass
            seconds = (time.perf_counter() - begin) / point.frames
            processor = (time.process_time() - own) / point.frames
    pipe.send((seconds, processor, peak_mb()))


def _time_rounds(engine: Any, folder: Path, matte: Any) -> tuple[float, float]:
    """Returns the medians of repeated corrections of a frame: seconds until the mask is shown, processor seconds."""
    import statistics

    from . import round_times

    with round_times.opened(engine) as desk:
        desk.open("track", folder / "film.mp4", folder / "track")
        took = [desk.draw("track", 0, round_times.strokes_on(matte, number)) for number in range(WARM + ROUNDS)]
    return statistics.median(t.shown for t in took[WARM:]), statistics.median(t.processor for t in took[WARM:])


def _say(context: Context, name: str, rows: Sequence[dict[str, Any]]) -> None:
    unit = "s per round" if rows[0]["strokes"] else "s per frame"
    context.report.say(f"{name:<12}{unit:>12}{'processor':>11}{'peak MB':>10}")
    for row in rows:
        context.report.say(
            f"{row['label']:<12}{row['seconds']:>12.3f}{row['processor_seconds']:>11.3f}{row['peak_mb']:>10.0f}"
        )
    time_power, memory_power = growth(rows), growth(rows, "peak_mb")
    context.report.say(
        f"time is {verdict(time_power)} (power {time_power:.2f}), memory {verdict(memory_power)} ({memory_power:.2f})"
    )


def _hardware(device: str, threads: int | None) -> str:
    from ...environment.machine import processor_name
    from .hardware import hardware

    return hardware(device) if device == "cuda" else f"{processor_name()}, threads: {threads or 'all'}"


def _read(path: Path | None) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path else {}
    except (OSError, ValueError):
        return {}


def _write(path: Path, kept: dict[str, Any]) -> None:
    atomic.write(path, (json.dumps(kept, indent=1) + "\n").encode())


TITLES = {
    "frames": ("frames of the clip", "Memory holds a fixed number of frames;\ndecoded ones are kept up to 32 MB"),
    "strokes": (
        "picture, a round of strokes",
        "The network sees a crop of fixed size;\ncutting and pasting it is what grows",
    ),
    "resolution": (
        "film, a propagated frame",
        "The network sees a crop of fixed size;\nreading the film and pasting grow",
    ),
    "objects": (
        "objects, propagated together",
        "One crop and one memory for all; value\nand matte are made for each, where it is",
    ),
    "keyframes": ("keyframes in 49 frames", "Memory keeps the nearest ones, at most\nhalf of what it holds"),
}
"""Series -> (what grows, why the cost is what it is)."""


def draw(series: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draws the series.

    Raises:
        EnvironmentMissing: matplotlib is not installed.
    """
    drawn = figure(3.1 * len(series), 5.6)
    grid = drawn.subplots(2, len(series), squeeze=False, sharex="col")
    for column, (name, found) in enumerate(series.items()):
        rows = found["points"]
        x = [row["amount"] / 1e6 if name in ("strokes", "resolution") else row["amount"] for row in rows]
        what, why = TITLES[name]
        fields = (("processor_seconds", "processor seconds"), ("peak_mb", "peak MB"))
        for axes, (field, label) in zip((grid[0][column], grid[1][column]), fields, strict=True):
            values = [row[field] for row in rows]
            axes.plot(x, values, marker="o", color="#9b5de5" if field == "peak_mb" else "#2a6f97", linewidth=1.8)
            axes.set_ylim(0, 1.25 * max(values))
            axes.grid(alpha=0.3)
            axes.set_title(f"{label}: {verdict(growth(rows, field))}", fontsize=9, loc="left")
            if column == 0:
                axes.set_ylabel(label)
        grid[0][column].annotate(why, (0.03, 0.04), xycoords="axes fraction", fontsize=7.5, color="#444444")
        grid[1][column].set_xticks(x, [row["label"] for row in rows], fontsize=8, rotation=45 if len(x) > 4 else 0)
        grid[1][column].set_xlabel(what)
    first = next(iter(series.values()))
    drawn.suptitle(f"What more work costs: tier {first['tier']} on {first['hardware']}", fontsize=10)
    save(drawn, path)
