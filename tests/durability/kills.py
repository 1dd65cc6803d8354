"""Kills processes at random moments: `python tests/durability/kills.py [--worker N] [--command N] [--blender N]`.

The engine's process, the command line and Blender (bpy, with --bpy PYTHON) are killed (`kill -9`) while they draw,
propagate, import and export, again and again on the same track, which is never cleaned up. After every kill, everything
that was reported must exist with the same bytes, no picture may be torn, the journal must be whole, and the next
process must open the track at once, without a stale lock in its way. Killed jobs are repeated until they are done; in
the end every mask is compared with those of an undisturbed run (drawn ones to the bit, propagated ones within an IoU of
0.95). Exit code 0: all of this held.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import kills_of_blender
import numpy as np
import stand
from stand import FILM, Driver, Torn, kill, m

from blender_cutout.core.clips.movie import MovieWithAlpha
from blender_cutout.core.fakes import iou
from blender_cutout.core.images.matte import is_whole_png, read_mask
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, PropagationOptions, Stroke

if TYPE_CHECKING:
    from blender_cutout.core.types import Matte

HERE = Path(__file__).resolve().parent
DELAY = 0.006
"""Seconds per network pass: short, so that most of a propagation's time is our own work."""
MOST = 5
"""How often one job is killed before it may finish: otherwise nearly all kills would hit the longest one."""
CLI = """
import sys, time
sys.path.insert(0, sys.argv[1])
from blender_cutout.cli import main
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet
from blender_cutout.core.propagation.propagate import PropagationSettings
class Net(FakePropagationNet):
    def segment(self, *given):
        time.sleep(float(sys.argv[2]))
        return super().segment(*given)
settings = EngineSettings(96, PropagationSettings(working_px=96))
engine = Engine(FakeScribbleNet(), Net(), settings, tier="draft", weights_id="fake")
sys.exit(main(sys.argv[3:], load=lambda tier, device: engine))
"""


def stroke(frame: int, corner: bool) -> dict[str, object]:
    """Returns a stroke on the object, or a wrong one in a corner."""
    point = (5.0 + frame % 3, 5.0) if corner else FILM.centre(frame)
    return {"label": "keep", "radius": 3, "points": [list(point)]}


def jobs_of(
    drawn: list[int], masks: Path, out: Path, film: Path
) -> list[tuple[str, stand.Kind, tuple[object, ...], float]]:
    """Returns the jobs of a track's life: name, message, its fields, about how many seconds it takes."""
    both, every = (0, len(FILM), "both"), tuple(range(len(FILM)))
    steadily = partial(m.Propagate, stability=1.0)
    return [
        ("round", m.ApplyRound, (drawn[0], (stroke(drawn[0], False),)), 0.03),
        ("propagation", steadily, both, 0.35),
        ("round", m.ApplyRound, (drawn[1], (stroke(drawn[1], True),)), 0.03),
        ("propagation", steadily, both, 0.35),
        ("import", m.ImportMattes, (str(masks), -1, 5), 0.04),
        ("propagation", steadily, both, 0.35),
        ("export", m.Export, (every, str(out)), 0.05),
        ("export", m.Export, (every, str(film), (), "film"), 0.1),
    ]


