"""What the artist can do to a track, as values and as JSON; checked where it is read.

Ids and names become paths, and whoever sends a folder chooses what its journal says: so nothing but lower-case
hexadecimal digits of the right number ever gets past here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

from ..types import Direction, FrameRange, Round, Stroke

LAST_FRAME = 2**31 - 1
"""Numbers of frames beyond this are damage; beyond the clip they may come from a longer clip."""
_ID = re.compile("[0-9a-f]{16}")
_NAME = re.compile("[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Propagation:
    """Carrying the keyframes' mattes through a range of frames.

    Attributes:
        frames, direction: which, and how they are reached.
        group: names the joint run with other objects that this is part of (see `core.group`), "" = by itself.
        objects: how many take part.
        stability: see `PropagationOptions`.
    """

    frames: FrameRange
    direction: Direction
    group: str = ""
    objects: int = 1
    stability: float = 0.0


@dataclass(frozen=True, slots=True)
class Lock:
    """Approving the mattes of a range of frames, or giving them free again; makes no matte.

    Attributes:
        frames: which.
        locked: True = they are not to be changed from now on.
    """

    frames: FrameRange
    locked: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """Mattes made elsewhere become keyframes.

    Attributes:
        contents: clip frame -> name of its matte among the track's imported ones (see `core.imports`).
        source: what they were read from, for the artist.
    """

    contents: Mapping[int, str]
    source: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that can no longer be read; whatever mattes it gave still count."""


Action: TypeAlias = Round | Propagation | Lock | Import | Lost


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the artist: `action` applied to the state after operation `parent` (ROOT = none)."""

    id: str
    parent: str
    action: Action


class NewerError(ValueError):
    """A record is whole, but speaks of something that this version does not know."""


class StoredStrokes(Sequence[Stroke]):
    """The strokes of a record in the journal, made when they are asked for.

    Thousands of rounds are read on opening, and the strokes of hardly any are ever needed again.

    Args:
        record: the JSON object that has them under "strokes".
        count: how many they are.

    Raises:
        StrokeError: on reading, when they are none.
    """

    def __init__(self, record: bytes, count: int) -> None:
        self._record = record
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Stroke: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Stroke, ...]: ...
    def __getitem__(self, index: int | slice) -> Stroke | tuple[Stroke, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[Stroke]:
        return map(Stroke.from_json, json.loads(self._record)["strokes"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def is_operation_id(text: object) -> bool:
    """True for what an operation may be called: 16 lower-case hexadecimal digits."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def is_import_name(text: object) -> bool:
    """True for what an imported matte may be called: 24 lower-case hexadecimal digits."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def drawn_frames(action: Action) -> Collection[int]:
    """The clip frames that an action makes keyframes, in which it says itself what the matte is."""
    if isinstance(action, Round):
        return (action.frame,)
    return action.contents.keys() if isinstance(action, Import) else ()


def action_to_json(action: Action) -> dict[str, Any]:
    """The action as JSON values; equal actions give equal values."""
    if isinstance(action, Lock):
        return {
            "action": "lock" if action.locked else "unlock",
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
    return {
        "action": "round",
        "frame": action.frame,
        "strokes": [stroke.to_json() for stroke in action.strokes],
        "zoom": action.zoom,
        "auto": action.auto,
    }


def action_from_json(record: dict[str, Any], text: bytes = b"") -> Action:
    """The action of `action_to_json`.

    Args:
        record: the JSON values.
        text: the same as JSON text: strokes are then made of it when they are asked for.

    Raises:
        KeyError, TypeError, ValueError, OverflowError or CutoutError: it is none. NewerError: of an unknown kind.
    """
    kind = record["action"]
    if kind in ("lock", "unlock"):
        return Lock(_range(record), kind == "lock")
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
    if kind != "round":
        raise NewerError(f"unknown action {str(kind)[:40]!r}")
    strokes, zoom = record["strokes"], float(record["zoom"])
    if not isinstance(strokes, list):
        raise ValueError("no strokes")
    made = StoredStrokes(text, len(strokes)) if text else tuple(map(Stroke.from_json, strokes))
    return Round(_frame(record["frame"]), made, zoom, bool(record["auto"]))


def _range(record: dict[str, Any]) -> FrameRange:
    return FrameRange(_frame(record["start"]), _frame(record["stop"]))


def _frame(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LAST_FRAME:
        raise ValueError("no number of a frame")
    return value
