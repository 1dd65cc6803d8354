"""Plans a propagation over one or more tracks: what it starts from, and what it may reuse.

Reads operations only, no mattes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..clips.source import VideoSource
from ..types import Direction, FrameRange
from .actions import Absence, Action, Import, Lock, Operation, PaintRound, Propagation, Round, drawn_frames
from .history import History
from .journal import Chain, Journal
from .store import MatteStore
from .unreached import oldest_unreached

Chains: TypeAlias = "Sequence[Chain]"
_DRAWN = Round | PaintRound | Absence | Import | Lock


@dataclass(frozen=True, slots=True)
class TrackPart:
    """What a propagation needs from one track; made by `TrackSession.part`.

    Attributes:
        source, journal, store, history: the track's own.
        operation_id: (parent, action) -> id of that operation.
        record: (parent, action): makes that operation the head, on disk too.
        kept: returns the heads of its kept versions.
    """

    source: VideoSource
    journal: Journal
    store: MatteStore
    history: History
    operation_id: Callable[[str, Action], str]
    record: Callable[[str, Action], Operation]
    kept: Callable[[], Collection[str]] = tuple

    def is_current(self, operation: Operation) -> bool:
        """Returns True while clip, weights and tier are those that the operation was made with."""
        action = operation.action
        return isinstance(action, Propagation) and operation.id == self.operation_id(operation.parent, action)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Where a propagation stands in the journals of its tracks; every list has an item for each of them.

    Attributes:
        action: what every journal records.
        bases: the heads that it starts from.
        operations: ids of its own operations.
        chains: the operations up to the bases, newest first.
        own: operations whose mattes are as good as its own: these, and earlier ones with the same keyframes.
        same: the newest of them, as far back as they stabilised their mattes the way this one does.
        before: the operations up to the earlier propagation to fuse with; None = there is none.
        since: later operations whose mattes stay where this one would only repeat those of `before`: a correction that
            was propagated in one direction is not undone in the other.
    """

    action: Propagation
    bases: Sequence[str]
    operations: Sequence[str]
    chains: Chains
    own: Sequence[Sequence[str]]
    same: Sequence[Sequence[str]]
    before: Chains | None
    since: Sequence[frozenset[str]]


def plan_run(
    parts: Sequence[TrackPart], frames: FrameRange, direction: Direction, stability: float = 0.0, resume: bool = True
) -> RunPlan:
    """Returns the plan of a propagation from these tracks' heads; with `resume` one interrupted there is resumed.

    Reads the journals and changes nothing.
    """
    heads = [part.journal.head for part in parts]
    bases = bases_of(parts, frames, direction, stability) if resume else heads
    action = action_from(bases, frames, direction, stability)
    operations = [part.operation_id(base, action) for part, base in zip(parts, bases, strict=True)]
    chains = [part.journal.chain(base) for part, base in zip(parts, bases, strict=True)]
    own = equals_of(parts, chains, operations, direction)
    same = [[ids[0], *_stabilised_alike(part, ids[1:], stability)] for part, ids in zip(parts, own, strict=True)]
    before = (
        None
        if any(map(is_made_otherwise, parts, chains))
        else before_of(chains, [(p.history, p.store) for p in parts], frames)
    )
    return RunPlan(action, bases, operations, chains, own, same, before, _since(chains, before))


def _since(chains: Chains, before: Chains | None) -> list[frozenset[str]]:
    newer = [chain[: len(chain) - len(old)] for chain, old in zip(chains, before, strict=True)] if before else chains
    alone = len(chains) == 1
    return [
        frozenset(op.id for op in chain if alone or getattr(op.action, "objects", 0) == len(chains)) for chain in newer
    ]


def _stabilised_alike(part: TrackPart, operations: Sequence[str], stability: float) -> Iterator[str]:
    """Yields operations from the newest back, up to the first that stabilised its mattes with another strength."""
    for name in operations:
        if getattr(part.journal.operations[name].action, "stability", None) != stability:
            return
        yield name


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


