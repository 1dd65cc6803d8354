"""Messages between Blender's process and the worker: one JSON object per line, from a closed set of kinds.

Every record is {"v": 1, "kind": …, fields}. An unknown kind is an error, an unknown field is ignored (a newer peer may
send more); "frame_texts" holds the parts of fields that are `FrameText`. Each job ends with one message: Done,
Cancelled or Failed.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

from .errors import ProtocolError
from .frame_text import FrameText
from .json_values.encoded import json_text, tuples
from .json_values.kinds import check_kinds
from .protocol.events import Cancelled, Done, Failed, MatteReady, Pong, Progress, Ready, TrackChange, TrackState, Warn
from .protocol.requests import (
    ApplyRound,
    Cancel,
    Checkout,
    EditVersion,
    Expect,
    Export,
    FindPeople,
    GetState,
    Hello,
    ImportMattes,
    LockFrames,
    MakeJob,
    MarkAbsent,
    MoveTrack,
    OpenTrack,
    Ping,
    PreviewEdge,
    Propagate,
    PropagateGroup,
    Shutdown,
    TakeJob,
    Undo,
)

__all__ = [
    "EVENTS",
    "PROTOCOL",
    "TERMINAL",
    "ApplyRound",
    "Cancel",
    "Cancelled",
    "Checkout",
    "Done",
    "EditVersion",
    "Event",
    "Expect",
    "Export",
    "Failed",
    "FindPeople",
    "GetState",
    "Hello",
    "ImportMattes",
    "LockFrames",
    "MakeJob",
    "MarkAbsent",
    "MatteReady",
    "Message",
    "MoveTrack",
    "OpenTrack",
    "Ping",
    "Pong",
    "PreviewEdge",
    "Progress",
    "Propagate",
    "PropagateGroup",
    "Ready",
    "Request",
    "Shutdown",
    "TakeJob",
    "TrackChange",
    "TrackState",
    "Undo",
    "Warn",
    "decode",
    "encode",
]  # fmt: skip

PROTOCOL = 1
_SAME_VERSION = "Install the same version of the add-on and of its engine."

Request = (
    Hello | OpenTrack | GetState | Expect | ApplyRound | FindPeople | Propagate | PropagateGroup | LockFrames
    | MarkAbsent | ImportMattes | MakeJob | TakeJob | Checkout | EditVersion | Undo | Export | PreviewEdge | MoveTrack
    | Cancel | Ping | Shutdown
)  # fmt: skip
Event = Ready | TrackState | TrackChange | MatteReady | Progress | Warn | Done | Cancelled | Failed | Pong
Message = Request | Event

TERMINAL = (Done, Cancelled, Failed)
EVENTS = (Ready, TrackState, TrackChange, MatteReady, Progress, Warn, Done, Cancelled, Failed, Pong)

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """Returns the message as one line of UTF-8 JSON, ending in a newline."""
    record = {f.name: getattr(message, f.name) for f in fields(message)}
    texts = [f'"v":{PROTOCOL}', f'"kind":"{type(message).__name__}"']
    texts += [f'"{name}":{json_text(value)}' for name, value in record.items()]
    if parts := {name: value.parts for name, value in record.items() if isinstance(value, FrameText)}:
        texts.append(f'"frame_texts":{json_text(parts)}')
    return f"{{{','.join(texts)}}}\n".encode()


def decode(line: bytes | str) -> Message:
    """Returns the message in a line. Raises ProtocolError for anything but a known, complete, well-typed message."""
    try:
        record = json.loads(line)
        kind = _KINDS[record["kind"]]
        names = {f.name for f in fields(kind)}
        values = {name: tuples(value) for name, value in record.items() if name in names}
        parts = record.get("frame_texts", {})
        values |= {name: FrameText(*tuples(part)) for name, part in parts.items() if name in names}
        check_kinds(kind, values)
        message: Message = kind(**values)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ProtocolError(f"A message is not understood ({error!r:.200}).", _SAME_VERSION) from error
    if record.get("v") == PROTOCOL:
        return message
    raise ProtocolError(f"The message uses protocol {record.get('v')!s:.40}, this side {PROTOCOL}.", _SAME_VERSION)
