"""What the artist can do to a track, as values and as JSON; validated when read.

Ids and names become paths, and whoever sends a folder controls what its journal says, so nothing but lower-case
hexadecimal digits of the right length is accepted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar, overload

from ..types import AUTO_MODES, Box, Direction, FrameRange, Paint, Stroke

LAST_FRAME = 2**31 - 1
"""Larger frame numbers are damage; numbers beyond the clip may come from a longer clip."""
_ID = re.compile("[0-9a-f]{16}")
_NAME = re.compile("[0-9a-f]{24}")
_Shape = TypeVar("_Shape")


class Round(NamedTuple):
    """One round of interaction on one frame: strokes, or none for a proposal ("Auto").

    Attributes:
        frame: the clip frame it was drawn on.
        strokes: this round's strokes only.
        zoom: magnification of the picture when drawn (1 = whole picture in view).
        auto: True = first guess, without strokes.
        box: for a first guess: around the object; None = the whole picture.
        mode: for a first guess: one of `AUTO_MODES`.
        at: for a person or a head: (x, y) in source pixels on the one that is meant; None = the largest.
    """

    frame: int
    strokes: Sequence[Stroke] = ()
    zoom: float = 1.0
    auto: bool = False
    box: Box | None = None
    mode: str = AUTO_MODES[0]
    at: tuple[float, float] | None = None


class PaintRound(NamedTuple):
    """One round of exact painting on one frame; no later round of strokes changes the painted pixels.

    Attributes:
        frame: the clip frame it was painted on.
        shapes: in the order of painting.
    """

    frame: int
    shapes: Sequence[Paint]


@dataclass(frozen=True, slots=True)
class Propagation:
    """Propagates the keyframes' mattes through a range of frames.

    Attributes:
        frames, direction: the frames, and how they are reached.
        group: name of the joint run that this is part of (see `core.session.run_plan`), "" = alone.
        objects: number of objects that take part.
        stability: see `PropagationOptions`.
    """

    frames: FrameRange
    direction: Direction
    group: str = ""
    objects: int = 1
    stability: float = 0.0


@dataclass(frozen=True, slots=True)
class Lock:
    """Approves the mattes of a range of frames, or unlocks them; makes no matte.

    Attributes:
        frames: the frames.
        locked: True = from now on they must not change.
    """

    frames: FrameRange
    locked: bool = True


@dataclass(frozen=True, slots=True)
class Absence:
    """Marks a range of frames Not Here, or clears the mark; their mattes are empty.

    Attributes:
        frames: the frames.
        absent: True = it is not there.
    """

    frames: FrameRange
    absent: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """Makes mattes from elsewhere keyframes.

    Attributes:
        contents: clip frame -> name of its matte among the track's imported ones (see `core.session.imported`).
        source: where they were read from, to show the artist.
    """

    contents: Mapping[int, str]
    source: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands in for a record that can no longer be read; any mattes it made still count."""


