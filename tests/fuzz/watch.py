"""Runs a fuzzer in a child process: records a hang or crash with its input, and continues after it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .child import TARGETS, Board, limit_memory, load, problem
from .target import generator

ROOT = Path(__file__).resolve().parents[2]
MOST_CPU, MOST_WALL = 5.0, 60.0
"""Limits for one input in seconds of processor time and of real time: on a busy machine the latter says little."""
_START = 120.0
"""Seconds allowed for the imports and for making the valid inputs."""
_SAVED = 3
"""Most inputs saved for each kind of finding."""


@dataclass
class Tally:
    """A fuzzer's result.

    Attributes:
        inputs, seconds, cpu: how many were read, in which time, and how much of the processor's (0 = unknown).
        counts: findings by "hang", "crash", "foreign", "wrong" and "memory".
        first: key -> the first finding of that kind, with its traceback, and "count".
        megabytes, slowest: most memory above the idle process, and the slowest input's seconds.
    """

    name: str
    inputs: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    megabytes: int = 0
    slowest: float = 0.0

    def add(self, finding: dict[str, Any]) -> int:
        """Counts a finding; returns how many of its key there are now."""
        self.counts[finding["kind"]] = self.counts.get(finding["kind"], 0) + 1
        known = self.first.setdefault(finding["key"], {**finding, "count": 0})
        known["count"] += 1
        return int(known["count"])


def fuzz(name: str, seed: int, seconds: float, inputs: int = sys.maxsize, saved: Path | None = None) -> Tally:
    """Reads changed inputs of one kind, up to a time or a number.

    Args:
        name: of the fuzzer, see `child.TARGETS`; or its module and class, with a colon between.
        seed: the same seed gives the same inputs.
        seconds: for all of them; starting the process does not count.
        inputs: at most.
        saved: folder for the inputs that found something; None = not kept.

    Raises:
        RuntimeError: the fuzzer itself does not start.
    """
    tally = Tally(name)
    with tempfile.TemporaryDirectory(prefix="cutout-fuzz-", dir=_fast_disk()) as scratch:
        first = 0
        while first < inputs and tally.seconds < seconds:
            place = Path(scratch) / f"from-{first}"
            place.mkdir()
            at, kind = _one_child(tally, seed, first, inputs - first, seconds - tally.seconds, place)
            _collect(tally, place, seed, saved)
            if kind:
                found = {"kind": kind, "key": f"{kind}", "text": f"input {at}", "trace": "", "index": at}
                if tally.add(found) <= _SAVED:
                    _save(name, seed, at, kind, saved)
            first = at + 1
            shutil.rmtree(place, ignore_errors=True)
    return tally


def _one_child(tally: Tally, seed: int, first: int, count: int, seconds: float, place: Path) -> tuple[int, str]:
    """Has a child read inputs until it ends or the time is over; returns the last input, and what ended it."""
    board = Board(place / "board")
    board.write(-1, 0, 0, 0.0)
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [tally.name, str(seed), str(first), str(min(count, 10**12)), str(place / "board")]
    with (place / "said").open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "tests.fuzz.child", *words],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    started = time.monotonic()
    begun, kind = 0.0, ""
    idle = used = 0.0
    seen, since, cpu = -1, 0.0, 0.0  # the input that was read at the last look, and when that was first seen
    try:
        while True:
            ended = child.poll() is not None
            now = time.monotonic()
            at, done, most, slowest = board.read()
            used = max(used, _cpu(child.pid))
            if at != seen:
                seen, since, cpu = at, now, used
            if at < 0 and (ended or now - started > _START):
                raise RuntimeError(f"The fuzzer {tally.name} does not start:\n{(place / 'said').read_text()[-3000:]}")
            if at >= 0 and not begun:
                begun, idle = now, used
            if ended and child.returncode == 1:  # Python's own end of an error: in making inputs, not in reading them
                raise RuntimeError(f"The fuzzer {tally.name} broke at {at}:\n{(place / 'said').read_text()[-3000:]}")
            if ended:
                kind = "" if child.returncode == 0 else "crash"
                break
            if at >= 0 and _hangs(used - cpu, now - since):
                kind = "hang"
                break
            if begun and now - begun >= seconds:
                break
            time.sleep(0.02 if at < 0 else 0.1)
    finally:
        child.kill()
        child.wait()
    tally.inputs += done + bool(kind)
    tally.cpu += used - idle
    tally.seconds += max(1e-3, time.monotonic() - begun)
    tally.megabytes = max(tally.megabytes, most >> 20)
    tally.slowest = max(tally.slowest, slowest, now - since if kind == "hang" else 0.0)
    return at, kind


def _hangs(used: float, waited: float) -> bool:
    """Returns whether an input has taken too long, by seconds of processor time and of real time."""
    from pace_kit import slowness  # here, not above: `python -m tests.fuzz` first has to add the folder

    return waited > MOST_CPU and (used > MOST_CPU * slowness() or waited > MOST_WALL)


def _cpu(pid: int) -> float:
    """Returns the processor time of a process in seconds; 0 if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


