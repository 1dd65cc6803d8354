"""Sentences that name frames of a clip: the numbers go along, so that each side can name the frames its own way.

The command line counts a clip's frames from 0, and says "clip frame". In Blender the artist sees the frames of the
timeline. Which is which only the add-on knows, so the engine cannot write the sentence to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Span: TypeAlias = "tuple[int, int]"
"""The first and the last of some clip frames that follow each other."""


class FrameText(str):
    """A sentence that knows which clip frames it names; as a string it names them as the command line does.

    What is made of it (by formatting, or joining with another string) is an ordinary string again.

    Args:
        pieces: text, clip frames (a number, or first and last), and other such sentences, one after the other.

    Attributes:
        parts: text and clip frames in turn.
    """

    parts: tuple[str | Span, ...]

    def __new__(cls, *pieces: str | int | Span) -> FrameText:
        """Puts it together."""
        parts: list[str | Span] = []
        for piece in pieces:
            if isinstance(piece, FrameText):
                parts += piece.parts
            else:
                parts.append((piece, piece) if isinstance(piece, int) else piece)
        told = super().__new__(cls, _sentence(parts, clip_frames))
        told.parts = tuple(parts)
        return told

    def __getnewargs__(self) -> tuple[str | Span, ...]:  # type: ignore[override]
        """What a copy is made of."""
        return self.parts

    def with_names(self, name: Callable[[int, int], str]) -> str:
        """The sentence with its frames called otherwise: `name` is given the first and the last clip frame."""
        return _sentence(self.parts, name)


def clip_frames(first: int, last: int) -> str:
    """Clip frames, from the first to the last, as the command line calls them."""
    return f"clip frame {first}" if first == last else f"clip frames {first} to {last}"


def _sentence(parts: list[str | Span] | tuple[str | Span, ...], name: Callable[[int, int], str]) -> str:
    text = "".join(part if isinstance(part, str) else name(*part) for part in parts)
    return text[:1].upper() + text[1:] if parts and not isinstance(parts[0], str) else text