Action: TypeAlias = Round | PaintRound | Propagation | Lock | Absence | Import | Lost


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the artist: `action` applied to the state after operation `parent` (ROOT = none)."""

    id: str
    parent: str
    action: Action


class NewerError(ValueError):
    """Raised for a valid record of a kind that this version does not know."""


class Stored(Sequence[_Shape]):
    """The strokes or painted shapes of a record in the journal, built on access.

    Thousands of rounds are read on opening, and the strokes of hardly any are needed again.

    Args:
        record: the JSON object that holds them.
        name: its key.
        count: number of strokes.
        build: makes one of its JSON values.

    Raises:
        StrokeError: on access, when they are invalid.
    """

    def __init__(self, record: bytes, name: str, count: int, build: Callable[[Any], _Shape]) -> None:
        self._record = record
        self._name = name
        self._count = count
        self._build = build

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> _Shape: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_Shape, ...]: ...
    def __getitem__(self, index: int | slice) -> _Shape | tuple[_Shape, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[_Shape]:
        return map(self._build, json.loads(self._record)[self._name])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def is_operation_id(text: object) -> bool:
    """Returns True for a valid operation id: 16 lower-case hexadecimal digits."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def is_import_name(text: object) -> bool:
    """Returns True for a valid name of an imported matte: 24 lower-case hexadecimal digits."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def drawn_frames(action: Action) -> Collection[int]:
    """Returns the clip frames that an action makes keyframes by giving their matte itself."""
    if isinstance(action, Round | PaintRound):
        return (action.frame,)
    return action.contents.keys() if isinstance(action, Import) else ()


def is_automatic(action: Action) -> bool:
    """Returns whether an action is a round of people, heads or sky, without strokes."""
    return isinstance(action, Round) and action.mode != AUTO_MODES[0]


def action_to_json(action: Action) -> dict[str, Any]:
    """Returns the action as JSON values; equal actions give equal values."""
    if isinstance(action, Lock):
        return {
            "action": "lock" if action.locked else "unlock",
            "start": action.frames.start,
            "stop": action.frames.stop,
        }
    if isinstance(action, Absence):
        return {
            "action": "absent" if action.absent else "present",
            "start": action.frames.start,
            "stop": action.frames.stop,
        }
    if isinstance(action, Lost):
        return {"action": "lost"}
    if isinstance(action, Import):
        contents = [[frame, action.contents[frame]] for frame in sorted(action.contents)]
        return {"action": "import", "contents": contents, "source": action.source}
    if isinstance(action, Propagation):
        record = {
            "action": "propagation",
            "start": action.frames.start,
            "stop": action.frames.stop,
            "direction": action.direction.value,
        }
        if action.stability:
            record["stability"] = action.stability
        return {**record, "group": action.group, "objects": action.objects} if action.group else record
    if isinstance(action, PaintRound):
        return {"action": "paint", "frame": action.frame, "shapes": [shape.to_json() for shape in action.shapes]}
    if action.box is not None:
        box = action.box
        return {"action": "box", "frame": action.frame, "box": [box.x0, box.y0, box.x1, box.y1]}
    if action.at is not None:
        return {"action": "pointed", "frame": action.frame, "mode": action.mode, "at": list(action.at)}
    if action.mode != AUTO_MODES[0]:
        return {"action": "automatic", "frame": action.frame, "mode": action.mode}
    return {
        "action": "round",
        "frame": action.frame,
        "strokes": [stroke.to_json() for stroke in action.strokes],
        "zoom": action.zoom,
        "auto": action.auto,
    }


def action_from_json(record: dict[str, Any], text: bytes = b"") -> Action:
    """Returns the action of a record made by `action_to_json`.

    Args:
        record: the JSON values.
        text: the same as JSON text, from which strokes are built on access.

    Raises:
        KeyError, TypeError, ValueError, OverflowError or CutoutError: it is not an action. NewerError: unknown kind.
    """
    kind = record["action"]
    if kind in ("lock", "unlock"):
        return Lock(_range(record), kind == "lock")
    if kind in ("absent", "present"):
        return Absence(_range(record), kind == "absent")
    if kind == "lost":
        return Lost()
    if kind == "import":
        contents = {_frame(frame): name for frame, name in record["contents"]}
        if not contents or not all(map(is_import_name, contents.values())):
            raise ValueError("no name of an imported mask")
        return Import(contents, str(record["source"]))
    if kind == "propagation":
        group, objects, stability = record.get("group", ""), record.get("objects", 1), record.get("stability", 0.0)
        if group != "" and not is_operation_id(group):
            raise ValueError("no name of a joint run")
        if not 0 <= float(stability) <= 1:
            raise ValueError("no stability")
        return Propagation(_range(record), Direction(record["direction"]), group, _frame(objects), float(stability))
    if kind == "paint":
        return PaintRound(_frame(record["frame"]), _stored(record, text, "shapes", Paint.from_json))
    if kind == "box":
        return Round(_frame(record["frame"]), auto=True, box=_box(record["box"]))
    if kind in ("automatic", "pointed"):
        if record["mode"] not in AUTO_MODES[1:]:
            raise NewerError(f"unknown mode {str(record['mode'])[:40]!r}")
        at = _point(record["at"]) if kind == "pointed" else None
        return Round(_frame(record["frame"]), auto=True, mode=record["mode"], at=at)
    if kind != "round":
        raise NewerError(f"unknown action {str(kind)[:40]!r}")
    zoom = float(record["zoom"])
    if not 0 < zoom < math.inf:  # NaN neither
        raise ValueError("no zoom")
    strokes = _stored(record, text, "strokes", Stroke.from_json)
    return Round(_frame(record["frame"]), strokes, zoom, bool(record["auto"]))


def _stored(record: dict[str, Any], text: bytes, name: str, build: Callable[[Any], _Shape]) -> Sequence[_Shape]:
    values = record[name]
    if not isinstance(values, list):
        raise ValueError(f"no {name}")
    return Stored(text, name, len(values), build) if text else tuple(map(build, values))


def _box(values: Any) -> Box:
    x0, y0, x1, y1 = values
    if not all(type(v) is int and abs(v) <= LAST_FRAME for v in values) or x0 >= x1 or y0 >= y1:
        raise ValueError("no box")
    return Box(x0, y0, x1, y1)


def _point(values: Any) -> tuple[float, float]:
    x, y = map(float, values)
    if not all(map(math.isfinite, (x, y))):
        raise ValueError("no point")
    return x, y


def _range(record: dict[str, Any]) -> FrameRange:
    return FrameRange(_frame(record["start"]), _frame(record["stop"]))


def _frame(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LAST_FRAME:
        raise ValueError("no number of a frame")
    return value