def _collect(tally: Tally, place: Path, seed: int, saved: Path | None) -> None:
    report = place / "findings.jsonl"
    if not report.exists():
        return
    for line in report.read_text(encoding="utf-8").splitlines():
        try:
            finding = json.loads(line)
        except ValueError:  # killed while it wrote
            continue
        if tally.add(finding) <= _SAVED:
            _save(tally.name, seed, finding["index"], finding["kind"], saved)


def _save(name: str, seed: int, index: int, kind: str, saved: Path | None) -> None:
    """Saves an input, making it once more."""
    if saved is None:
        return
    saved.mkdir(parents=True, exist_ok=True)
    (saved / f"{name.replace(':', '-')}-{seed}-{index}-{kind}").write_bytes(made(name, seed, index))


def made(name: str, seed: int, index: int) -> bytes:
    """Returns the input with that index."""
    with tempfile.TemporaryDirectory(prefix="cutout-fuzz-") as scratch:
        return load(name, Path(scratch)).make(generator(seed, name, index))


def read_again(name: str, data: bytes) -> dict[str, Any] | None:
    """Returns the finding of one input, read in this process."""
    with tempfile.TemporaryDirectory(prefix="cutout-fuzz-") as scratch:
        target = load(name, Path(scratch))
        limit_memory()
        return problem(target, data)


def _fast_disk() -> str | None:
    """Returns a folder in memory if there is one: the readers are tested, not the disk."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else None


def table(tallies: list[Tally]) -> str:
    """Returns the results as text, with the first traceback of each kind of finding."""
    lines = [
        "| fuzzer | inputs | a second of the processor | hangs > 5 s | crashes | foreign errors | wrong results "
        "| too much memory | most MB | slowest s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    kinds = ("hang", "crash", "foreign", "wrong", "memory")
    for t in tallies:
        found = " | ".join(str(t.counts.get(kind, 0)) for kind in kinds)
        rate = t.inputs / max(t.cpu or t.seconds, 1e-3)
        lines.append(f"| {t.name} | {t.inputs:,} | {rate:,.0f} | {found} | {t.megabytes} | {t.slowest:.1f} |")
    sums = " | ".join(str(sum(t.counts.get(kind, 0) for t in tallies)) for kind in kinds)
    most = max((t.megabytes for t in tallies), default=0)
    slowest = max((t.slowest for t in tallies), default=0.0)
    lines.append(f"| all | {sum(t.inputs for t in tallies):,} | | {sums} | {most} | {slowest:.1f} |")
    for t in tallies:
        for key, finding in sorted(t.first.items(), key=lambda item: -item[1]["count"]):
            lines.append(f"\n{t.name}: {key}, {finding['count']} times, first at {finding['index']}: {finding['text']}")
            lines.append(finding["trace"].rstrip())
    return "\n".join(lines)


__all__ = ["TARGETS", "Tally", "fuzz", "made", "read_again", "table"]
