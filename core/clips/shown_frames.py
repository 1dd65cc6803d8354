"""Which frame of a movie Blender shows at each frame of its strip, decided from the file's time stamps alone.

For frame n of a strip, Blender 4.2 to 5.2 looks up the tick round(n * ticks per frame) after the stream's start and
shows the frame with the last time stamp at or before it, or the first one it can decode: never simply the n-th frame.
Time stamps are presentation stamps where the file has them, decoding stamps otherwise. Standard library only: the
engine reads the stamps, Blender's process reads the result.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

_MOST = 4_000_000
"""Most frames of a strip, nine hours at 120 a second; a damaged header may claim any length."""
_MOST_BYTES = 3 * _MOST
_MARGIN = 3
"""Frames before the wanted one at which Blender asks to start when it jumps."""
_TOO_LONG = "The movie claims an impossible length."
_NO_LENGTH = "The movie does not state its length or its frame rate."
_JUMPS = "At some frames of this movie, Blender shows a different picture after a jump than during playback."


class Stamps(NamedTuple):
    """The time stamps of a movie's frames, as FFmpeg reads them.

    Attributes:
        ticks: time stamp of each frame, ascending, in ticks.
        base: seconds per tick.
        start: the stream's start, in ticks.
        rate: frames per second as FFmpeg guesses them, 0 = unknown.
        seconds: the stream's duration by its header, 0 = unknown.
        keys: (decoding, presentation) stamps of the key frames where the file is searched by the former; else empty.
        doubt: a sentence on why the stamps do not determine what Blender shows; "" = they do.
    """

    ticks: Sequence[int]
    base: Fraction
    start: int
    rate: Fraction
    seconds: Fraction
    keys: Sequence[tuple[int, int]] = ()
    doubt: str = ""


def shown(stamps: Stamps) -> str:
    """Returns the frames that Blender shows, for `frames_of` and `doubt_of`; "" = strip frame n shows frame n.

    Holds a reason instead of frames where no rule is exact.
    """
    if stamps.doubt:
        return f"!{stamps.doubt}"
    if stamps.rate <= 0 or stamps.seconds <= 0:
        return f"!{_NO_LENGTH}"
    count = int(float(stamps.seconds) * float(stamps.rate) + 0.5)
    if count > _MOST:
        return f"!{_TOO_LONG}"
    step = 1.0 / float(stamps.rate * stamps.base)  # Blender's own arithmetic, to the last bit
    targets = [math.floor(n * step + 0.5) + stamps.start for n in range(max(1, count))]
    if _jumps_ahead(stamps, targets, step):
        return f"!{_JUMPS}"
    frames = [max(0, bisect_right(stamps.ticks, target) - 1) for target in targets]
    if len(frames) == len(stamps.ticks) and frames == list(range(len(frames))):
        return ""
    return _packed(frames)


def frames_of(text: str) -> tuple[int, ...]:
    """Returns the frame that Blender shows at each strip frame; () = the same number, or unknown.

    Args:
        text: from `shown`; damaged text counts as unknown.
    """
    return () if not text or text.startswith("!") else _unpacked(text)


def doubt_of(text: str) -> str:
    """Returns a sentence on why it is unknown what Blender shows; "" = it is known."""
    return text[1:] if text.startswith("!") else ""


def _jumps_ahead(stamps: Stamps, targets: Sequence[int], step: float) -> bool:
    """Returns whether a jump to one of these ticks lands on a key frame shown after it, with nothing before to show.

    Files of the QuickTime family are searched by decoding stamps, shifted by the delay of the first frame.
    """
    if len(stamps.keys) < 2:
        return False
    wait = stamps.keys[0][1] - stamps.keys[0][0]
    return any(_between(targets, dts + wait + _MARGIN * step, pts) for dts, pts in stamps.keys[1:])


def _between(rising: Sequence[int], low: float, high: int) -> bool:
    """Returns whether there is a number from `low` to below `high`."""
    place = bisect_right(rising, high - 1)
    return place > 0 and rising[place - 1] >= low


def _packed(frames: Sequence[int]) -> str:
    steps = [frames[0], *(b - a for a, b in pairwise(frames))]
    return base64.b64encode(zlib.compress(json.dumps(steps, separators=(",", ":")).encode(), 9)).decode()


@lru_cache(maxsize=16)
def _unpacked(text: str) -> tuple[int, ...]:
    try:
        reader = zlib.decompressobj()  # a .blend may come from anyone: no more than a strip can hold
        steps = json.loads(reader.decompress(base64.b64decode(text, validate=True), _MOST_BYTES))
        frames = tuple(accumulate(steps))
        return frames if all(type(frame) is int and frame >= 0 for frame in frames) else ()
    except (ValueError, TypeError, zlib.error, RecursionError):
        return ()
