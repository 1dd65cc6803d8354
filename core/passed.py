"""Frames that a decoder passed on its way to another one, as it gave them: who walks backward asks for them next."""

from __future__ import annotations

from typing import Any


class Passed:
    """Decoded frames by number, not yet turned into pictures, which takes half of the memory of one, or less."""

    def __init__(self) -> None:
        self._frames: dict[int, Any] = {}
        self._bytes = 0

    def add(self, number: int, decoded: Any, most: int) -> None:
        """Keeps a frame; those that came first go, until no more than `most` bytes are held."""
        self._drop(number)
        self._frames[number] = decoded
        self._bytes += _size(decoded)
        while self._bytes > most:
            self._drop(next(iter(self._frames)))

    def take(self, number: int) -> Any:
        """A frame, which is no longer kept then; None = it is not here."""
        return self._drop(number)

    def clear(self) -> None:
        """Keeps none."""
        self._frames.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def _drop(self, number: int) -> Any:
        decoded = self._frames.pop(number, None)
        if decoded is not None:
            self._bytes -= _size(decoded)
        return decoded


def _size(decoded: Any) -> int:
    return sum(int(plane.buffer_size) for plane in decoded.planes)
