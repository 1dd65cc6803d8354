"""Where a joint run of several objects stands in their journals: what it starts from, and what it may reuse.

Reads operations only, no mattes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..clips.source import VideoSource
from ..types import Direction, FrameRange
from .actions import Action, Lock, Operation, Propagation, drawn_frames
from .history import History
from .journal import Chain, Journal
from .store import MatteStore

Chains: TypeAlias = "Sequence[Chain]"


@dataclass(frozen=True, slots=True)
class TrackPart:
    """What a joint run needs from one track; made by `TrackSession.part`.

    Attributes:
        source, journal, store, history: the track's own.
        operation_id: (parent, action) -> id of that operation.
        record: (parent, action): makes that operation the head, on disk too.
    """

    source: VideoSource
    journal: Journal
    store: MatteStore
    history: History
    operation_id: Callable[[str, Action], str]
    record: Callable[[str, Action], Operation]

    def is_current(self, operation: Operation) -> bool:
        """Returns True while clip, weights and tier are those that the operation was made with."""
        action = operation.action
        return isinstance(action, Propagation) and operation.id == self.operation_id(operation.parent, action)


def is_made_otherwise(part: TrackPart, chain: Sequence[Operation]) -> bool:
    """Returns True when the newest mattes are from another tier, network or clip, and nothing was drawn since.

    A propagation then recomputes all mattes and uses nothing of the earlier ones.
    """
    for operation in chain:
        if isinstance(operation.action, Propagation):
            if not part.is_current(operation):
                return True
        elif not isinstance(operation.action, Lock):
            return False
    return False


def joint_action(bases: Sequence[str], frames: FrameRange, direction: Direction, stability: float = 0.0) -> Propagation:
    """Returns the joint run that starts from these heads, in any order."""
    content = [sorted(bases), frames.start, frames.stop, direction.value, *([stability] if stability else [])]
    group = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    return Propagation(frames, direction, group, len(bases), stability)


def bases_of(parts: Sequence[TrackPart], frames: FrameRange, direction: Direction, stability: float = 0.0) -> list[str]:
    """Returns the heads that the run starts from: the current ones, or those of the same earlier run, to resume it.

    An interrupted run may be recorded in only some of the journals, and undone in others.
    """
    heads = [part.journal.head for part in parts]
    tops = [part.journal.operations.get(head) for part, head in zip(parts, heads, strict=True)]
    for top in tops:
        if top is None or not isinstance(top.action, Propagation) or not top.action.group:
            continue
        bases = [
            other.parent if other and isinstance(other.action, Propagation) and other.action == top.action else head
            for other, head in zip(tops, heads, strict=True)
        ]
        same = joint_action(bases, frames, direction, stability) == top.action
        if same and all(p.is_current(t) for p, t, b in zip(parts, tops, bases, strict=True) if t and t.parent == b):
            return bases
    return heads


def equals_of(
    parts: Sequence[TrackPart], chains: Chains, operations: Sequence[str], direction: Direction
) -> list[list[str]]:
    """Returns, for each object, the operations whose mattes are as good as this run's: itself and earlier ranges."""
    own = [[operation] for operation in operations]
    steps = ([op for op in chain if not isinstance(op.action, Lock)] for chain in chains)
    for level in zip(*steps, strict=False):
        first = level[0].action
        if not isinstance(first, Propagation) or not first.group:
            break
        if first.direction != direction or first.objects != len(parts):
            break
        if any(getattr(op.action, "group", "") != first.group for op in level):
            break
        if not all(part.is_current(op) for part, op in zip(parts, level, strict=True)):
            break
        for ids, operation in zip(own, level, strict=True):
            ids.append(operation.id)
    return own


def before_of(chains: Chains) -> list[Chain] | None:
    """Returns the objects' operations up to the joint run to fuse with; None when there is none.

    That is the newest run of exactly these objects after which one of them was drawn on.
    """
    places = [
        {op.action.group: i for i, op in enumerate(chain) if isinstance(op.action, Propagation) and op.action.group}
        for chain in chains
    ]
    for operation in chains[0]:
        action = operation.action
        if not isinstance(action, Propagation) or action.objects != len(chains):
            continue
        if not all(action.group in place for place in places):
            continue
        ends = [place[action.group] for place in places]
        if any(drawn_frames(op.action) for chain, end in zip(chains, ends, strict=True) for op in chain[:end]):
            return [chain[end:] for chain, end in zip(chains, ends, strict=True)]
    return None


def drawn_on(chain: Sequence[Operation]) -> frozenset[int]:
    """Returns the frames with a round or an imported matte on a chain of operations."""
    return frozenset(frame for op in chain for frame in drawn_frames(op.action))
