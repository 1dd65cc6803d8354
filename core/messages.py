"""Messages between Blender's process and the worker: one JSON object per line, from a closed set of kinds.

Every record is {"v": 1, "kind": …, fields}. An unknown kind is an error, an unknown field is ignored (a newer peer may
send more); "frame_texts" holds the parts of fields that are `FrameText`. Each job ends with one message: Done,
Cancelled or Failed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from .errors import ProtocolError
from .frame_text import FrameText
from .json_values.encoded import json_text, tuples
from .json_values.kinds import check_kinds

PROTOCOL = 1
_SAME_VERSION = "Install the same version of the add-on and of its engine."

# ---------------------------------------------------------------- host -> worker


@dataclass(frozen=True, slots=True)
class Hello:
    """First message: the host's protocol and what it wants. Answered by Ready, or Failed with job "".

    `changes`: the host understands TrackChange, which then replaces most TrackStates.
    """

    protocol: int
    tier: str
    device: str
    changes: bool = False


@dataclass(frozen=True, slots=True)
class OpenTrack:
    """Open (or make) the session of one cutout of a `types.Clip` in its folder. Answered by TrackState, then Done.

    `limit`: most bytes that its mattes may take, 0 = no limit.
    """

    job: str
    track: str
    clip_path: str
    clip_files: tuple[str, ...]
    folder: str
    limit: int = 0


@dataclass(frozen=True, slots=True)
class GetState:
    """Send the whole state of an open track, as a TrackChange did not fit. Answered by TrackState, then Done."""

    job: str
    track: str


@dataclass(frozen=True, slots=True)
class Expect:
    """A round on that frame will follow soon (the pen is down). Not answered; no error when no track is open."""

    track: str
    frame: int


@dataclass(frozen=True, slots=True)
class ApplyRound:
    """One round on a frame: strokes (as `Stroke.to_json`) or auto. Answered by MatteReady, TrackState, Done.

    `paint`: shapes to paint (as `Paint.to_json`), and no strokes. `box`: x0, y0, x1, y1 around the object, for auto.
    """

    job: str
    track: str
    frame: int
    strokes: tuple[dict[str, Any], ...]
    zoom: float = 1.0
    auto: bool = False
    paint: tuple[dict[str, Any], ...] = ()
    box: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Propagate:
    """Propagate the keyframes' mattes through [start, stop); the last three are as in `types.PropagationOptions`.

    Warn reports where it stops. Answered by MatteReady and Progress, TrackState, Done.
    """

    job: str
    track: str
    start: int
    stop: int
    direction: str
    stability: float = field(default=0.0, kw_only=True)
    stop_at_cuts: bool = field(default=True, kw_only=True)
    stop_below: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class PropagateGroup:
    """Like Propagate, for several open tracks of one clip, with their display names; one TrackState for each."""

    job: str
    tracks: tuple[str, ...]
    names: tuple[str, ...]
    start: int
    stop: int
    direction: str
    stability: float = field(default=0.0, kw_only=True)
    stop_at_cuts: bool = field(default=True, kw_only=True)
    stop_below: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class LockFrames:
    """Approve the mattes of [start, stop), or unlock them (`locked` False). Answered by TrackState, Done."""

    job: str
    track: str
    start: int
    stop: int
    locked: bool = True


@dataclass(frozen=True, slots=True)
class ImportMattes:
    """Make mattes of other programs (picture, folder, movie) keyframes. Answered by Progress, TrackState, Done.

    `at`: clip frame of the first one, -1 = they cover the whole clip; only every `every`-th one is taken.
    `label`: which object of label masks, 0 = the only one.
    """

    job: str
    track: str
    path: str
    at: int = -1
    every: int = 1
    label: int = 0


@dataclass(frozen=True, slots=True)
class Checkout:
    """Move the head to a round id, or "" = before the first; for undo and redo. Answered by TrackState, Done."""

    job: str
    track: str
    head: str


@dataclass(frozen=True, slots=True)
class Undo:
    """Move the head back one round, also for `others` of the same joint run. A TrackState for each, then Done."""

    job: str
    track: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """Write the track's mattes as a picture sequence, one per entry of `frames`; built elsewhere, then swapped in.

    Attributes:
        frames: the clip frame for each picture, in order; -1 = black.
        folder: where 000001.png and so on go.
        others: tracks of the same clip; the union of their mattes and this track's is written.
        form: what to write, a `types.Form` value: masks, cut-out pictures, `splines.json` in the folder; or "film",
            for other programs, and `folder` is then a movie file or a folder for pictures.
        invert: remove the object and keep the rest.
        background: for a film: a colour, or the path of a picture or movie; "" = transparent.
        fps: for a film made of pictures, which have no rate of their own; 0 = 25.
        pictures: for a film in a folder: png, png16, exr, exr-straight or exr-cryptomatte.
        names: for EXR: the objects' names, this track's first; each gets a channel.
        edges: for each track, this one first, the edge settings (as `EdgeSettings.to_json`): none = as the mattes are,
            one for all pictures, or one for each. Empty = no track has any.
        details: for each track the strokes of the Detail Brush, see `detail_map.painted_from_json`. Empty = none.
    """

    job: str
    track: str
    frames: tuple[int, ...]
    folder: str
    others: tuple[str, ...] = ()
    form: str = "mask"
    invert: bool = False
    background: str = ""
    fps: float = 0.0
    pictures: str = "png"
    names: tuple[str, ...] = ()
    edges: tuple[tuple[dict[str, Any], ...], ...] = ()
    details: tuple[tuple[dict[str, Any], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewEdge:
    """Refine the edge of a frame's matte for display. Answered by Done, or Cancelled when something else came in.

    `path`: where it is written. Of a large matte only the small copy is, unless `full`.
    `edge`: as in `EdgeSettings.to_json`; `details`: as for one track in Export.
    """

    job: str
    track: str
    frame: int
    path: str
    edge: dict[str, Any]
    full: bool = False
    details: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class MoveTrack:
    """Move the track's folder (the .blend was saved elsewhere). Answered by TrackState, Done."""

    job: str
    track: str
    folder: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a job at its next step; finished work stays."""

    job: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by Pong."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End the process after the current file write."""


