"""Fills or write-protects disks at random moments: `python tests/durability/disks.py [--times N] [--seed S]`. Linux.

While the engine draws, propagates, imports and exports, its disk becomes full or read-only, or refuses to let files
grow. The job must either end with one message that says so, or not notice. Everything that was reported must exist,
nothing may be torn; and once the disk works again, the same process must continue and end up with the masks of an
undisturbed run.

Full and read-only disks need a small disk in memory (`mount -t tmpfs`, as root); limiting the size of the engine's
files (`prlimit`) needs nothing. Exit code 0: all of this held.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import command
import kills
import stand
from stand import FILM, Driver, Torn, m

MOST = 6
"""How often one job is disturbed before it may finish."""


class Full:
    """A disk that can be filled to the last byte."""

    name = "full"

    def __init__(self, disk: Path) -> None:
        self._ballast = disk / "ballast"

    def begin(self, pid: int) -> None:
        """Fills the disk."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def end(self, pid: int) -> None:
        """Frees the space again."""
        self._ballast.unlink(missing_ok=True)


class ReadOnly:
    """A disk that can become read-only."""

    name = "read-only"

    def __init__(self, disk: Path) -> None:
        self._disk = disk

    def begin(self, pid: int) -> None:
        """Makes the disk read-only as soon as no file is open for writing."""
        deadline = time.monotonic() + 5
        while self._remount("ro") and time.monotonic() < deadline:
            pass

    def end(self, pid: int) -> None:
        """Makes the disk writable again."""
        self._remount("rw")

    def _remount(self, how: str) -> int:
        return subprocess.run(["mount", "-o", f"remount,{how}", str(self._disk)], stderr=subprocess.DEVNULL).returncode


class Refused:
    """Limits a process's files to a few bytes."""

    name = "refused"

    def begin(self, pid: int) -> None:
        """Sets the limit."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))

    def end(self, pid: int) -> None:
        """Removes the limit."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def trouble(
    times: int,
    seed: int,
    place: Path,
    disk: Path,
    kinds: list[Full | ReadOnly | Refused],
    likeness: kills.Likeness,
) -> Counter[str]:
    """Breaks the disk many times; returns counts by kind and job. Raises Torn."""
    random = stand.moments(seed)
    media, masks = stand.write_media(place / "media"), stand.write_masks(place / "masks")
    counted: Counter[str] = Counter()
    cycle = 0
    while counted.total() < times:
        cycle += 1
        folder, out, film = disk / f"track {cycle}", disk / f"out {cycle}", disk / f"film {cycle}.mkv"
        driver = Driver(media, folder, place / "engine.log", "--delay", "0.003")
        driver.open()
        pid = driver.client.pid
        assert pid is not None
        drawn = sorted(random.sample(range(len(FILM)), 3))
        for name, kind, fields, usual in kills.jobs_of(drawn, masks, out, film):
            for number in range(MOST + 1):
                calm = number == MOST or counted.total() >= times
                kind_of = None if calm else random.choice(kinds)
                last = _one(driver, kind_of, random.uniform(0, usual), pid, kind, fields)
                stand.check_left(folder, driver.seen)
                stand.check_sequence(out, len(FILM))
                kills.check_film(film)
                if kind_of:
                    counted[f"{kind_of.name} during {name}" if isinstance(last, m.Failed) else "not noticed"] += 1
                if isinstance(last, m.Done):
                    break
                if calm or not isinstance(last, m.Failed) or last.code != "StoreError" or not last.hint:
                    raise Torn(f"{name} ended with {last}")
            else:
                raise Torn(f"{name} did not come to its end")
        if driver.client.pid != pid:
            raise Torn("the engine did not live through it")
        driver.close()
        kills.compare(media, masks, folder, place / f"alone {cycle}", drawn, likeness)
        stand.remove(folder, out, film)
    return counted


def _one(
    driver: Driver,
    kind_of: Full | ReadOnly | Refused | None,
    seconds: float,
    pid: int,
    kind: stand.Kind,
    fields: tuple[object, ...],
) -> m.Event:
    """Runs one job with trouble after this many seconds; returns its last event."""
    job = driver.send(kind, *fields)
    events = list(driver.events(job, time.monotonic() + seconds)) if kind_of else []
    last = events[-1] if events else None
    if isinstance(last, m.TERMINAL) and last.job == job:
        return last
    if kind_of:
        kind_of.begin(pid)
    try:
        return list(driver.events(job))[-1]
    finally:
        if kind_of:
            kind_of.end(pid)


def main(arguments: list[str] | None = None) -> int:
    """Runs the proof; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100, metavar="N", help="of trouble (default 100)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the random moments (default the time)")
    options = parser.parse_args(arguments)
    begin, likeness = time.monotonic(), kills.Likeness()
    with tempfile.TemporaryDirectory(prefix="cutout disks ") as place:
        disk = Path(place) / "disk"
        disk.mkdir()
        mounted = os.geteuid() == 0 and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], stderr=subprocess.DEVNULL
        ).returncode  # fmt: skip
        kinds: list[Full | ReadOnly | Refused] = [Full(disk), ReadOnly(disk)] if mounted else []
        try:
            if mounted:
                done = command.full_disk(stand.write_media(Path(place) / "film"), Path(place), disk)
                print(f"cutout propagate: refused on a small disk; {done} masks were kept when it became full")  # noqa: T201
            counted = trouble(options.times, options.seed, Path(place), disk, [*kinds, Refused()], likeness)
        except Torn as error:
            print(f"seed {options.seed}: FAILED: {error}")  # noqa: T201
            return 1
        finally:
            if mounted:
                subprocess.run(["mount", "-o", "remount,rw", str(disk)], stderr=subprocess.DEVNULL)
                subprocess.run(["umount", "-l", str(disk)])
    what = ", ".join(f"{k} {v}" for k, v in sorted(counted.items()))
    print(f"seed {options.seed}: {counted.total()} times ({what}) in {time.monotonic() - begin:.0f} s, nothing lost")  # noqa: T201
    print(likeness)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
