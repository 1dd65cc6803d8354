"""Copies the sound of a clip into a movie made from it, packet by packet, without re-encoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from typing_extensions import Self

_HELD = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac", "opus"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_"),
    ".mkv": ("",),
}
"""Kind of movie -> prefixes of the names of codecs that players find in it."""


class Sound:
    """The packets of a movie's first sound stream between two times; a context manager.

    Args:
        path: the movie.
        start, stop: seconds in the movie's own time; packets outside are left out.

    Attributes:
        codec: its codec's name, "" = the movie has no sound.
    """

    def __init__(self, path: Path, start: Fraction, stop: Fraction) -> None:
        self._container: Any = av.open(str(path), metadata_errors="ignore")
        streams = self._container.streams.audio
        self._source: Any = streams[0] if streams else None
        self.codec = str(streams[0].codec_context.name) if streams else ""
        self._start = start
        self._stop = stop
        self._target: Any = None
        self._next: Any = None
        self._packets: Iterator[Any] = iter(())

    def fits(self, suffix: str) -> bool:
        """Returns True when that kind of movie can hold it."""
        return self.codec.startswith(_HELD[suffix])

    def begin(self, container: Any) -> None:
        """Adds the stream to a movie that is about to be written."""
        self._target = container.add_stream_from_template(self._source)
        self._packets = self._wanted()
        self._next = next(self._packets, None)

    def packets(self, until: Fraction | None = None) -> Iterator[Any]:
        """Yields the packets up to this many seconds after the start that were not yielded yet; None = all the rest."""
        while self._next is not None:
            due = self._next.pts * self._next.time_base
            if until is not None and due > until:
                return
            packet, self._next = self._next, next(self._packets, None)
            yield packet

    def close(self) -> None:
        """Closes the source movie."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wanted(self) -> Iterator[Any]:
        """Yields the packets in the span, timed from its start, on the new stream."""
        base = Fraction(self._source.time_base)
        shift = round(self._start / base)
        with suppress(av.FFmpegError):  # damage ends the sound, not the film
            for packet in self._container.demux(self._source):
                if packet.pts is None or packet.size == 0 or packet.pts < shift:
                    continue
                if packet.pts * base >= self._stop:
                    return
                packet.pts -= shift
                if packet.dts is not None:
                    packet.dts -= shift
                packet.stream = self._target
                yield packet
