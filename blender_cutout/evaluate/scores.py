"""Holds scores, and computes their means over clips or pictures with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .interval import interval

ROUNDS_SHOWN = (1, 3, 5, 10)
TARGETS = (0.85, 0.90)
COUNTER_TARGET = 0.03

LOWER_IS_BETTER = frozenset({"decay", "flicker", "ghost", "MAE", "undo_short", "counter_short"})
"""Measures for which less is better, apart from rounds and times."""

Values = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """One object of a propagated clip.

    Attributes:
        name: its id; "" = the clip has one object.
        j, f: region and contour accuracy, means over the scored frames.
        decay_j: mean J of the first quarter of frames minus that of the last; None for very short clips.
        flicker: change from frame to frame that motion does not explain; None for very short clips.
        ghost: mean area of its mask while it is away, relative to its area before; None = it is never away.
        again: mean J after it came back; None = it never does.
    """

    name: str
    j: float
    f: float
    decay_j: float | None = None
    flicker: float | None = None
    ghost: float | None = None
    again: float | None = None


@dataclass(frozen=True, slots=True)
class ClipScore:
    """A propagated clip.

    Attributes:
        name: name of the sequence and the walk.
        j, f: region and contour accuracy, means over objects of means over frames.
        decay_j: see `ObjectScore`.
        seconds_per_frame: mean of propagation including reading.
        frames: number of frames made.
        flicker, ghost, again: see `ObjectScore`; means over the objects that have one.
        clip: name of the sequence.
        objects: each object's own score.
    """

    name: str
    j: float
    f: float
    decay_j: float | None
    seconds_per_frame: float
    frames: int
    flicker: float | None = None
    ghost: float | None = None
    again: float | None = None
    clip: str = ""
    objects: tuple[ObjectScore, ...] = ()

    @classmethod
    def of(cls, clip: str, walk: str, objects: tuple[ObjectScore, ...], seconds: float, frames: int) -> ClipScore:
        """Returns the score of a walk: the means over its objects, with equal weight."""
        return cls(
            f"{clip} {walk}".rstrip(),
            sum(o.j for o in objects) / len(objects),
            sum(o.f for o in objects) / len(objects),
            mean(o.decay_j for o in objects),
            seconds,
            frames,
            mean(o.flicker for o in objects),
            mean(o.ghost for o in objects),
            mean(o.again for o in objects),
            clip,
            objects,
        )

    @property
    def j_and_f(self) -> float:
        """Mean of J and F."""
        return (self.j + self.f) / 2

    @property
    def unit(self) -> str:
        """The unit that is resampled for intervals: the clip."""
        return self.clip or self.name

    def values(self) -> Values:
        """Returns measure -> value."""
        return {
            "J": self.j,
            "F": self.f,
            "J&F": self.j_and_f,
            "decay": self.decay_j,
            "flicker": self.flicker,
            "ghost": self.ghost,
            "again": self.again,
            "ms_per_frame": 1000 * self.seconds_per_frame,
        }


@dataclass(frozen=True, slots=True)
class StrokeScore:
    """A picture cut out by the robot: IoU and seconds of each round."""

    name: str
    ious: tuple[float, ...]
    seconds: tuple[float, ...]

    def rounds_to(self, target: float) -> int | None:
        """Returns the first round with at least this IoU; None if there is none."""
        return next((number for number, value in enumerate(self.ious, 1) if value >= target), None)

    @property
    def unit(self) -> str:
        """The unit that is resampled for intervals: the picture."""
        return self.name

    def values(self) -> Values:
        """Returns measure -> value; a target that is never reached counts as the total number of rounds."""
        rounds: Values = {f"IoU@{n}": self.ious[n - 1] if len(self.ious) >= n else None for n in ROUNDS_SHOWN}
        targets: Values = {f"rounds_to_{t:.2f}": float(self.rounds_to(t) or len(self.ious)) for t in TARGETS}
        return {**rounds, **targets, "ms_per_round": mean(1000 * second for second in self.seconds)}


@dataclass(frozen=True, slots=True)
class GuessScore:
    """A first guess of the foreground: IoU at 0.5 and mean absolute error."""

    name: str
    iou: float
    error: float
    seconds: float

    @property
    def unit(self) -> str:
        """The unit that is resampled for intervals: the picture."""
        return self.name

    def values(self) -> Values:
        """Returns measure -> value."""
        return {"IoU": self.iou, "MAE": self.error, "ms": 1000 * self.seconds}


@dataclass(frozen=True, slots=True)
class SlipScore:
    """A wrong stroke on a picture: IoU before it, after it, after an undo, and after a counter-stroke instead."""

    name: str
    label: str
    before: float
    wrong: float
    undo: float
    counter: float

    @property
    def unit(self) -> str:
        """The unit that is resampled for intervals: the picture."""
        return self.name

    def values(self) -> Values:
        """Returns measure -> value.

        `undo_short`, `counter_short`: how far the result stays below the IoU before (0 = as good). `counter_reached`: 1
        if one stroke brings it back to within 0.03.
        """
        short = max(0.0, self.before - self.counter)
        return {
            "before": self.before,
            "wrong": self.wrong,
            "undo": self.undo,
            "counter": self.counter,
            "undo_short": max(0.0, self.before - self.undo),
            "counter_short": short,
            "counter_reached": float(short <= COUNTER_TARGET),
        }


Score = ClipScore | StrokeScore | GuessScore | SlipScore


def mean(values: Iterable[float | None]) -> float | None:
    """Returns the mean of the values that are not None; None if there are none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def units(scores: Sequence[Score]) -> dict[str, Values]:
    """Returns clip or picture -> measure -> value; several scores of a clip (walks, slips) count as their mean."""
    groups: dict[str, list[Values]] = {}
    for score in scores:
        groups.setdefault(score.unit, []).append(score.values())
    return {name: {key: mean(v[key] for v in rows) for key in rows[0]} for name, rows in groups.items()}


def means(each: Mapping[str, Values]) -> dict[str, Any]:
    """Returns measure -> mean over clips or pictures, and under "intervals" measure -> (low, high) or None."""
    names = list(next(iter(each.values()), {}))
    columns = {name: [values[name] for values in each.values()] for name in names}
    record: dict[str, Any] = {name: mean(values) for name, values in columns.items()}
    record["intervals"] = {name: interval(values) for name, values in columns.items()}
    return record


def clip_summary(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """Returns means over clips."""
    each = units(scores)
    return {"clips": len(each), "walks": len(scores), **means(each)}


def stroke_summary(scores: Sequence[StrokeScore]) -> dict[str, Any]:
    """Returns means over pictures, and how many never reach a target."""
    record = {"pictures": len(scores), **means(units(scores))}
    for target in TARGETS:
        record[f"not_reached_{target:.2f}"] = sum(s.rounds_to(target) is None for s in scores)
    return record


def guess_summary(scores: Sequence[GuessScore]) -> dict[str, Any]:
    """Returns means over pictures."""
    return {"pictures": len(scores), **means(units(scores))}


def slip_summary(scores: Sequence[SlipScore]) -> dict[str, Any]:
    """Returns means over pictures; the slips of one picture count as one."""
    return {"slips": len(scores), **means(units(scores))}
