"""Messages from Blender's process to the worker. Each job ends with one Done, Cancelled or Failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
    `mode`: one of `types.AUTO_MODES`, for auto; "" = the foreground. Done's result then has "empty".
    `at`: x, y on the person or head that is meant; () = the largest, and for a person Done's result has "people", how
    many there are.
    """

    job: str
    track: str
    frame: int
    strokes: tuple[dict[str, Any], ...]
    zoom: float = 1.0
    auto: bool = False
    paint: tuple[dict[str, Any], ...] = ()
    box: tuple[float, ...] = ()
    mode: str = ""
    at: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FindPeople:
    """Find the people on a frame. Answered by Done, whose result has "people": x, y on each, the largest first."""

    job: str
    track: str
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """Fields of `types.PropagationOptions`."""

    stability: float = 0.0
    stop_at_cuts: bool = True
    stop_below: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Propagation(_Options):
    """Fields of every propagation request: its options, and [start, stop) pairs to make again."""

    redo: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Propagate(_Propagation):
    """Propagate the keyframes' mattes through [start, stop).

    Warn reports where it stops. Answered by MatteReady and Progress, TrackState, Done.
    """

    job: str
    track: str
    start: int
    stop: int
    direction: str


@dataclass(frozen=True, slots=True)
class PropagateGroup(_Propagation):
    """Like Propagate, for several open tracks of one clip, with their display names; one TrackState for each."""

    job: str
    tracks: tuple[str, ...]
    names: tuple[str, ...]
    start: int
    stop: int
    direction: str


@dataclass(frozen=True, slots=True)
class LockFrames:
    """Approve the mattes of [start, stop), or unlock them (`locked` False). Answered by TrackState, Done."""

    job: str
    track: str
    start: int
    stop: int
    locked: bool = True


@dataclass(frozen=True, slots=True)
class MarkAbsent:
    """Mark [start, stop) Not Here, or clear the mark (`absent` False). Answered by TrackState, Done."""

    job: str
    track: str
    start: int
    stop: int
    absent: bool = True


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
class EditVersion:
    """Keep, return to, rename or delete the version called `name`, as `action` says. Answered by TrackState, Done.

    `settings` is the host's own text: kept with the version, or with the state that a return leaves. After a return
    Done's result holds those of the version, under the same name.
    """

    job: str
    track: str
    action: str
    name: str
    new_name: str = ""
    settings: str = ""


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
class MakeJob(_Options):
    """Write a job file with what Propagate would do, see `core.jobs`. Answered by Done.

    Attributes:
        path: of the file.
        start, stop, direction: as in Propagate.
        outputs: what else the job makes: fields of `core.jobs.job_file.JobOutput`, without the edge settings.
        fps: of movies made from pictures, which have no rate of their own; 0 = 25.
        edges, details: for the output of refined edges, as for one track in Export; keyed ones for start to stop.
    """

    job: str
    track: str
    path: str
    start: int
    stop: int
    direction: str
    outputs: tuple[dict[str, Any], ...] = ()
    fps: float = 0.0
    edges: tuple[dict[str, Any], ...] = ()
    details: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class TakeJob:
    """Take the masks of a finished job file. Answered by MatteReady and Progress, TrackState, Done."""

    job: str
    track: str
    path: str


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
