"""Opens received folders as the engine's process and `cutout session` do, each in a watched fork.

Uses a process of its own, so that its resources are not mixed up with the tests': see `Opener`. POSIX only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .child import limit_memory

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds after which a fork is killed."""
TRACK = "track"


class Opener:
    """A process that forks; `ask` returns the outcome for a folder."""

    def __init__(self, media: Path) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self._process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "tests.fuzz.opener", str(media)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            text=True,
            encoding="utf-8",
        )

    def ask(self, way: str, folder: Path) -> dict[str, Any]:
        """Opens the folder in one way, "engine" or "command"; see the functions of these names."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"way": way, "folder": str(folder)}) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=120)


def engine(folder: str, media: str) -> dict[str, Any]:
    """Opens the folder over messages, then draws, propagates and undoes where it opened.

    Returns:
        `end`, `code`, `text`: the terminal event of opening; `state` and `warnings`: events before it;
        `seconds`, `cpu`, `megabytes`: cost of opening; `later`: last events of the other jobs; `ended`: exit code.
    """
    from session_kit import FILM, make_engine

    from blender_cutout.core import messages as m
    from blender_cutout.worker.serve import Server

    (incoming, to_child), (from_child, outgoing) = os.pipe(), os.pipe()
    pid = _forked(lambda: Server(incoming, outgoing, lambda *_: make_engine()).run(), {to_child, from_child})
    os.close(incoming)
    os.close(outgoing)
    events: list[Any] = []
    rest = b""

    def ask(message: Any) -> Any:
        nonlocal rest
        with contextlib.suppress(OSError):
            os.write(to_child, m.encode(message))
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([from_child], [], [], left)[0]:
                break
            piece = os.read(from_child, 1 << 16)
            if not piece:
                return None
            *lines, rest = (rest + piece).split(b"\n")
            new = [m.decode(line) for line in lines]
            events.extend(new)
            for event in new:
                if isinstance(event, m.TERMINAL) and event.job == getattr(message, "job", None):
                    return event
                if isinstance(event, m.Ready) and isinstance(message, m.Hello):
                    return event
        return None

    ask(m.Hello(m.PROTOCOL, "draft", "cpu"))
    idle, before, started = _megabytes(pid, "VmRSS"), _cpu(pid), time.monotonic()
    end = ask(m.OpenTrack("open", TRACK, media, (), folder, 1000))
    found: dict[str, Any] = {
        "seconds": time.monotonic() - started,
        "cpu": _cpu(pid) - before,
        "megabytes": _megabytes(pid, "VmHWM") - idle,
        "end": type(end).__name__,
        "code": getattr(end, "code", ""),
        "text": str(getattr(end, "text", "")),
        "warnings": [str(event.text) for event in events if isinstance(event, m.Warn)],
        "state": next((_plain(event) for event in reversed(events) if isinstance(event, m.TrackState)), None),
        "later": [],
    }
    if isinstance(end, m.Done):
        stroke = {"label": "keep", "radius": 3.0, "points": [list(FILM.centre(8))]}
        for message in (
            m.ApplyRound("draw", TRACK, 8, (stroke,)),
            m.Propagate("carry", TRACK, 0, len(FILM), "both"),
            m.Undo("back", TRACK),
        ):
            later = ask(message)
            if later is None:
                found["later"].append(["nothing", "", message.job])
                break
            found["later"].append([type(later).__name__, getattr(later, "code", ""), str(getattr(later, "text", ""))])
    with contextlib.suppress(OSError):
        os.write(to_child, m.encode(m.Shutdown()))
    found["ended"] = _ended(pid)
    os.close(to_child)
    os.close(from_child)
    return found


def command(folder: str, media: str) -> dict[str, Any]:
    """Runs `cutout session FOLDER --limit 1K`.

    Returns:
        `said`: its output; `ended`: exit code, negative = killed; `seconds`, `cpu`, `megabytes`: its cost.
    """
    from blender_cutout.cli import main

    receiver, sender = os.pipe()

    def work() -> int:
        os.dup2(sender, 1)
        os.dup2(sender, 2)
        sys.stdout = sys.stderr = open(1, "w", encoding="utf-8", errors="replace", closefd=False)
        code = main(["session", folder, "--limit", "1K"])
        sys.stdout.flush()
        return code

    started = time.monotonic()
    pid = _forked(work, {receiver})
    os.close(sender)
    idle, said = _megabytes(pid, "VmRSS"), b""
    peak = cpu = 0.0
    while (left := started + PATIENCE - time.monotonic()) > 0:
        if select.select([receiver], [], [], min(left, 0.05))[0]:
            piece = os.read(receiver, 1 << 16)
            said += piece
            if not piece:
                break
        peak, cpu = max(peak, _megabytes(pid, "VmHWM")), max(cpu, _cpu(pid))
    seconds = time.monotonic() - started
    os.close(receiver)
    ended = _ended(pid, kill=seconds > PATIENCE)
    text = said.decode(errors="replace")
    return {"seconds": seconds, "cpu": cpu, "megabytes": peak - idle, "said": text, "ended": ended}


def _forked(work: Callable[[], int], unwanted: set[int]) -> int:
    """Forks; the child does the work and ends."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for descriptor in unwanted:
            os.close(descriptor)
        limit_memory()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        code = work()
    finally:
        os._exit(code)


def _ended(pid: int, kill: bool = False) -> int:
    """Waits for a child up to a limit; returns its exit code, or -9."""
    deadline = 0.0 if kill else time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return -9


def _megabytes(pid: int, field: str) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), 0.0)
    return 0.0


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
    return 0.0


def _plain(state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in ("head", "keyframes", "done", "locked", "mattes", "confidence")}


def main(media: str) -> None:
    """Answers line by line until the input ends."""
    import cv2
    import session_kit  # noqa: F401

    import blender_cutout.cli
    import blender_cutout.core.session.track_session
    import blender_cutout.worker.serve  # noqa: F401

    cv2.setNumThreads(1)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        asked = json.loads(line)
        found = {"engine": engine, "command": command}[asked["way"]](asked["folder"], media)
        out.write(json.dumps(found) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