def action_from(bases: Sequence[str], frames: FrameRange, direction: Direction, stability: float = 0.0) -> Propagation:
    """Returns the propagation that starts from these heads, in any order.

    The `group` of several is derived from all heads, so each one's mattes depend, by name, on the state of the others.
    """
    if len(bases) == 1:
        return Propagation(frames, direction, stability=stability)
    content = [sorted(bases), frames.start, frames.stop, direction.value, *([stability] if stability else [])]
    group = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    return Propagation(frames, direction, group, len(bases), stability)


def bases_of(parts: Sequence[TrackPart], frames: FrameRange, direction: Direction, stability: float = 0.0) -> list[str]:
    """Returns the heads that the propagation starts from: the current ones, or those of the same earlier one to resume.

    An interrupted propagation may be recorded in only some of the journals, and undone in others. One that was kept as
    a version is not resumed: the version must not change.
    """
    heads = [part.journal.head for part in parts]
    if any(head in part.kept() for part, head in zip(parts, heads, strict=True)):
        return heads
    tops = [part.journal.operations.get(head) for part, head in zip(parts, heads, strict=True)]
    for top in tops:
        if top is None or not isinstance(top.action, Propagation):
            continue
        bases = [
            other.parent if other and isinstance(other.action, Propagation) and other.action == top.action else head
            for other, head in zip(tops, heads, strict=True)
        ]
        same = action_from(bases, frames, direction, stability) == top.action
        if same and all(p.is_current(t) for p, t, b in zip(parts, tops, bases, strict=True) if t and t.parent == b):
            return bases
    return heads


def equals_of(
    parts: Sequence[TrackPart], chains: Chains, operations: Sequence[str], direction: Direction
) -> list[list[str]]:
    """Returns, for each track, the operations whose mattes are as good as this one's: itself and earlier ranges."""
    own = [[operation] for operation in operations]
    steps = ([op for op in chain if not isinstance(op.action, Lock)] for chain in chains)
    for level in zip(*steps, strict=False):
        first = level[0].action
        if not isinstance(first, Propagation) or bool(first.group) != (len(parts) > 1):
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


def before_of(chains: Chains, mattes: Sequence[tuple[History, MatteStore]], frames: FrameRange) -> list[Chain] | None:
    """Returns the tracks' operations up to the propagation to fuse with; None when there is none.

    That is the newest one of exactly these tracks after which one of them was drawn on, and which left no round that
    has yet to reach one of `frames`; for a single track whatever came before its newest rounds, from which the artist
    corrected.
    """

    def unreached(number: int, since: int) -> int:
        return oldest_unreached(chains[number], since, *mattes[number], frames)

    if len(chains) == 1:
        chain = chains[0]
        start = next((n for n, op in enumerate(chain) if not isinstance(op.action, Propagation | Lock)), len(chain))
        end = next((n for n in range(start, len(chain)) if not isinstance(chain[n].action, _DRAWN)), len(chain))
        oldest = unreached(0, end)
        if oldest >= 0:
            older = range(oldest + 1, len(chain))
            end = next((n for n in older if isinstance(chain[n].action, Propagation)), len(chain))
        return [chain[end:]] if end < len(chain) else None
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
        if any(
            drawn_frames(op.action) or isinstance(op.action, Absence)
            for chain, end in zip(chains, ends, strict=True)
            for op in chain[:end]
        ) and not any(unreached(number, end) >= 0 for number, end in enumerate(ends)):
            return [chain[end:] for chain, end in zip(chains, ends, strict=True)]
    return None


def drawn_on(chain: Sequence[Operation]) -> frozenset[int]:
    """Returns the frames with a round or an imported matte on a chain of operations."""
    return frozenset(frame for op in chain for frame in drawn_frames(op.action))
