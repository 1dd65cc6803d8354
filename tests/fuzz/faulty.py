"""A reader that makes every mistake, to test the fuzzers themselves."""

from __future__ import annotations

import os
import random
from pathlib import Path

from .target import Wrong

KINDS = {1: None, 2: "foreign", 3: "wrong", 4: "memory", 5: "hang", 6: "crash"}
"""The fault that each number leads to; other numbers are harmless."""


class Faulty:
    """Reads numbers."""

    own = (ValueError,)
    megabytes = 10

    def __init__(self, place: Path) -> None:
        pass

    def make(self, rng: random.Random) -> bytes:
        return b"%d" % rng.randrange(20)

    def run(self, data: bytes) -> None:
        match int(data):
            case 1:
                raise ValueError("as documented")
            case 2:
                raise KeyError("not documented")
            case 3:
                raise Wrong("a wrong result")
            case 4:
                bytearray(b"x" * (30 << 20))
            case 5:
                while True:
                    pass
            case 6:
                os._exit(3)
