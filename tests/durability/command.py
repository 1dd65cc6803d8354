"""Runs `cutout propagate` on a small disk: refused at once, or stopped when others fill the disk meanwhile.

Not a test itself: `disks.py` runs it on a small disk of its own.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import stand
from stand import FILM, Torn

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine
from blender_cutout.core.images.matte import is_whole_png, write_mask

ROOM = 24 << 10
"""Bytes left on the disk for a run that is to stop: a few masks."""


def full_disk(media: Path, place: Path, disk: Path) -> int:
    """Tries both on an empty disk, and empties it again; returns how many masks were done when the run stopped."""
    first, calm, out = place / "first.png", place / "calm", disk / "out"
    write_mask(first, FILM.matte(0))
    ballast = disk / "ballast"
    words = ["propagate", str(media), "--keyframe", f"0={first}", "-o"]
    _expect(0, [*words, str(calm)], stand.make_engine)

    _leave(ballast, ROOM)
    said = _expect(2, [*words, str(out)], stand.make_engine)
    if "masks take about" not in said or "are free on the disk" not in said or out.exists():
        raise Torn(f"a disk that is too small: {said}")
    ballast.unlink()

    def crowded() -> Engine:
        _leave(ballast, ROOM)
        return stand.make_engine()

    said = _expect(2, [*words, str(out)], crowded)
    done = sorted(out.iterdir())
    if "The disk is full" not in said or "--resume" not in said or not 0 < len(done) < len(FILM):
        raise Torn(f"a disk that became full: {len(done)} masks, {said}")
    for mask in done:
        if not is_whole_png(mask.read_bytes()):
            raise Torn(f"{mask} is torn")
    ballast.unlink()
    _expect(0, [*words, str(out), "--resume"], stand.make_engine)
    if [p.name for p in sorted(out.iterdir())] != [p.name for p in sorted(calm.iterdir())]:
        raise Torn("masks are missing in the end")
    if any((out / p.name).read_bytes() != (calm / p.name).read_bytes() for p in done):
        raise Torn("what was finished is not what a calm run makes")
    stand.remove(out)
    return len(done)


def _leave(ballast: Path, room: int) -> None:
    """Fills a disk except for this many bytes."""
    free = os.statvfs(ballast.parent).f_bavail * os.statvfs(ballast.parent).f_frsize
    ballast.write_bytes(b"x" * (free - room))


def _expect(code: int, words: list[str], make: Callable[[], Engine]) -> str:
    """Returns the command's message; raises Torn if it ends in another way, or with more than one line of error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = main(words, load=lambda tier, device: make())
    said = err.getvalue()
    if found != code or said.count("\n") > 1 or "Traceback" in said:
        raise Torn(f"cutout ended with {found}: {said}")
    return said
