"""Runs `kill -9` on Blender itself at random moments; used by `kills.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import stand
from stand import Torn, kill

from blender_cutout.core.images.matte import is_whole_png
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange

HERE = Path(__file__).resolve().parent
STEPS = ("draw", "propagate", "correct", "propagate again", "write", "save")
"""Returns the steps that Blender reports as begun."""


def kill_blender(kills: int, seed: int, place: Path, python: str, delay: float) -> Counter[str]:
    """Kills Blender while its engine runs; returns counts by step. Raises Torn.

    Args:
        kills: how often.
        seed: of the random moments.
        place: an empty folder.
        python: a Python that has Blender as a module.
        delay: seconds that a pass of the engine's network takes.
    """
    random = stand.moments(seed)
    counted: Counter[str] = Counter()
    for number in range(kills):
        home = place / f"blender {number}"
        home.mkdir()
        said, log = home / "said", home / "log"
        with said.open("w") as out, log.open("w") as errors:
            process = subprocess.Popen(
                [python, str(HERE / "in_blender.py"), str(home), str(delay)],
                stdout=out,
                stderr=errors,
                env=os.environ | {"CUTOUT_PYTHON": sys.executable, "BLENDER_USER_RESOURCES": str(home / "user")},
            )
        try:
            engine = _engine_of(said, log, process)
            time.sleep(random.uniform(0, 2.2))
        finally:
            kill(process.pid)
            process.wait()
        steps = [line for line in said.read_text().splitlines() if line in STEPS]
        counted[steps[-1] if steps else "start"] += 1
        deadline = time.monotonic() + 8
        while stand.lives(engine):
            if time.monotonic() > deadline:
                raise Torn("the engine lives on without Blender")
            time.sleep(0.02)
        check_blender(home, steps)
        shutil.rmtree(home)
    return counted


def _engine_of(said: Path, log: Path, process: subprocess.Popen[bytes]) -> int:
    """Returns the process id of Blender's engine, once Blender has reported it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        line = next((line for line in said.read_text().splitlines(True) if line.startswith("engine ")), "")
        if line.endswith("\n"):
            return int(line.split()[1])
        time.sleep(0.01)
    raise Torn(f"Blender did not start: {log.read_text()[-800:]}")


def check_blender(home: Path, steps: list[str]) -> None:
    """Checks what Blender and its engine left behind: whole, and ready for the next engine to open."""
    sys.path.insert(0, str(stand.ROOT / "tests"))
    import bpy_kit as kit

    size = (kit.HEIGHT, kit.WIDTH)
    for file in home.rglob("*.png"):
        hidden = any(part.startswith(".") for part in file.relative_to(home).parts)
        if not hidden and "user" not in file.parts and not is_whole_png(file.read_bytes(), size):
            raise Torn(f"{file} is torn")
    for track in (home / "film_cutout").glob("*/rounds.jsonl"):
        begin = time.monotonic()
        with TrackSession.open(Clip(str(home / "media")), track.parent, stand.make_engine()) as session:
            if time.monotonic() - begin > 5:
                raise Torn("the track opens slowly")
            done = sum(stop - start for start, stop in session.done_ranges())
            if "correct" in steps and done != kit.LENGTH:
                raise Torn(f"Blender said that it had propagated, but {done} masks are there")
            if "propagate" in steps and not session.keyframes():
                raise Torn("Blender said that strokes were applied, and they are gone")
            list(session.propagate(FrameRange(0, kit.LENGTH), Direction.BOTH)) if session.keyframes() else None
        stand.check_sequence(track.parent / "matte", kit.LENGTH)
