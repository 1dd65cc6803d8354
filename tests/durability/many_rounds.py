"""Times a round on a track with 10,000 rounds, and opening such a track.

    python tests/durability/many_rounds.py                      # --rounds 10000 --frames 10000 --times 60
    python tests/durability/many_rounds.py --lines 100000       # how long a journal takes to be read

The networks segment by colour, so nearly all of the time is our own. Two tracks of one clip are drawn on in turn, one
with few rounds and one with many: each round is recorded, its mask made and written, and the state for Blender
assembled and encoded, as the engine's process does.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from session_kit import make_engine, write_film  # noqa: E402

from blender_cutout.core.fakes import SyntheticClip  # noqa: E402
from blender_cutout.core.messages import ApplyRound, encode  # noqa: E402
from blender_cutout.core.session.actions import Round  # noqa: E402
from blender_cutout.core.session.track_session import TrackSession  # noqa: E402
from blender_cutout.core.types import Clip, Label, Stroke  # noqa: E402
from blender_cutout.worker import track_jobs  # noqa: E402
from blender_cutout.worker.track_states import StateSender, track_state  # noqa: E402

FEW = 10


def stroke_at(film: SyntheticClip, frame: int, number: int, points: int = 20) -> Stroke:
    """Returns a stroke on the disc of a frame, slightly different for every number."""
    x, y = film.centre(frame)
    return Stroke([(x + number * 1e-5 + 0.1 * n, y + 0.05 * n) for n in range(points)], 3.0, Label.KEEP)


def fill(session: TrackSession, film: SyntheticClip, count: int) -> None:
    """Gives a track this many rounds, going through the frames again and again, with their masks."""
    matte = None
    with mock.patch("os.fsync"):
        for number in range(count):
            frame = number % len(film)
            round_ = Round(frame, (stroke_at(film, frame, number),))
            if matte is None:
                _, matte = session.apply_round(round_)
                continue
            operation = session._record(session.head, round_)
            place = session.folder / "mattes" / operation.id
            place.mkdir(parents=True)
            os.link(matte, place / f"{frame:06d}.png")


def record(session: TrackSession, film: SyntheticClip, count: int) -> None:
    """Like `fill`, without the masks."""
    with mock.patch("os.fsync"):
        for number in range(count):
            frame = number % len(film)
            session._record(session.head, Round(frame, (stroke_at(film, frame, number),)))


def seconds(states: StateSender, session: TrackSession, film: SyntheticClip, number: int) -> tuple[float, float]:
    """Times one more round, including its messages: wall-clock and processor time."""
    frame = number * 7 % len(film)
    drawn = stroke_at(film, frame, 10**6 + number).to_json()
    begin, worked = time.perf_counter(), time.process_time()
    track_jobs.apply(ApplyRound("job", "track", frame, (drawn,)), session, encode, states)
    return time.perf_counter() - begin, time.process_time() - worked


def say(text: str) -> None:
    """Writes a line to standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def timed(what: str, work: Callable[[], object]) -> None:
    """Reports how many seconds a call takes."""
    begin = time.perf_counter()
    work()
    took = time.perf_counter() - begin
    say(f"{what}: {took:.2f} s")


def read_lines(count: int) -> None:
    """Reports the time and memory that reading a journal of this many rounds takes."""
    film = SyntheticClip(length=250, height=60, width=100, radius=10)
    with tempfile.TemporaryDirectory() as folder:
        media = Path(folder) / "media"
        media.mkdir()
        track = Path(folder) / "track"
        with TrackSession.open(Clip(str(write_film(media, film))), track, make_engine()) as session:
            record(session, film, count)
        size = (track / "rounds.jsonl").stat().st_size
        code = (
            "import sys, time; from pathlib import Path; from blender_cutout.core.session.journal import Journal\n"
            "def most(): return int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])\n"
            "before, begin = most(), time.process_time()\n"
            "Journal(Path(sys.argv[1]))\n"
            "took, after = time.process_time() - begin, most()\n"
            "print(f'{took:.2f} s of the processor, {(after - before) / 1024:.0f} MiB')"
        )
        command = [sys.executable, "-c", code, str(track / "rounds.jsonl")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        say(f"a journal of {count} rounds ({size / 1e6:.1f} MB): {done.stdout.strip()}")


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=60)
    parser.add_argument("--lines", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.lines:
        read_lines(arguments.lines)
        return
    film = SyntheticClip(length=arguments.frames, height=60, width=100, radius=10)
    with tempfile.TemporaryDirectory() as folder:
        media = Path(folder) / "media"
        media.mkdir()
        clip = Clip(str(write_film(media, film)))
        for name, count in (("few", FEW), ("many", arguments.rounds)):
            with TrackSession.open(clip, Path(folder) / name, make_engine()) as session:
                fill(session, film, count)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        opened = {}

        def open_track(name: str) -> None:
            opened[name] = TrackSession.open(clip, Path(folder) / name, make_engine())

        size = (Path(folder) / "many" / "rounds.jsonl").stat().st_size
        timed(f"opening {arguments.rounds} rounds ({size / 1e6:.1f} MB)", lambda: open_track("many"))
        say(f"memory: {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f} MiB more")
        open_track("few")
        few, many = opened["few"], opened["many"]
        timed("first state", lambda: encode(track_state("job", "track", many)))
        states = {name: StateSender(encode) for name in opened}
        for name, sender in states.items():
            sender.changes = True
            sender.send("job", "track", opened[name])
        taken: dict[str, list[tuple[float, float]]] = {"few": [], "many": []}
        for number in range(arguments.times):
            taken["few"].append(seconds(states["few"], few, film, number))
            taken["many"].append(seconds(states["many"], many, film, number))
        for place, clock in enumerate(("by the clock", "of the processor")):
            low, high = (1000 * statistics.median(pair[place] for pair in taken[name]) for name in ("few", "many"))
            ratio = f"{high / low:.2f} times as long"
            say(f"a round at {FEW}: {low:.1f} ms, at {arguments.rounds}: {high:.1f} ms {clock}, {ratio}")
        many.disk.limit = 1
        timed("keeping to the limit", many.disk.keep)
        for session in opened.values():
            session.close()


if __name__ == "__main__":
    main()
