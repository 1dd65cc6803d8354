"""Measures memory and disk of a long propagation: `python tests/durability/long_clip.py [--frames N] [--real TIER]`.

A long clip is made by repeating a short one forward and backward; one keyframe (with --keys 2 also one at the end, so
that every frame is reached from both sides) is propagated through it by the engine's own process, session and store.
The network segments by colour and costs nothing; with --real, a tier's trained networks are used (--seconds stops
earlier). Prints the process's memory at frame 500 and at the end, and the masks' disk use against the prediction. Exit
code 0: at most 5 % more memory, at most 10 % more disk. Linux.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import cv2
import stand
from stand import Torn, m

from blender_cutout.client.process import WorkerClient, worker_command
from blender_cutout.core.fakes import SyntheticClip

EARLY = 500
"""The frame whose memory use is compared with the last one's."""


def write_loop(folder: Path, film: SyntheticClip, frames: int) -> tuple[str, ...]:
    """Writes the short clip; returns its file names in the order of the long one."""
    names = [f"{n:03d}.png" for n in range(len(film))]
    for n, name in enumerate(names):
        cv2.imwrite(str(folder / name), cv2.cvtColor(film[n], cv2.COLOR_RGB2BGR))
    there_and_back = names + names[-2:0:-1]
    return tuple(there_and_back[n % len(there_and_back)] for n in range(frames))


def memory(pid: int) -> int:
    """Returns the bytes of memory that a process uses."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Torn("the engine is gone")


class Run:
    """One long propagation in an engine's process."""

    def __init__(self, place: Path, film: SyntheticClip, frames: int, tier: str) -> None:
        self.film = film
        self.frames = frames
        self.folder = place / "track"
        media = place / "media"
        media.mkdir()
        names = write_loop(media, film, frames)
        python, *flags = worker_command(sys.executable, stand.FAKE_ENTRY)
        fake = [python, "-B", *flags]
        self.client = WorkerClient(worker_command(sys.executable) if tier else fake, place / "engine.log")
        self.client.start(m.Hello(m.PROTOCOL, tier or "auto", "cpu"))
        self.state: m.TrackState | None = None
        self.end(m.OpenTrack("open", "track", str(media), names, str(self.folder)))

    def end(self, message: m.Request) -> list[m.Event]:
        """Sends a message and waits for its last event; returns all events."""
        said = list(self.events(message))
        if not isinstance(said[-1], m.Done):
            raise Torn(f"{type(message).__name__} ended with {said[-1]}\\n{self.client.log_tail()}")
        return said

    def events(self, message: m.Request):  # type: ignore[no-untyped-def]
        """Yields the engine's events up to the message's last one."""
        self.client.send(message)
        job = getattr(message, "job", "")
        while True:
            for event in self.client.poll():
                if isinstance(event, m.TrackState):
                    self.state = event
                yield event
                if isinstance(event, m.TERMINAL) and event.job == job:
                    return
            time.sleep(0.002)

    def draw(self, frame: int) -> None:
        """Returns a stroke on the object."""
        turn = 2 * len(self.film) - 2
        place = min(frame % turn, turn - frame % turn)
        x, y = self.film.centre(place)
        stroke = {"label": "keep", "radius": self.film.radius * 0.4, "points": [[x, y], [x + 2, y]]}
        self.end(m.ApplyRound(f"draw {frame}", "track", frame, (stroke,)))

    def propagate(self, seconds: float) -> tuple[dict[int, int], int, float]:
        """Returns memory by frames done, the number of frames done, and the seconds taken."""
        seen: dict[int, int] = {}
        count, begin, cancelled = 0, time.monotonic(), False
        pid = self.client.pid
        assert pid is not None
        for event in self.events(m.Propagate("long", "track", 0, self.frames, "both", stability=1.0)):
            if isinstance(event, m.MatteReady):
                count += 1
                if count == EARLY or count % 1000 == 0:
                    seen[count] = memory(pid)
                if seconds and time.monotonic() - begin > seconds and not cancelled:
                    cancelled = True
                    self.client.send(m.Cancel("long"))
            elif isinstance(event, m.Progress) and event.done == EARLY and EARLY not in seen:
                seen[EARLY] = memory(pid)
            elif isinstance(event, m.Failed):
                raise Torn(f"{event.text} {event.hint}")
        seen[count] = memory(pid)
        return seen, count, time.monotonic() - begin


def main(arguments: list[str] | None = None) -> int:
    """Runs the proof; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000, metavar="N", help="of the clip (default 10000)")
    parser.add_argument("--real", default="", metavar="TIER", help="trained networks instead of the cheap one")
    parser.add_argument("--keys", type=int, default=1, choices=(1, 2), help="keyframes: at the start, and at the end")
    parser.add_argument("--seconds", type=float, default=0, metavar="S", help="end the propagation after this time")
    parser.add_argument("--size", default="", metavar="WxH", help="of the pictures (default 160x96, real 480x270)")
    options = parser.parse_args(arguments)
    width, height = (int(v) for v in (options.size or ("480x270" if options.real else "160x96")).split("x"))
    film = SyntheticClip(length=40, height=height, width=width, radius=height // 6)
    with tempfile.TemporaryDirectory(prefix="cutout long ") as place:
        run = Run(Path(place), film, options.frames, options.real)
        try:
            run.draw(0)
            if options.keys == 2:
                run.draw(options.frames - 1)
            assert run.state
            used, each, _ = run.state.disk
            seen, count, seconds = run.propagate(options.seconds)
            assert run.state
            took = run.state.disk[0] - used
        finally:
            run.client.close()
    estimate = each * (count - options.keys)
    early, late = seen.get(EARLY, 0), seen[count]
    growth = late / early - 1 if early else 1.0
    lines = [
        f"{width}x{height}, {count} of {options.frames} frames in {seconds:.0f} s, {options.real or 'cheap network'}"
    ]
    lines += [f"  frame {frame:6d}: {seen[frame] / 2**20:7.1f} MiB" for frame in sorted(seen)]
    lines += [f"memory: {growth:+.1%} from frame {EARLY} to the end"]
    lines += [f"disk: {took} bytes, estimated {estimate} ({took / estimate - 1:+.1%})"]
    print("\n".join(lines))  # noqa: T201
    return 0 if growth <= 0.05 and took <= estimate * 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