# ---------------------------------------------------------------- worker -> host


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is up, with the requested tier and device; sent again with the actual ones once networks load."""

    protocol: int
    version: str
    device: str
    tier: str
    pid: int


@dataclass(frozen=True, slots=True)
class TrackState:
    """The state of a track.

    Attributes:
        head, parent: id of the head operation, and of the one before it, where an undo leads; "" = none.
        keyframes: clip frames with at least one round, sorted.
        done: clip frames that have a matte at this head, as [start, stop) pairs, sorted.
        frame_count, height, width: of the clip.
        mattes: where the masks of the frames in `done` lie, as (start, stop, id), sorted: the mask of a frame f in
            [start, stop) is the file mattes/<id>/<f as %06d>.png in the track's folder.
        locked: clip frames whose mattes are approved, as [start, stop) pairs, sorted.
        confidence: how sure the network is of each clip frame's matte: two characters each, percent or "--".
        disk: bytes used by its mattes, bytes per frame on average, and bytes free.
        shown: when Blender shows which of the clip's frames, see `core.clips.shown_frames`.
        turned: degrees by which the engine rotated the clip's pictures, as the file requests.
        revision: a number for this state, which a TrackChange names; no other state has it.
        corrected: clip frames drawn on since a propagation went through them, sorted.
    """

    job: str
    track: str
    head: str
    parent: str
    keyframes: tuple[int, ...]
    done: tuple[tuple[int, int], ...]
    frame_count: int
    height: int
    width: int
    fps: float = 0.0
    mattes: tuple[tuple[int, int, str], ...] = ()
    locked: tuple[tuple[int, int], ...] = ()
    disk: tuple[int, int, int] = (0, 0, 0)
    confidence: str = ""
    shown: str = ""
    turned: int = 0
    revision: int = 0
    corrected: tuple[int, ...] = ()

    def matte_file(self, frame: int) -> str | None:
        """Returns the path of a frame's mask in the track's folder, with "/"; None when the frame has none."""
        for start, stop, operation in self.mattes:
            if start <= frame < stop:
                return f"mattes/{operation}/{frame:06d}.png"
        return None


@dataclass(frozen=True, slots=True)
class TrackChange:
    """What turns a track's state of revision `base` into that of `revision`.

    Attributes:
        head, parent, disk, corrected: as in TrackState.
        start, stop: only frames in [start, stop) may have changed.
        keyframes, mattes, locked, confidence: as in TrackState, for these frames only.
    """

    job: str
    track: str
    base: int
    revision: int
    head: str
    parent: str
    start: int
    stop: int
    keyframes: tuple[int, ...]
    mattes: tuple[tuple[int, int, str], ...]
    locked: tuple[tuple[int, int], ...]
    confidence: str
    disk: tuple[int, int, int]
    corrected: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MatteReady:
    """A frame's matte (grey PNG, source size) is at `path`; after a large round only the small copy, until Done."""

    job: str
    track: str
    frame: int
    path: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has got; at most ten a second. `eta` in seconds, negative = unknown."""

    job: str
    done: int
    total: int
    stage: str
    eta: float


@dataclass(frozen=True, slots=True)
class Warn:
    """Something the user should know while the job goes on."""

    job: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The job is finished; `summary` is a short sentence for the panel."""

    job: str
    summary: str = ""
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job was stopped; `at` is the number of finished steps, which are kept."""

    job: str
    at: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The job failed: `code` is a CutoutError name, `text` and `hint` go to the panel."""

    job: str
    code: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to Ping."""


Request = (
    Hello | OpenTrack | GetState | Expect | ApplyRound | Propagate | PropagateGroup | LockFrames | ImportMattes
    | Checkout | Undo | Export | PreviewEdge | MoveTrack | Cancel | Ping | Shutdown
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
