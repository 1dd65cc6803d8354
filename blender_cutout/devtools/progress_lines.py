"""Passes messages from processes in Blender to the one that started them, as marked lines of standard output.

Blender prints much of its own; only marked lines are for the user or, as JSON, for the next step.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

_SAY, _PROGRESS, _RESULT = "CUTOUT> ", "CUTOUT~ ", "CUTOUT= "
_TAIL = 25
_EVERY = 12
"""Shows only every n-th line of the progress where lines cannot be overwritten."""


class StepFailed(Exception):
    """A process failed; the message holds its last lines."""


def tell(text: str) -> None:
    """Prints a message for the user."""
    print(_SAY + text, flush=True)


def progress(what: str, done: int, total: int) -> None:
    """Reports progress."""
    print(f"{_PROGRESS}{done} {total} {what}", flush=True)


def give(record: dict[str, Any]) -> None:
    """Passes a result to the process that started this one."""
    print(_RESULT + json.dumps(record), flush=True)


def listen(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Runs a process, shows its messages, and returns its result.

    Raises:
        StepFailed: it ended with an error.
    """
    process = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert process.stdout
    tail: deque[str] = deque(maxlen=_TAIL)
    result: dict[str, Any] = {}
    try:
        for line in process.stdout:
            line = line.rstrip()
            if line.startswith(_SAY):
                print(line.removeprefix(_SAY), flush=True)
            elif line.startswith(_PROGRESS):
                _show(*line.removeprefix(_PROGRESS).split(" ", 2))
            elif line.startswith(_RESULT):
                result = json.loads(line.removeprefix(_RESULT))
            elif not line.startswith("Fra:"):  # the renderer's own progress
                tail.append(line)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code:
        raise StepFailed(f"A step failed (exit code {code}). Its last lines:\n" + "\n".join(tail))
    return result


def _show(done: str, total: str, what: str) -> None:
    end = done == total
    if sys.stdout.isatty():
        print(f"\r{what}: {done} of {total}", end="\n" if end else "", flush=True)
    elif end or int(done) % _EVERY == 1:
        print(f"{what}: {done} of {total}", flush=True)
