"""One round of strokes, told as soon as there is something to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.messages import ApplyRound, Done, Event, MatteReady
from ..core.types import Round, Stroke
from .exchange import track_state

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.session import TrackSession


def apply(message: ApplyRound, session: TrackSession, send: Callable[[Event], None]) -> Done:
    """Applies a round to a track.

    The host hears of a large matte when its small copy is on disk, which is what it shows, and that the round is done
    when the matte itself is. When that fails it hears where the track stands now.
    """
    shown: list[Path] = []

    def show(path: Path) -> None:
        if not shown:
            shown.append(path)
            send(MatteReady(message.job, message.track, message.frame, str(path)))

    strokes = tuple(Stroke.from_json(stroke) for stroke in message.strokes)
    try:
        head, path = session.apply_round(Round(message.frame, strokes, message.zoom, message.auto), show)
    except Exception:
        if shown:
            send(track_state(message.job, message.track, session))
        raise
    show(path)
    send(track_state(message.job, message.track, session))
    return Done(message.job, "Auto" if message.auto else "Refined", {"head": head})
