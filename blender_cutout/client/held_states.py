"""Holds the last state of each track and applies the engine's changes to it; standard library only.

A change fits only the state that its `base` names. If it does not fit (a message was lost or damaged), the whole state
is requested, and later events are held back until it arrives: the end of a job must not be handled before its result.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..core.messages import TERMINAL, Done, Event, TrackChange, TrackState

_Ranges: TypeAlias = "tuple[tuple[Any, ...], ...]"
"""(start, stop), or (start, stop, operation), sorted and disjoint."""


class HeldStates:
    """The last state of each track.

    Args:
        ask: requests the whole state of a track from the engine; returns the job's id, "" if there is no engine.
        lost: called with a track whose state the engine does not have.
    """

    def __init__(self, ask: Callable[[str], str], lost: Callable[[str], object]) -> None:
        self._ask = ask
        self._lost = lost
        self._states: dict[str, TrackState] = {}
        self._asked: dict[str, str] = {}
        """Id of each job that requests a whole state -> its track."""
        self._waiting: deque[Event] = deque()

    @property
    def asking(self) -> bool:
        """True while an answer is outstanding."""
        return bool(self._asked)

    def clear(self) -> None:
        """Forgets all states, and all events held back."""
        self._states.clear()
        self._asked.clear()
        self._waiting.clear()

    def take(self, event: Event) -> list[Event]:
        """Takes in the next event; returns those that can be handled now, with whole states in place of changes."""
        wire = getattr(event, "job", "")
        if wire in self._asked:
            if isinstance(event, TrackState):
                return [self._held(event)]
            if not isinstance(event, TERMINAL):
                return []
            track = self._asked.pop(wire)
            if not isinstance(event, Done):
                self._states.pop(track, None)
                self._lost(track)
            return self._released()
        self._waiting.append(event)
        return self._released()

    def _released(self) -> list[Event]:
        """Returns the events held back, up to the next change that does not fit."""
        ready: list[Event] = []
        while self._waiting and not self._asked:
            event = self._waiting.popleft()
            if isinstance(event, TrackState):
                ready.append(self._held(event))
            elif not isinstance(event, TrackChange):
                ready.append(event)
            elif (state := self._completed(event)) is not None:
                ready.append(self._held(state))
        return ready

    def _held(self, state: TrackState) -> TrackState:
        self._states[state.track] = state
        return state

    def _completed(self, change: TrackChange) -> TrackState | None:
        """Returns the state after a change; None if it is old, or does not fit: then requests the state."""
        state = self._states.get(change.track)
        if state is not None and change.revision <= state.revision:
            return None
        found = changed(state, change) if state is not None else None
        if found is None:
            wire = self._ask(change.track)
            if wire:
                self._asked[wire] = change.track
            else:
                self._lost(change.track)
        return found


def changed(state: TrackState, change: TrackChange) -> TrackState | None:
    """Returns the state after a change; None if the change is for another state, or invalid."""
    start, stop = change.start, change.stop
    ranges = (change.mattes, change.locked)
    if (
        change.base != state.revision
        or not 0 <= start <= stop <= state.frame_count
        or not all(_lie_within(start, stop, found) for found in ranges)
        or not _lie_within(start, stop, [(frame, frame + 1) for frame in change.keyframes])
        or (len(change.confidence), len(state.confidence)) != (2 * (stop - start), 2 * state.frame_count)
    ):
        return None
    state = replace(
        state,
        job=change.job,
        head=change.head,
        parent=change.parent,
        disk=change.disk,
        revision=change.revision,
        corrected=change.corrected,
        versions=change.versions,
        absent=change.absent,
    )
    if start == stop:
        return state
    keys = state.keyframes
    return replace(
        state,
        keyframes=keys[: bisect_left(keys, start)] + change.keyframes + keys[bisect_left(keys, stop) :],
        done=_replaced(state.done, start, stop, _joined((a, b) for a, b, _ in change.mattes)),
        mattes=_replaced(state.mattes, start, stop, change.mattes),
        locked=_replaced(state.locked, start, stop, change.locked),
        confidence=state.confidence[: 2 * start] + change.confidence + state.confidence[2 * stop :],
    )


def _lie_within(start: int, stop: int, ranges: Iterable[Sequence[Any]]) -> bool:
    """Returns whether ranges are sorted and lie in [start, stop)."""
    for item in ranges:
        if not start <= item[0] < item[1] <= stop:
            return False
        start = item[1]
    return True


def _replaced(ranges: _Ranges, start: int, stop: int, inside: _Ranges) -> Any:
    """Returns the ranges with those in [start, stop) replaced."""
    first = bisect_right(ranges, start, key=lambda item: item[1])
    last = bisect_left(ranges, stop, key=lambda item: item[0])
    before, over, after = ranges[:first], ranges[first:last], ranges[last:]
    if over and over[0][0] < start:
        before += ((over[0][0], start, *over[0][2:]),)
    if over and over[-1][1] > stop:
        after = ((stop, *over[-1][1:]), *after)
    seams = (*before[-1:], *inside, *after[:1])
    return before[:-1] + _joined(seams) + after[1:]


def _joined(ranges: Iterable[Any]) -> _Ranges:
    """Returns the ranges with touching ones of the same operation merged."""
    found: list[tuple[Any, ...]] = []
    for item in ranges:
        if found and found[-1][1] == item[0] and found[-1][2:] == item[2:]:
            found[-1] = (found[-1][0], *item[1:])
        else:
            found.append(item)
    return tuple(found)
