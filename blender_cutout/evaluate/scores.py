"""What was measured, as values; and their means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDS_SHOWN = (1, 3, 5, 10)
TARGETS = (0.85, 0.90)
COUNTER_TARGET = 0.03


@dataclass(frozen=True, slots=True)
class ClipScore:
    """A propagated clip.

    Attributes:
        name: of the sequence.
        j, f: region and contour accuracy, means over frames; first and last frame are not counted.
        decay_j: mean J of the first quarter of frames less that of the last; None for very short clips.
        seconds_per_frame: of propagation with reading, mean.
        frames: how many were made.
        flicker: change from frame to frame that motion does not explain; None for very short clips.
    """

    name: str
    j: float
    f: float
    decay_j: float | None
    seconds_per_frame: float
    frames: int
    flicker: float | None = None

    @property
    def j_and_f(self) -> float:
        """Mean of J and F."""
        return (self.j + self.f) / 2


@dataclass(frozen=True, slots=True)
class StrokeScore:
    """A picture cut out by the robot: IoU after each round, seconds of each."""

    name: str
    ious: tuple[float, ...]
    seconds: tuple[float, ...]

    def rounds_to(self, target: float) -> int | None:
        """The first round with at least this IoU; None when there is none."""
        return next((number for number, value in enumerate(self.ious, 1) if value >= target), None)


@dataclass(frozen=True, slots=True)
class GuessScore:
    """A first guess of the foreground: IoU at 0.5 and mean absolute error."""

    name: str
    iou: float
    error: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SlipScore:
    """A wrong stroke on a picture: IoU before it, after it, after an undo, after a stroke against it instead."""

    name: str
    label: str
    before: float
    wrong: float
    undo: float
    counter: float


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are not None; None when there are none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def clip_summary(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """Means over clips."""
    return {
        "clips": len(scores),
        "J": mean(s.j for s in scores),
        "F": mean(s.f for s in scores),
        "J&F": mean(s.j_and_f for s in scores),
        "decay": mean(s.decay_j for s in scores),
        "flicker": mean(s.flicker for s in scores),
        "ms_per_frame": mean(1000 * s.seconds_per_frame for s in scores),
    }


def stroke_summary(scores: Sequence[StrokeScore]) -> dict[str, Any]:
    """Means over pictures; one that never gets there counts with the number of rounds that there were."""
    record: dict[str, Any] = {"pictures": len(scores)}
    for number in ROUNDS_SHOWN:
        record[f"IoU@{number}"] = mean(s.ious[number - 1] for s in scores if len(s.ious) >= number)
    for target in TARGETS:
        record[f"rounds_to_{target:.2f}"] = mean(s.rounds_to(target) or len(s.ious) for s in scores)
        record[f"not_reached_{target:.2f}"] = sum(s.rounds_to(target) is None for s in scores)
    record["ms_per_round"] = mean(1000 * second for s in scores for second in s.seconds)
    return record


def guess_summary(scores: Sequence[GuessScore]) -> dict[str, Any]:
    """Means over pictures."""
    return {
        "pictures": len(scores),
        "IoU": mean(s.iou for s in scores),
        "MAE": mean(s.error for s in scores),
        "ms": mean(1000 * s.seconds for s in scores),
    }


def slip_summary(scores: Sequence[SlipScore]) -> dict[str, Any]:
    """Means over slips, and how far below the IoU before they end: `undo_short`, `counter_short` (0 = as good).

    `counter_reached` is the share of slips that one stroke brings back to within 0.03.
    """
    shorts = [max(0.0, s.before - s.counter) for s in scores]
    return {
        "slips": len(scores),
        "before": mean(s.before for s in scores),
        "wrong": mean(s.wrong for s in scores),
        "undo": mean(s.undo for s in scores),
        "counter": mean(s.counter for s in scores),
        "undo_short": mean(max(0.0, s.before - s.undo) for s in scores),
        "counter_short": mean(shorts),
        "counter_reached": mean(float(short <= COUNTER_TARGET) for short in shorts),
    }
