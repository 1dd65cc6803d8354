"""Which messages have to wait for a long job, and which end it."""

from __future__ import annotations

from typing import TypeAlias

from ..core.messages import (
    ApplyRound,
    Checkout,
    Export,
    Hello,
    ImportMattes,
    LockFrames,
    Message,
    MoveTrack,
    OpenTrack,
    Propagate,
    PropagateGroup,
    Undo,
)

LongJob: TypeAlias = Propagate | PropagateGroup | Export | ImportMattes


def tracks_of(message: Message) -> set[str]:
    """The tracks that a message is about."""
    return {getattr(message, "track", ""), *getattr(message, "tracks", ()), *getattr(message, "others", ())} - {""}


def ends(message: Message, job: LongJob) -> bool:
    """True when a short message makes the running long job pointless: one of its tracks goes another way."""
    if isinstance(message, Hello):
        return True
    if not tracks_of(message) & tracks_of(job):
        return False
    return isinstance(message, OpenTrack) or (
        not isinstance(job, Export) and isinstance(message, ApplyRound | LockFrames | Undo | Checkout)
    )


def waits(message: Message, job: LongJob) -> bool:
    """True when a short message has to wait for the running long job: it would pull the folder away from under it."""
    return isinstance(job, Export) and isinstance(message, MoveTrack) and message.track in tracks_of(job)
