"""Changes become whole states; one that does not fit makes the whole state asked for, and ends of jobs wait for it."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from blender_cutout.client.held_states import HeldStates, changed
from blender_cutout.core.messages import Done, Event, Failed, Progress, TrackChange, TrackState

COUNT = 30
CELLS = "".join(f"{frame:02d}" for frame in range(COUNT))
STATE = TrackState(
    "j1", "t", "h1", "p1", (4, 9, 20), ((4, 12), (20, 21)), COUNT, 60, 100, 25.0,
    ((4, 5, "a"), (5, 12, "b"), (20, 21, "a")), ((6, 8),), (7, 1, 99), CELLS, "", 90, 5,
)  # fmt: skip
CHANGE = TrackChange("j2", "t", 5, 6, "h2", "h1", 8, 16, (10,), ((8, 11, "b"), (11, 16, "c")), (), "--" * 8, (8, 1, 98))


def runs(cells: list[Any], start: int = 0) -> tuple[tuple[Any, ...], ...]:
    """Returns the (start, stop, value) of equal values that are not None."""
    found, at = [], start
    for value, group in groupby(cells):
        length = len(list(group))
        if value is not None:
            found.append((at, at + length, value))
        at += length
    return tuple(found)


def pairs(cells: list[Any], start: int = 0) -> tuple[tuple[int, int], ...]:
    return tuple((a, b) for a, b, _ in runs([value and True for value in cells], start))


def test_a_change_replaces_its_frames_and_leaves_the_others() -> None:
    state = changed(STATE, CHANGE)
    assert state == replace(
        STATE,
        job="j2",
        head="h2",
        parent="h1",
        keyframes=(4, 10, 20),
        done=((4, 16), (20, 21)),
        mattes=((4, 5, "a"), (5, 11, "b"), (11, 16, "c"), (20, 21, "a")),
        disk=(8, 1, 98),
        confidence=CELLS[:16] + "--" * 8 + CELLS[32:],
        revision=6,
    )


def test_any_change_gives_what_a_list_of_frames_gives() -> None:
    rng = random.Random(1)
    owners, locks, drawn = [None] * COUNT, [None] * COUNT, [None] * COUNT
    state = replace(STATE, keyframes=(), done=(), mattes=(), locked=(), confidence="--" * COUNT)
    for number in range(2000):
        start, stop = sorted(rng.randrange(COUNT + 1) for _ in range(2))
        for cells, values in ((owners, ("a", "b", None)), (locks, (True, None)), (drawn, (True, None))):
            cells[start:stop] = (
                [rng.choice(values)] * (stop - start)
                if rng.random() < 0.4
                else [rng.choice(values) for _ in range(stop - start)]
            )
        inside = slice(start, stop)
        change = TrackChange(
            "j", "t", state.revision, state.revision + 1, f"h{number}", "", start, stop,
            tuple(start + n for n, is_drawn in enumerate(drawn[inside]) if is_drawn),
            runs(owners[inside], start), pairs(locks[inside], start), "50" * (stop - start), (number, 0, 0),
        )  # type: ignore[arg-type] # fmt: skip
        found = changed(state, change)
        assert found is not None, change
        state = found
        assert state.mattes == runs(owners)
        assert state.done == pairs(owners)
        assert state.locked == pairs(locks)
        assert state.keyframes == tuple(frame for frame in range(COUNT) if drawn[frame])
        assert len(state.confidence) == 2 * COUNT


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": 4},
        {"start": -1, "confidence": "--" * 17},
        {"stop": COUNT + 1, "confidence": "--" * (COUNT + 1 - 8)},
        {"start": 17},
        {"keyframes": (7,)},
        {"keyframes": (16,)},
        {"keyframes": (11, 10)},
        {"keyframes": (10, 10)},
        {"mattes": ((7, 11, "b"),)},
        {"mattes": ((8, 17, "b"),)},
        {"mattes": ((11, 16, "c"), (8, 11, "b"))},
        {"mattes": ((8, 12, "b"), (11, 16, "c"))},
        {"locked": ((9, 9),)},
        {"locked": ((12, 10),)},
        {"confidence": "--" * 7},
    ],
    ids=str,
)
def test_a_change_that_is_not_sound_is_not_applied(wrong: dict[str, Any]) -> None:
    assert changed(STATE, replace(CHANGE, **wrong)) is None


class Engine:
    """Records the requests."""

    def __init__(self, answers: bool = True) -> None:
        self.asked: list[str] = []
        self.lost: list[str] = []
        self.answers = answers
        self.states = HeldStates(self.ask, self.lost.append)

    def ask(self, track: str) -> str:
        self.asked.append(track)
        return f"ask {len(self.asked)}" if self.answers else ""

    def say(self, *events: Event) -> list[Event]:
        return [ready for event in events for ready in self.states.take(event)]


def test_a_change_that_fits_is_a_whole_state() -> None:
    engine = Engine()
    second = replace(CHANGE, base=6, revision=7, job="j3")
    said = engine.say(STATE, Done("j1"), CHANGE, Done("j2"), second, Done("j3"))
    assert [type(event).__name__ for event in said] == ["TrackState", "Done"] * 3
    assert [event.revision for event in said if isinstance(event, TrackState)] == [5, 6, 7]
    assert engine.asked == []


def test_after_a_lost_message_the_state_is_asked_for_once_and_the_end_of_the_job_waits_for_it() -> None:
    engine = Engine()
    lost, after = replace(CHANGE, base=6, revision=7), replace(CHANGE, base=7, revision=8, job="j3")
    assert engine.say(STATE) == [STATE]
    assert engine.say(lost, Done("j2"), Progress("j3", 1, 2, "", 0.0), after, Done("j3")) == []
    assert engine.asked == ["t"]
    assert engine.states.asking
    whole = replace(STATE, revision=9, job="ask 1", head="h9")
    assert engine.say(whole) == [whole]
    ends = engine.say(Done("ask 1"))
    assert ends == [Done("j2"), Progress("j3", 1, 2, "", 0.0), Done("j3")], "both changes are in the whole state"
    assert not engine.states.asking
    new = engine.say(replace(CHANGE, base=9, revision=10))
    assert [event.head for event in new if isinstance(event, TrackState)] == ["h2"]
    assert engine.asked == ["t"]


def test_a_change_said_twice_or_late_changes_nothing() -> None:
    engine = Engine()
    engine.say(STATE, CHANGE)
    assert engine.say(CHANGE, replace(CHANGE, base=3, revision=4), Done("j2")) == [Done("j2")]
    assert engine.asked == []


def test_a_change_of_a_track_without_a_state_makes_it_asked_for() -> None:
    engine = Engine()
    assert engine.say(CHANGE, Done("j2")) == []
    whole = replace(STATE, revision=6, job="ask 1")
    assert engine.say(whole, Done("ask 1")) == [whole, Done("j2")]


@pytest.mark.parametrize("answers", [True, False])
def test_when_the_state_cannot_be_had_the_track_is_lost_and_the_job_ends(answers: bool) -> None:
    engine = Engine(answers)
    failed = [Failed("ask 1", "InputError", "Not open.")] if answers else []
    assert engine.say(STATE, replace(CHANGE, base=4, revision=9), Done("j2"), *failed) == [STATE, Done("j2")]
    assert engine.lost == ["t"]
    assert not engine.states.asking


def test_two_tracks_are_asked_for_one_after_the_other() -> None:
    engine = Engine()
    first, second = replace(CHANGE, base=1, revision=7), replace(CHANGE, track="u", job="j2")
    assert engine.say(first, second, Done("j2")) == []
    assert engine.asked == ["t"]
    engine.say(replace(STATE, revision=8, job="ask 1"), Done("ask 1"))
    assert engine.asked == ["t", "u"]
    heard = engine.say(replace(STATE, track="u", revision=9, job="ask 2"), Done("ask 2"))
    assert [type(event).__name__ for event in heard] == ["TrackState", "Done"]


def test_what_is_forgotten_is_not_held_against_the_next_engine() -> None:
    engine = Engine()
    engine.say(replace(STATE, revision=900), replace(CHANGE, base=901, revision=902))
    engine.states.clear()
    assert not engine.states.asking
    assert engine.say(STATE, CHANGE, Done("j2"))[-1] == Done("j2")
    assert engine.asked == ["t"], "only before"
