"""Sends the states of tracks to the host: first the whole state, then only what changed since the last one.

A track may have ten thousand keyframes, and its state is sent after every round.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from ..core.messages import Event, TrackChange, TrackState

if TYPE_CHECKING:
    from ..core.session.track_session import TrackSession


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was last sent for a track: its session, the mark of the session's overview, and the state's revision."""

    session: TrackSession
    mark: int
    revision: int


class StateSender:
    """Sends the states of tracks.

    Args:
        send: sends an event to the host.

    Attributes:
        changes: whether the host understands TrackChange; if not, it always gets the whole state.
    """

    def __init__(self, send: Callable[[Event], object]) -> None:
        self._send = send
        self._sent: dict[str, _Sent] = {}
        # The first one is random: a change must not fit a state that the host still holds from an earlier engine.
        self._revisions = count(1 + secrets.randbits(32))
        self.changes = False

    def forget(self) -> None:
        """Makes the next state sent for every track a whole one."""
        self._sent.clear()

    def send(self, job: str, track: str, session: TrackSession, whole: bool = False) -> None:
        """Sends what changed in a track since its last state; its whole state if `whole`, or if there was no last."""
        last = self._sent.get(track)
        new = _Sent(session, session.overview.mark(), next(self._revisions))
        event: Event | None = None
        if self.changes and not whole and last is not None and last.session is session:
            event = _track_change(job, track, session, last, new)
        self._send(event or track_state(job, track, session, new.revision))
        self._sent[track] = new


def track_state(job: str, track: str, session: TrackSession, revision: int = 0) -> TrackState:
    """Returns the whole state of a track."""
    height, width = session.source.size
    overview: Any = session.overview
    return TrackState(
        job,
        track,
        session.head,
        session.parent,
        overview.keyframes(),
        overview.done(),
        len(session.source),
        height,
        width,
        session.source.fps,
        overview.mattes(),
        overview.locked(),
        _disk(session),
        session.confidences(),
        session.source.shown,
        session.source.turned,
        revision,
        session.corrected(),
        _versions(session),
        session.absent_ranges(),
    )


def _track_change(job: str, track: str, session: TrackSession, last: _Sent, new: _Sent) -> TrackChange | None:
    """Returns what changed since the last state; None if so much changed that the whole state is as good."""
    overview: Any = session.overview
    frames = overview.changed_since(last.mark)
    if 2 * len(frames) > len(session.source):
        return None
    return TrackChange(
        job,
        track,
        last.revision,
        new.revision,
        session.head,
        session.parent,
        frames.start,
        frames.stop,
        overview.keyframes(frames),
        overview.mattes(frames),
        overview.locked(frames),
        overview.confidences(frames),
        _disk(session),
        session.corrected(),
        _versions(session),
        session.absent_ranges(),
    )


def _versions(session: TrackSession) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.head) for one in session.versions.all())


def _disk(session: TrackSession) -> tuple[int, int, int]:
    use = session.disk.use()
    return use.used, use.frame, use.free
