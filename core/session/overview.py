"""The state of a track's frames for messages, kept in pieces: one more round costs only the piece it lies in.

A clip may have ten thousand keyframes. So the state of every `PIECE` frames is cached, as values and as the text that
goes to Blender, until one of them changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from ..json_values.encoded import Encoded
from .actions import Propagation
from .confidence_log import UNKNOWN, ConfidenceLogs
from .head_state import PIECE

if TYPE_CHECKING:
    from .history import History
    from .journal import Journal
    from .store import MatteStore

Range: TypeAlias = "tuple[Any, ...]"
"""(start, stop), or (start, stop, operation): consecutive frames."""


class Overview:
    """The frames of a track at its journal's head.

    Args:
        journal, store, history: the track's own.
        count: frames of the clip.
    """

    def __init__(self, journal: Journal, store: MatteStore, history: History, count: int) -> None:
        self._journal = journal
        self._history = history
        self._count = count
        self._logs = ConfidenceLogs(store)
        self._pieces: dict[int, _Piece] = {}
        self._drawn: tuple[list[tuple[int, ...]], Encoded] = [], Encoded(tuple, "[]")

    def keyframes(self) -> Encoded:
        """Returns the frames with at least one round or imported matte, sorted."""
        pieces = [piece.keyframes for piece in self._all()]
        if pieces != self._drawn[0]:  # a round on a keyframe changes nothing here
            texts = (",".join(map(str, piece)) for piece in pieces if piece)
            self._drawn = pieces, Encoded(lambda: chain.from_iterable(pieces), f"[{','.join(texts)}]")
        return self._drawn[1]

    def mattes(self) -> Encoded:
        """Returns where the mattes lie: (start, stop, operation), sorted."""
        return _encoded([piece.mattes for piece in self._all()])

    def done(self) -> Encoded:
        """Returns the frames that have a matte, as (start, stop), sorted."""
        return _encoded([piece.done for piece in self._all()])

    def locked(self) -> Encoded:
        """Returns the frames whose mattes are approved, as (start, stop), sorted."""
        return _encoded([piece.locked for piece in self._all()])

    def sampled(self, most: int, propagated: bool = False) -> list[tuple[int, str]]:
        """Returns (frame, operation) of about `most` mattes, or propagated mattes, spread over the clip."""
        found = [piece.propagated if propagated else piece.owned for piece in self._all()]
        step = max(1, sum(map(len, found)) // most)
        picked, before = [], 0
        for pairs in found:
            picked += pairs[-before % step :: step]
            before += len(pairs)
        return picked

    def confidences(self) -> str:
        """Returns two characters for each frame: percent, or UNKNOWN."""
        return "".join(piece.confidences for piece in self._all())

    def _all(self) -> list[_Piece]:
        stamps = self._history.stamps()
        for number, stamp in stamps.items():
            known = self._pieces.get(number)
            if known is None or known.stamp != stamp:
                self._pieces[number] = self._made(number, stamp)
        return [self._pieces[number] for number in range(len(stamps))]

    def _made(self, number: int, stamp: int) -> _Piece:
        frames = range(number * PIECE, min((number + 1) * PIECE, self._count))
        history = self._history
        owners, locked, drawn = history.owners(), history.locked(), history.is_drawn
        owned = [(frame, owners[frame]) for frame in frames if frame in owners]
        made = [pair for pair in owned if isinstance(self._journal.operations[pair[1]].action, Propagation)]
        sure = {frame: self._logs.of(name).get(frame) for frame, name in made if frame not in locked}
        keyframes = tuple(frame for frame in frames if drawn(frame))
        return _Piece(
            stamp,
            keyframes,
            _Ranges.of((frame, frame + 1, name) for frame, name in owned),
            _Ranges.of((frame, frame + 1) for frame, _ in owned),
            _Ranges.of((frame, frame + 1) for frame in frames if frame in locked),
            owned,
            made,
            "".join(UNKNOWN if sure.get(frame) is None else f"{sure[frame]:02d}" for frame in frames),
        )


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Ranges of a piece: all of them, and the text of those that cannot touch a neighbouring piece's."""

    all: tuple[Range, ...]
    inner: str

    @classmethod
    def of(cls, frames: Iterable[Range]) -> _Ranges:
        """Returns the ranges with touching ones merged."""
        found: list[Range] = []
        for new in frames:
            if found and _touch(found[-1], new):
                found[-1] = (found[-1][0], *new[1:])
            else:
                found.append(new)
        return cls(tuple(found), ",".join(map(_text, found[1:-1])))


@dataclass(frozen=True, slots=True)
class _Piece:
    """The state of `PIECE` frames."""

    stamp: int
    keyframes: tuple[int, ...]
    mattes: _Ranges
    done: _Ranges
    locked: _Ranges
    owned: list[tuple[int, str]]
    propagated: list[tuple[int, str]]
    confidences: str


def _encoded(pieces: list[_Ranges]) -> Encoded:
    """Returns the ranges of all pieces; those that touch where pieces meet are merged."""
    texts: list[str] = []
    last: Range | None = None
    for piece in pieces:
        if not piece.all:
            continue
        first = piece.all[0]
        if last is not None and _touch(last, first):
            first = (last[0], *first[1:])
        elif last is not None:
            texts.append(_text(last))
        last = first
        if len(piece.all) > 1:
            texts += [_text(first), piece.inner] if piece.inner else [_text(first)]
            last = piece.all[-1]
    if last is not None:
        texts.append(_text(last))
    return Encoded(lambda: _Ranges.of(chain.from_iterable(piece.all for piece in pieces)).all, f"[{','.join(texts)}]")


def _touch(first: Range, second: Range) -> bool:
    return bool(first[1] == second[0] and first[2:] == second[2:])


def _text(item: Range) -> str:
    return f'[{item[0]},{item[1]},"{item[2]}"]' if len(item) > 2 else f"[{item[0]},{item[1]}]"