def kill_worker(kills: int, seed: int, place: Path, likeness: Likeness) -> Counter[str]:
    """Kills the engine's process; returns how often in which kind of job. Raises Torn."""
    random = stand.moments(seed)
    media, masks = stand.write_media(place / "media"), stand.write_masks(place / "masks")
    counted: Counter[str] = Counter()
    cycle = 0
    while counted.total() < kills:
        cycle += 1
        folder = place / f"track {cycle}"
        driver = Driver(media, folder, place / "engine.log", "--delay", str(DELAY))
        driver.open()
        out, film = place / f"out {cycle}", place / f"film {cycle}.mkv"
        drawn = sorted(random.sample(range(len(FILM)), 3))
        for name, kind, fields, usual in jobs_of(drawn, masks, out, film):
            base, tries = driver.seen.head, 0
            while True:
                before, tries = driver.seen.head, tries + 1
                if counted.total() >= kills or tries > MOST:
                    if not isinstance(done := driver.ask(kind, *fields), m.Done):
                        raise Torn(f"{name} failed: {done}")
                    break
                ended = driver.kill_after(random.uniform(0, usual * 1.1), kind, *fields)
                counted[name if not ended else f"{name}, just done"] += 1
                stand.check_left(folder, driver.seen)
                stand.check_sequence(out, len(FILM))
                check_film(film)
                begin = time.monotonic()
                state = driver.open()
                if time.monotonic() - begin > 20:
                    raise Torn(f"opening again took {time.monotonic() - begin:.0f} s")
                if ended and name != "export" and state.head == base:
                    raise Torn(f"{name} was reported as done, but the head is where it was")
                if ended or (name in ("round", "import") and state.head != before):
                    break  # it was recorded before the kill: do not ask again
        state = driver.open()
        done = [e for e in driver.events(driver.send(m.Checkout, state.head)) if isinstance(e, m.Done)]
        if not done or state.done != ((0, len(FILM)),):
            raise Torn(f"not all frames have masks: {state.done}")
        driver.close()
        compare(media, masks, folder, place / f"alone {cycle}", drawn, likeness)
        for leftover in folder.rglob("*.part"):
            if leftover.parent.name != "small" and time.time() - leftover.stat().st_mtime > 600:
                raise Torn(f"{leftover} is never cleaned up")
        if not out.is_dir() or not film.is_file():
            raise Torn("an export that was reported as done is not there")
        shutil.rmtree(folder)
    return counted


def check_film(path: Path) -> None:
    """Raises Torn unless a film is absent or whole."""
    if path.exists():
        with MovieWithAlpha(path) as movie:
            if len(movie) != len(FILM) or movie[len(FILM) - 1].shape != (*FILM.size, 4):
                raise Torn(f"{path} is torn")


@dataclass
class Likeness:
    """How closely the masks of interrupted runs match those of undisturbed ones.

    Attributes:
        frames, same: number of compared frames, and of those that are bit-identical.
        worst: smallest IoU.
    """

    frames: int = 0
    same: int = 0
    worst: float = 1.0

    def add(self, frame: int, killed: Matte, calm: Matte) -> None:
        """Compares two masks (H, W) of a frame. Raises Torn if they differ much."""
        near = iou(killed, calm)
        if near < 0.95:
            raise Torn(f"the mask of frame {frame} is not that of the calm run (IoU {near:.3f})")
        self.frames += 1
        self.same += np.array_equal(killed, calm)
        self.worst = min(self.worst, near)

    def __str__(self) -> str:
        return f"{self.same} of {self.frames} masks to the bit as in calm runs, smallest IoU {self.worst:.3f}"


def compare(media: Path, masks: Path, folder: Path, alone: Path, drawn: list[int], likeness: Likeness) -> None:
    """Compares all masks with those of the same work done without kills. Raises Torn.

    What is drawn or imported must be the same to the bit. A propagation that goes on from masks on disk, of 8 bits,
    instead of from its own in memory may differ by a little.
    """
    clip, everything, steady = Clip(str(media)), FrameRange(0, len(FILM)), PropagationOptions(stability=1.0)
    with (
        TrackSession.open(clip, folder, stand.make_engine()) as killed,
        TrackSession.open(clip, alone, stand.make_engine()) as calm,
    ):
        for number, frame in enumerate(drawn[:2]):
            calm.apply_round(Round(frame, (Stroke.from_json(stroke(frame, number > 0)),)))
            list(calm.propagate(everything, Direction.BOTH, steady))
        list(calm.import_mattes(masks, None, 5))
        list(calm.propagate(everything, Direction.BOTH, steady))
        if killed.head != calm.head:
            raise Torn("the killed track has other steps than the calm one")
        for frame in everything:
            a, b = killed.matte(frame), calm.matte(frame)
            if a is None or b is None:
                raise Torn(f"frame {frame} has no mask")
            if not np.array_equal(a, b) and frame in calm.keyframes() and frame not in drawn[1:]:
                raise Torn(f"the mask that was given for frame {frame} is another now")
            likeness.add(frame, a, b)
    shutil.rmtree(alone)


