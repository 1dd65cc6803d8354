"""Selects what to measure: which clips from which frames, which pictures with which strokes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .data import Data, Sequence, files_of, fingerprint
from .hidden import BOARD, can_hide
from .measure import ROUNDS, first_frames
from .robot import CAREFUL, Robot
from .walks import Walk, walks

VIDEO, HIDDEN, STROKES, SLIPS = "video", "hidden", "strokes", "slips"
PICTURES, FIRST_FRAMES = "foreground of pictures", "foreground of first frames"

Identity = dict[str, dict[str, tuple[str, str]]]
"""Measure -> clip or picture -> (hash of its files, how it is walked or drawn)."""


@dataclass(frozen=True)
class Plan:
    """What to measure, apart from the engine.

    Attributes:
        data: clips and pictures.
        kinds: measures, from `commands.evaluate.KINDS`.
        starts: walks per clip, 1 to 4.
        robot: the simulated artist.
    """

    data: Data
    kinds: tuple[str, ...]
    starts: int = 1
    robot: Robot = CAREFUL

    def walks_of(self, sequence: Sequence) -> list[Walk]:
        """Returns the walks through a clip."""
        span = (min(sequence.truth), max(sequence.truth))
        return walks(len(sequence.clip.files), self.starts, sequence.known, span)

    @cached_property
    def hidden(self) -> tuple[Sequence, ...]:
        """The clips that a board can be moved through."""
        return tuple(s for s in self.data.sequences if can_hide(s))

    @cached_property
    def identity(self) -> Identity:
        """What two runs must have in common to be compared."""
        data = self.data
        hashes: dict[Any, str] = {}

        def of(items: Any, how: Any) -> dict[str, tuple[str, str]]:
            for item in items:
                if (type(item), item.name) not in hashes:
                    hashes[type(item), item.name] = fingerprint(files_of(item))
            return {item.name: (hashes[type(item), item.name], how(item)) for item in items}

        out: Identity = {}
        if "video" in self.kinds:
            out[VIDEO] = of(data.sequences, self._way)
        if "hidden" in self.kinds:
            out[HIDDEN] = of(self.hidden, lambda _: BOARD)
        if "stills" in self.kinds:
            out[STROKES] = of(data.stills, lambda _: f"{self.robot.name} robot, {ROUNDS} rounds")
        if "slips" in self.kinds:
            out[SLIPS] = of(data.stills, lambda _: "two slips after three careful rounds")
        if "foreground" in self.kinds:
            out[PICTURES] = of(data.stills, lambda _: "first guess")
            films = {still.name for still in first_frames(data.sequences)}
            out[FIRST_FRAMES] = of([s for s in data.sequences if s.name in films], lambda _: "first guess")
        return {kind: each for kind, each in out.items() if each}

    def _way(self, sequence: Sequence) -> str:
        return ", ".join(f"from {w.given} over {w.start}-{w.stop - 1}" for w in self.walks_of(sequence))
