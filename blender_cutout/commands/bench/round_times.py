"""Runs `cutout bench --rounds`: times whole rounds, from the message with the strokes to the file of the mask.

It measures the code of the engine's process, including its journal, files and replies; here a thread serves it, so that
pictures of several sizes can take turns in one process.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core import messages as m
from ...core.errors import CutoutError
from ...core.types import Label, Stroke
from . import costs, hardware

if TYPE_CHECKING:
    import argparse

    from ...core.engine import Engine
    from ...core.types import Matte
    from ..context import Context

SIZES = ("480p", "1080p", "4K")
FRAMES, LATER = 9, 3
"""Number of frames drawn on, and of rounds on each after its first one."""
WARM = 2
"""Number of frames that do not count, while libraries warm up."""
PEN_DOWN = 0.2
"""Least duration of a stroke in seconds, during which the frame is read."""


class Took(NamedTuple):
    """Times of one round in seconds.

    Attributes:
        shown: until the mask can be shown.
        stored: until the round is done.
        processor: processor time of all threads until the round is done.
    """

    shown: float
    stored: float
    processor: float


class Desk:
    """Talks to an engine served in this process, in place of Blender. Made by `opened`."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._events = os.fdopen(incoming, "rb")
        self._out = outgoing
        self._count = 0

    def close(self) -> None:
        """Closes the connection."""
        self._events.close()

    def open(self, track: str, film: Path, folder: Path) -> None:
        """Opens a track of a film."""
        self._ask(m.OpenTrack, track, str(film), (), str(folder))

    def expect(self, track: str, frame: int) -> None:
        """Announces a round, as when the pen goes down."""
        os.write(self._out, m.encode(m.Expect(track, frame)))

    def draw(self, track: str, frame: int, strokes: Sequence[Stroke]) -> Took:
        """Applies one round to a frame; returns its times."""
        return self._ask(m.ApplyRound, track, frame, tuple(stroke.to_json() for stroke in strokes))

    def _ask(self, kind: Callable[..., Any], *fields: Any) -> Took:
        self._count += 1
        job, shown = str(self._count), 0.0
        begin, own = time.perf_counter(), time.process_time()
        os.write(self._out, m.encode(kind(job, *fields)))
        for line in self._events:
            event = m.decode(line)
            if getattr(event, "job", "") != job:
                continue
            if isinstance(event, m.MatteReady):
                shown = time.perf_counter() - begin
            elif isinstance(event, m.Failed):
                raise CutoutError(event.text, event.hint)
            elif isinstance(event, m.Done):
                return Took(shown, time.perf_counter() - begin, time.process_time() - own)
        raise CutoutError("The engine ended.", "")


@contextmanager
def opened(engine: Engine) -> Iterator[Desk]:
    """Yields a connection to the engine, served in a thread; ends both on leaving the context."""
    from ...worker.serve import Server

    (asked, ask), (heard, tell) = os.pipe(), os.pipe()
    server = threading.Thread(target=Server(asked, tell, lambda *_: engine).run, name="engine")
    server.start()
    desk = Desk(heard, ask)
    try:
        os.write(ask, m.encode(m.Hello(m.PROTOCOL, engine.tier, engine.device)))
        yield desk
    finally:
        os.close(ask)
        server.join()
        desk.close()
        for end in (asked, tell):
            os.close(end)


def strokes_on(matte: Matte, number: int) -> list[Stroke]:
    """Returns a round's strokes: the first along a matte's object (H, W), later ones small corrections around it."""
    import numpy as np

    ys, xs = np.nonzero(matte > 0.5)
    x, y, reach = float(xs.mean()), float(ys.mean()), float(np.ptp(xs)) / 4
    if number == 0:
        return [Stroke([(x - reach, y), (x + reach, y)], max(2.0, reach / 6), Label.KEEP)]
    x, y = x + 2 * reach * float(np.cos(number)), y + 2 * reach * float(np.sin(number))
    label = Label.REMOVE if number % 2 else Label.KEEP
    return [Stroke([(x - reach / 4, y), (x + reach / 4, y)], max(2.0, reach / 8), label)]


def run(args: argparse.Namespace, context: Context) -> int:
    """Times rounds on films of several sizes in turns, and prints the medians."""
    from ...compose import choose_device, load_engine
    from ...core.synthetic import MovingShape

    if args.threads:
        hardware.set_threads(args.threads)
    device = choose_device(args.device)
    engine = load_engine(args.tier, device)
    times: dict[tuple[str, str], list[Took]] = {(kind, name): [] for kind in ("first", "later") for name in SIZES}
    with tempfile.TemporaryDirectory(prefix="cutout-rounds-") as place, opened(engine) as desk:
        clips = {name: MovingShape(FRAMES, costs.SIZES[name]) for name in SIZES}
        for name, clip in clips.items():
            costs.write_film(clip, Path(place, f"{name}.mp4"))
            desk.open(name, Path(place, f"{name}.mp4"), Path(place, name))
        for frame in context.report.progress(range(FRAMES), FRAMES, "drawing"):
            for name in SIZES:
                desk.expect(name, frame)
                time.sleep(PEN_DOWN)
            for number in range(1 + LATER):
                for name in SIZES:
                    took = desk.draw(name, frame, strokes_on(clips[name].matte(frame), number))
                    if frame >= WARM:
                        times["later" if number else "first", name].append(took)
    rows: list[dict[str, Any]] = [
        {"round": kind, "size": name, "rounds": len(found)} | {
            f"{field}_seconds": statistics.median(getattr(took, field) for took in found) for field in Took._fields
        } for (kind, name), found in times.items()
    ]  # fmt: skip
    place_text = hardware.hardware(device)
    context.report.event("done", tier=args.tier, hardware=place_text, rounds=rows)
    context.report.say(f"tier {args.tier} on {place_text}; medians in ms")
    context.report.say(f"{'round':<8}{'picture':<8}{'shown':>8}{'done':>8}{'processor':>11}")
    for row in rows:
        context.report.say(
            f"{row['round']:<8}{row['size']:<8}{1000 * row['shown_seconds']:>8.0f}{1000 * row['stored_seconds']:>8.0f}"
            f"{1000 * row['processor_seconds']:>11.0f}"
        )
    return 0
