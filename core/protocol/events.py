"""Messages from the worker to Blender's process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
        versions: names of the kept versions, and their heads.
        absent: clip frames marked Not Here, as [start, stop) pairs, sorted; they are in `locked` too.
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
    versions: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[int, int], ...] = ()

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
        head, parent, disk, corrected, versions, absent: as in TrackState.
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
    versions: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[int, int], ...] = ()


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
