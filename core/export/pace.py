"""Times a clip's frames at a constant rate: frames of a variable rate are held, none is dropped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..clips.source import VideoSource

_FASTEST = 240
_NEAR = 1e-3


@dataclass(frozen=True, slots=True)
class Pace:
    """The frames of a film.

    Attributes:
        rate: frames per second.
        frames: the clip frame that each of them shows.
        in_time: they are shown when the clip shows them, so that its sound fits.
        note: a sentence on how the clip's own rate was changed; "" = it was not.
    """

    rate: Fraction
    frames: Sequence[int]
    in_time: bool
    note: str = ""


def pace_of(clip: VideoSource, frames: Sequence[int], fps: float, default: float) -> Pace:
    """Returns the timing of a film of these clip frames.

    Frames in order at the clip's own rate are shown at their own times; others one after another.

    Args:
        clip: their source.
        frames: the clip frames, at least one.
        fps: requested frames per second, 0 = the clip's own.
        default: frames per second for clips without a rate.
    """
    from ..clips.movie import Movie

    plain = Fraction(fps or clip.fps or default).limit_denominator(1001)
    running = all(b == a + 1 for a, b in pairwise(frames))
    if not isinstance(clip, Movie) or not running:
        return Pace(plain, frames, False)
    rates = [rate for rate in clip.rates if not fps or abs(float(rate) - fps) < _NEAR]
    if not rates:
        return Pace(plain, frames, False)
    first = clip.span(frames[0])[0]
    starts = [clip.span(frame)[0] - first for frame in frames]
    rate, places = _even(starts, rates)
    count = max(places[-1] + 1, _nearest((clip.span(frames[-1])[1] - first) * rate))
    held = [frames[0]] * count
    for (place, after), frame in zip(pairwise([*places, count]), frames, strict=True):
        held[place:after] = [frame] * (after - place)
    note = ""
    if count != len(frames):
        note = f"The clip's frame rate varies: at {float(rate):.5g} frames per second some of its frames are held."
    return Pace(rate, held, True, note)


def time_of(clip: VideoSource, frame: int, fps: float) -> Fraction:
    """Returns the seconds from a clip's first frame to this one; `fps` is for clips without times of their own."""
    from ..clips.movie import Movie

    if isinstance(clip, Movie):
        return clip.span(frame)[0] - clip.span(0)[0]
    return frame / Fraction(fps).limit_denominator(1001)


def _even(starts: Sequence[Fraction], rates: Sequence[Fraction]) -> tuple[Fraction, list[int]]:
    """Returns the first rate that gives each start its own frame, and the frames; else the slowest and delays."""
    faster = [rates[0] * times for times in (2, 3, 4)]
    for rate in (rate for rate in (*rates, *faster) if rate <= _FASTEST):
        places = [_nearest(start * rate) for start in starts]
        if all(b > a for a, b in pairwise(places)):
            return rate, places
    rate = min(rates)
    places = [0]
    for start in starts[1:]:
        places.append(max(places[-1] + 1, _nearest(start * rate)))
    return rate, places


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
