"""A fuzzer of what the engine says of a track: changes that get lost, come twice, late, or are not what was sent."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import fields, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from blender_cutout.client.held_states import HeldStates
from blender_cutout.core.errors import CutoutError, ProtocolError
from blender_cutout.core.messages import EVENTS, Done, Event, Failed, TrackChange, TrackState, decode, encode

from .mutate import change, change_list, dumped
from .target import need

_COUNT = 40
_STEPS = 25
_LATER = 1000
"""Revision of the first whole state that is sent when asked for: later than all that were sent before."""


class Changes:
    """A track's first state, and the changes after each of some jobs."""

    own = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        self._states = [_state(1, _Frames(), "")]
        self._lines = [encode(self._states[0])]
        rng, frames = random.Random(7), _Frames()
        for number in range(_STEPS):
            start = rng.randrange(_COUNT - 1)
            stop = rng.randrange(start + 1, min(_COUNT, start + 12) + 1)
            frames.change(rng, start, stop)
            before, job = self._states[-1], f"job {number}"
            self._states.append(_state(before.revision + 1, frames, job))
            self._lines += [encode(_change(before, self._states[-1], start, stop)), encode(Done(job))]
        self._truth = {state.revision: _content(state) for state in self._states}
        self._genuine = set(self._lines)

    def make(self, rng: random.Random) -> bytes:
        lines = list(self._lines)
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            change_list(rng, lines)
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            at = rng.randrange(len(lines)) if lines else 0
            if lines and lines[at] in self._genuine:
                record = json.loads(lines[at])
                change(rng, record)
                lines[at] = dumped(record) + b"\n"
        return b"".join(lines)

    def run(self, data: bytes) -> None:
        asked: list[str] = []
        lost: list[str] = []

        def ask(track: str) -> str:
            asked.append(track)
            return f"ask {len(asked)}" if zlib.crc32(data) % 5 else ""

        held = HeldStates(ask, lost.append)
        given: list[Event] = []
        taken: list[Event] = []
        answered, is_true = 0, True
        for number, line in enumerate([*data.splitlines(keepends=True), b"", b""]):
            if line:
                is_true = is_true and (line in self._genuine or b"Track" not in line)
                try:
                    event = decode(line)
                except ProtocolError as error:
                    event = Failed("", error.code, error.text, error.hint)
                if not isinstance(event, EVENTS):
                    continue
                given.append(event)
                taken += self._checked(held.take(event), is_true)
            if held.asking and (not line or (number + zlib.crc32(data)) % 3 == 0):
                while held.asking and answered < len(asked):
                    answered = len(asked)
                    wire = f"ask {answered}"
                    whole = replace(self._states[-1], job=wire, track=asked[-1], revision=_LATER + number)
                    taken += self._checked(held.take(whole), False)
                    if zlib.crc32(data) % 7:
                        taken += self._checked(held.take(Done(wire)), False)
                    else:
                        taken += self._checked(held.take(Failed(wire, "InputError", "Not open.")), False)
        need(not held.asking, "an answer that came is still awaited")
        need(len(asked) <= len(given), "more was asked for than came")
        need(_others(taken) == _others(given), "an event was lost, or came in another order")

    def _checked(self, events: list[Event], is_true: bool) -> list[Event]:
        for event in events:
            need(not isinstance(event, TrackChange), "a change was handed on")
            if isinstance(event, TrackState) and is_true and event.revision in self._truth:
                need(_content(event) == self._truth[event.revision], "another state than the engine's")
        return events


class _Frames:
    """What each frame of a track is: the owner of its mask, whether it is drawn, locked, and its confidence."""

    def __init__(self) -> None:
        self.owners: list[str | None] = [None] * _COUNT
        self.locked, self.drawn = [False] * _COUNT, [False] * _COUNT
        self.sure = ["--"] * _COUNT

    def change(self, rng: random.Random, start: int, stop: int) -> None:
        owner = f"{rng.randrange(4):016x}"
        for frame in range(start, stop):
            self.owners[frame] = owner if rng.random() < 0.8 else None
            self.locked[frame], self.drawn[frame] = rng.random() < 0.3, rng.random() < 0.2
            self.sure[frame] = rng.choice(("--", "07", "95"))


def _state(revision: int, frames: _Frames, job: str) -> TrackState:
    mattes = _runs(frames.owners)
    done = tuple((a, b) for a, b, _ in _runs([None if owner is None else "" for owner in frames.owners]))
    locked = tuple((a, b) for a, b, _ in _runs(["" if is_locked else None for is_locked in frames.locked]))
    drawn = tuple(frame for frame, is_drawn in enumerate(frames.drawn) if is_drawn)
    return TrackState(
        job, "track", f"{revision:016x}", "", drawn, done, _COUNT, 60, 100, 25.0, mattes, locked, (revision, 1, 9),
        "".join(frames.sure), "", 0, revision,
    )  # fmt: skip


def _runs(cells: list[str | None]) -> tuple[tuple[int, int, str], ...]:
    found, at = [], 0
    for value, group in groupby(cells):
        length = len(list(group))
        if value is not None:
            found.append((at, at + length, value))
        at += length
    return tuple(found)


def _change(before: TrackState, after: TrackState, start: int, stop: int) -> TrackChange:
    def cut(ranges: tuple[tuple[Any, ...], ...]) -> Any:
        return tuple((max(a, start), min(b, stop), *rest) for a, b, *rest in ranges if a < stop and b > start)

    return TrackChange(
        after.job, "track", before.revision, after.revision, after.head, after.parent, start, stop,
        tuple(frame for frame in after.keyframes if start <= frame < stop), cut(after.mattes), cut(after.locked),
        after.confidence[2 * start : 2 * stop], after.disk,
    )  # fmt: skip


def _content(state: TrackState) -> list[Any]:
    return [getattr(state, field.name) for field in fields(state) if field.name not in ("job", "track")]


def _others(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, TrackState | TrackChange)]
