"""Sentences that carry frame numbers, so that the command line and the add-on can each name the frames their own way.

The command line counts a clip's frames from 0 and says "clip frame". In Blender the artist sees frames of the timeline.
Only the add-on can map one to the other, so the engine leaves the numbers open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Span: TypeAlias = "tuple[int, int]"
"""First and last of a run of consecutive clip frames."""


class FrameText(str):
    """A sentence that knows which clip frames it names; as a plain string it names them as the command line does.

    Anything derived from it (by formatting, or joining with another string) is an ordinary string.

    Args:
        pieces: text, clip frames (a number, or first and last), and other such sentences, in order.

    Attributes:
        parts: text and clip frames, alternating.
    """

    parts: tuple[str | Span, ...]

    def __new__(cls, *pieces: str | int | Span) -> FrameText:
        """Joins the pieces."""
        parts: list[str | Span] = []
        for piece in pieces:
            if isinstance(piece, FrameText):
                parts += piece.parts
            else:
                parts.append((piece, piece) if isinstance(piece, int) else piece)
        text = super().__new__(cls, _sentence(parts, clip_frames))
        text.parts = tuple(parts)
        return text

    def __getnewargs__(self) -> tuple[str | Span, ...]:  # type: ignore[override]
        """Returns the arguments for a copy."""
        return self.parts

    def with_names(self, name: Callable[[int, int], str]) -> str:
        """Returns the sentence with its frames renamed: `name` is given the first and the last clip frame."""
        return _sentence(self.parts, name)


def clip_frames(first: int, last: int) -> str:
    """Returns the command line's name for clip frames `first` to `last`."""
    return f"clip frame {first}" if first == last else f"clip frames {first} to {last}"


def _sentence(parts: list[str | Span] | tuple[str | Span, ...], name: Callable[[int, int], str]) -> str:
    text = "".join(part if isinstance(part, str) else name(*part) for part in parts)
    return text[:1].upper() + text[1:] if parts and not isinstance(parts[0], str) else text
