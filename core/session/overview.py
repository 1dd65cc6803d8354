"""The state of a track's frames for messages, kept in pieces: one more round costs only the piece it lies in.

A clip may have ten thousand keyframes. So the state of every `PIECE` frames is cached, as values and as the text that
goes to Blender, until one of them changes. `changed_since` finds the frames that changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, takewhile
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

    `within` limits what is returned to the frames of a range that came from `changed_since`.

    Args:
        journal, store, history: the track's own.
        count: frames of the clip.
    """

    def __init__(self, journal: Journal, store: MatteStore, history: History, count: int) -> None:
        self._journal = journal
        self._history = history
        self.count = count
        self._logs = ConfidenceLogs(store)
        self._pieces = [_NOTHING] * -(-count // PIECE)
        self._mark = 0

    def mark(self) -> int:
        """Returns a value that grows with every change, for `changed_since`."""
        self._all()
        return self._mark

    def changed_since(self, mark: int) -> range:
        """Returns a range with all frames that may have changed since `mark` returned that value."""
        numbers = [number for number, _ in takewhile(lambda item: item[1] > mark, self._newest_first())]
        if not numbers:
            return range(0)
        return range(min(numbers) * PIECE, min((max(numbers) + 1) * PIECE, self.count))

    def keyframes(self, within: range | None = None) -> Encoded:
        """Returns the frames with at least one round or imported matte, sorted."""
        pieces = [piece.keyframes for piece in self._of(within) if piece.keyframes]
        texts = (",".join(map(str, piece)) for piece in pieces)
        return Encoded(lambda: chain.from_iterable(pieces), f"[{','.join(texts)}]")

    def mattes(self, within: range | None = None) -> Encoded:
        """Returns where the mattes lie: (start, stop, operation), sorted."""
        return _encoded([piece.mattes for piece in self._of(within)])

    def done(self, within: range | None = None) -> Encoded:
        """Returns the frames that have a matte, as (start, stop), sorted."""
        return _encoded([piece.done for piece in self._of(within)])

    def locked(self, within: range | None = None) -> Encoded:
        """Returns the frames whose mattes are approved, as (start, stop), sorted."""
        return _encoded([piece.locked for piece in self._of(within)])

    def sampled(self, most: int, propagated: bool = False) -> list[tuple[int, str]]:
        """Returns (frame, operation) of about `most` mattes, or propagated mattes, spread over the clip."""
        found = [piece.propagated if propagated else piece.owned for piece in self._all()]
        step = max(1, sum(map(len, found)) // most)
        picked, before = [], 0
        for pairs in found:
            picked += pairs[-before % step :: step]
            before += len(pairs)
        return picked

    def confidences(self, within: range | None = None) -> str:
        """Returns two characters for each frame: percent, or UNKNOWN."""
        return "".join(piece.confidences for piece in self._of(within))

    def _of(self, frames: range | None) -> list[_Piece]:
        return self._all() if frames is None else self._all()[frames.start // PIECE : -(-frames.stop // PIECE)]

    def _all(self) -> list[_Piece]:
        changed = list(takewhile(lambda item: item[1] > self._mark, self._newest_first()))
        for number, _ in changed:
            self._pieces[number] = self._made(number)
        if changed:
            self._mark = changed[0][1]
        return self._pieces

    def _newest_first(self) -> Iterator[tuple[int, int]]:
        """Yields (number of a piece, value that grows with its changes)."""
        return reversed(self._history.stamps().items())

    def _made(self, number: int) -> _Piece:
        frames = range(number * PIECE, min((number + 1) * PIECE, self.count))
        history = self._history
        owners, locked, drawn = history.owners(), history.locked(), history.is_drawn
        owned = [(frame, owners[frame]) for frame in frames if frame in owners]
        made = [pair for pair in owned if isinstance(self._journal.operations[pair[1]].action, Propagation)]
        sure = {frame: self._logs.of(name).get(frame) for frame, name in made if frame not in locked}
        keyframes = tuple(frame for frame in frames if drawn(frame))
        return _Piece(
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

    keyframes: tuple[int, ...]
    mattes: _Ranges
    done: _Ranges
    locked: _Ranges
    owned: list[tuple[int, str]]
    propagated: list[tuple[int, str]]
    confidences: str


_NOTHING = _Piece((), _Ranges((), ""), _Ranges((), ""), _Ranges((), ""), [], [], "")


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