def kill_command(kills: int, seed: int, place: Path, likeness: Likeness) -> Counter[str]:
    """Kills `cutout propagate` and `cutout composite`; returns how often. Raises Torn."""
    random = stand.moments(seed)
    media, masks = stand.write_media(place / "media"), stand.write_masks(place / "masks")
    counted: Counter[str] = Counter()
    cutout = [sys.executable, "-c", CLI, str(stand.ROOT), str(DELAY)]
    first = f"3={masks / '0003.png'}"

    def run(out: Path, seconds: float | None, words: list[str]) -> bool:
        """Returns whether the command finished."""
        process = subprocess.Popen(
            [*cutout, *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout
        if seconds is not None:
            process.stdout.readline()  # "start": the process takes longer to load than to work
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                kill(process.pid)
        said, error = process.communicate()
        if process.returncode not in (0, -9):
            raise Torn(f"{words[0]} ended with {process.returncode}: {error}")
        for line in said.splitlines():
            record = json.loads(line) if line.endswith("}") else {}
            if record.get("event") == "frame" and "path" in record and not Path(record["path"]).is_file():
                raise Torn(f"{record['path']} was reported as done and is not there")
        for file in out.glob("[0-9]*.png") if out.is_dir() else ():
            if not is_whole_png(file.read_bytes(), FILM.size):
                raise Torn(f"{file} is torn")
        return process.returncode == 0

    calm = place / "calm"
    run(calm, None, ["propagate", str(media), "--keyframe", first, "-o", str(calm)])
    cycle = 0
    while counted.total() < kills:
        cycle += 1
        out, film, over = place / f"masks {cycle}", place / f"film {cycle}.mov", place / f"pictures {cycle}"
        composite = ["composite", str(media), "--masks", str(out)]
        jobs = [
            ("propagate", 0.4, out, ["propagate", str(media), "--keyframe", first, "--resume", "-o", str(out)]),
            ("composite film", 0.3, film, [*composite, "--rgba", "-o", str(film)]),
            ("composite pictures", 0.15, over, [*composite, "--background", "green", "-o", str(over)]),
        ]
        for name, usual, target, words in jobs:
            tries = 0
            while not run(
                target, random.uniform(0, usual) if counted.total() < kills and tries < MOST else None, words
            ):
                counted[name] += 1
                tries += 1
                if target is film and film.exists():
                    check_film(film)
        check_film(film)
        for frame in range(len(FILM)):
            name = f"{frame:06d}.png"
            likeness.add(frame, read_mask(out / name), read_mask(calm / name))
        shutil.rmtree(out)
        shutil.rmtree(over)
        film.unlink()
    return counted


def main(arguments: list[str] | None = None) -> int:
    """Runs the proofs; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", type=int, default=110, metavar="N", help="kills of the engine (default 110)")
    parser.add_argument("--command", type=int, default=50, metavar="N", help="kills of the command line (default 50)")
    parser.add_argument("--blender", type=int, default=40, metavar="N", help="kills of Blender (default 40)")
    parser.add_argument("--bpy", metavar="PYTHON", help="a Python that has Blender as a module")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random moments (default the time)")
    options = parser.parse_args(arguments)
    if options.blender and not options.bpy:
        parser.error("--blender needs --bpy PYTHON; --blender 0 leaves it out")
    print(f"seed {options.seed}")  # noqa: T201
    total, likeness = 0, Likeness()
    for name, number, proof in (
        ("engine", options.worker, lambda n, s, p: kill_worker(n, s, p, likeness)),
        ("command", options.command, lambda n, s, p: kill_command(n, s, p, likeness)),
        ("Blender", options.blender, lambda n, s, p: kills_of_blender.kill_blender(n, s, p, options.bpy, DELAY * 3)),
    ):
        if not number:
            continue
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="cutout kills ") as place:
            try:
                counted = proof(number, options.seed, Path(place))
            except Torn as error:
                print(f"{name}: FAILED: {error}")  # noqa: T201
                return 1
        total += counted.total()
        what = ", ".join(f"{k} {v}" for k, v in sorted(counted.items()))
        print(f"{name}: {counted.total()} kills ({what}) in {time.monotonic() - begin:.0f} s, nothing lost")  # noqa: T201
    if likeness.frames:
        print(likeness)  # noqa: T201
    print(f"all: {total} kills, nothing finished was lost, no torn file, no stale lock")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
