"""How slow this machine is, for tests that bound what something may cost.

Bounds are in processor time, since other programs may have the processors, and were set on one machine: elsewhere they
are multiplied by `slowness`. What must merely not block for ever has no bound of its own but the timeout of each test.
"""

from __future__ import annotations

import time
from functools import cache

_REFERENCE = 0.027
"""Seconds that `_work` takes on the machine on which the bounds were set."""


@cache
def slowness() -> float:
    """Returns how many times as much processor time Python takes here as on that machine, at least 1."""
    return max(1.0, min(_seconds() for _ in range(3)) / _REFERENCE)


def _seconds() -> float:
    begun = time.process_time()
    _work()
    return time.process_time() - begun


def _work() -> int:
    seen: dict[int, str] = {}
    for number in range(300_000):
        seen[number % 1009] = str(number)
    return len("".join(seen.values()))
