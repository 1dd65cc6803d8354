"""Simulates an artist who cuts out a clip in rounds: strokes on the worst frame, propagation, and again.

Like the DAVIS interactive track (Caelles et al. 2018), but with our robot's strokes, each of them a round of the stroke
network, as in the product. `cutout study interactive DATA --tier standard`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.clips.opening import open_clip
from ..core.errors import InputError
from . import metrics
from .data import frame_truth
from .interval import interval
from .metrics import as_mask
from .robot import CAREFUL
from .scores import mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.ports import FrameSource
    from ..core.types import Image, Matte
    from .data import Sequence as Video
    from .robot import Robot
    from .scores import Values

    Mask = NDArray[np.bool_]
    Show = Callable[["RoundScore", dict[int, Matte]], None]

ROUNDS = 8
STROKES = 3
"""Strokes per round, each drawn on the result of the last; three give a usable mask on most pictures."""


@dataclass(frozen=True, slots=True)
class RoundScore:
    """A clip's score after one round.

    Attributes:
        clip: its name.
        number: number of the round, from 1.
        frame: the frame with the strokes.
        drawn: J&F of that frame after the strokes.
        before: J&F of that frame before them; 0 in the first round.
        mean: J&F of all frames including keyframes, as in the interactive track.
        lost: number of earlier keyframes, and frames beyond the keyframes next to `frame`, whose matte is not bit for
            bit the same: must be 0.
        frames: J&F of each frame.
    """

    clip: str
    number: int
    frame: int
    drawn: float
    before: float
    mean: float
    lost: int
    frames: tuple[float, ...]


def play(
    engine: Engine,
    video: Video,
    rounds: int = ROUNDS,
    fused: bool = True,
    show: Show | None = None,
    robot: Robot = CAREFUL,
) -> Iterator[RoundScore]:
    """Yields the clip's score after each round; ends early once every frame is right.

    Args:
        engine: the engine to measure.
        video: clip with true masks of every frame.
        rounds: number of rounds.
        fused: False = the new result replaces the old one, for comparison.
        show: called with each score and all mattes.
        robot: the simulated artist.

    Raises:
        InputError: masks are missing or unusable.
    """
    with open_clip(video.clip, strict=True) as clip:
        truths = [frame_truth(video, frame) for frame in range(len(clip))]
        mattes: dict[int, Matte] = {}
        keyframes: dict[int, Matte] = {}
        scores = [0.0] * len(clip)
        for number in range(1, rounds + 1):
            frame = int(np.argmin(scores)) if mattes else _first(truths)
            drawn = draw(engine, clip[frame], truths[frame], mattes.get(frame), robot, f"{video.name} {number}")
            if drawn is None:
                return
            before, old = scores[frame], mattes
            keyframes[frame] = drawn
            if fused or not old:
                stream = engine.propagate(clip, keyframes, previous=old or None)
                with closing(stream):
                    mattes = {f: stored(matte) for f, matte in stream}
            else:
                mattes = _replaced(engine, clip, keyframes, frame, old)
            scores = [_score(as_mask(mattes[f]), truth) for f, truth in enumerate(truths)]
            changed = [f for f in old if not np.array_equal(old[f], mattes[f])]
            reach = _reach(frame, keyframes, len(clip))
            lost = sum(f != frame and (f in keyframes or f not in reach) for f in changed)
            mean = float(np.mean(scores))
            score = RoundScore(video.name, number, frame, scores[frame], before, mean, lost, tuple(scores))
            if show:
                show(score, mattes)
            yield score


def draw(
    engine: Engine, image: Image, truth: Mask, matte: Matte | None, robot: Robot = CAREFUL, key: str = ""
) -> Matte | None:
    """Returns the matte (H, W) after the robot's strokes of one round, named `key`; None if there is none to draw."""
    start = matte
    for number in range(STROKES):
        # The very first stroke has no mask to correct; every other one does.
        stroke = robot.stroke(None if matte is None else as_mask(matte), truth, None, (key, number))
        if stroke is None:
            break
        matte = stored(engine.refine(image, [stroke], previous=matte))
    return None if matte is start else matte


def stored(matte: Matte) -> Matte:
    """Returns the matte as read back from an 8-bit file."""
    return np.asarray(np.rint(matte * 255) / 255, np.float32)


def area_under(curve: Sequence[float]) -> float:
    """Returns the mean height of a curve over the rounds, in [0, 1]: its area by the trapezium rule over its length."""
    return float(np.mean((np.asarray(curve[1:]) + np.asarray(curve[:-1])) / 2)) if len(curve) > 1 else float(curve[0])


def curves(scores: Sequence[RoundScore], rounds: int) -> dict[str, list[float]]:
    """Returns clip -> mean J&F after each round; a clip that ended early keeps its last value."""
    clips = {score.clip: [0.0] * rounds for score in scores}
    for score in sorted(scores, key=lambda s: s.number):
        clips[score.clip][score.number - 1 :] = [score.mean] * (rounds - score.number + 1)
    return clips


def units(scores: Sequence[RoundScore], rounds: int) -> dict[str, Values]:
    """Returns clip -> "J&F@n" after round n, and "AUC"."""
    return {
        clip: {**{f"J&F@{n}": value for n, value in enumerate(curve, 1)}, "AUC": area_under(curve)}
        for clip, curve in curves(scores, rounds).items()
    }


def table(scores: Sequence[RoundScore], rounds: int) -> str:
    """Returns the curve of each clip, and the mean with its 95 % interval over clips, each with its area."""
    lines = [f"{'J&F after round':<20}" + "".join(f"{n:>7}" for n in range(1, rounds + 1)) + f"{'AUC':>8}"]
    each = units(scores, rounds)
    columns = [[values[name] for values in each.values()] for name in next(iter(each.values()))]
    rows: dict[str, list[Any]] = {name: list(values.values()) for name, values in each.items()}
    rows[f"mean ({len(each)})"] = [mean(column) for column in columns]
    ends = [interval(column) for column in columns]
    if all(ends):
        rows["  95 % from"], rows["  to"] = ([pair[end] for pair in ends if pair] for end in (0, 1))
    for name, curve in rows.items():
        lines.append(f"{name:<20}" + "".join(f"{value:>7.3f}" for value in curve[:-1]) + f"{curve[-1]:>8.3f}")
    lines.append(f"frames that must not change but did: {sum(score.lost for score in scores)}")
    return "\n".join(lines)


def _first(truths: Sequence[Mask]) -> int:
    """Returns the first frame with anything to draw on."""
    for frame, truth in enumerate(truths):
        if truth.any():
            return frame
    raise InputError("The clip's true masks are all empty.", "Take a clip with an object.")


def _reach(frame: int, keyframes: dict[int, Matte], length: int) -> range:
    """Returns the frames that a new keyframe may change: those up to its neighbours."""
    left = max((key for key in keyframes if key < frame), default=-1)
    right = min((key for key in keyframes if key > frame), default=length)
    return range(left + 1, right)


def _replaced(
    engine: Engine, clip: FrameSource, keyframes: dict[int, Matte], frame: int, old: dict[int, Matte]
) -> dict[int, Matte]:
    """Returns the old mattes, with those in the new keyframe's reach replaced by a run from it alone."""
    reach = _reach(frame, keyframes, len(clip))
    out = old | {frame: keyframes[frame]}
    # With previous mattes only at the old keyframes, all passes start at the new one and fuse nothing.
    known = {key: matte for key, matte in keyframes.items() if key != frame}
    with closing(engine.propagate(clip, keyframes, (reach.start, reach.stop), previous=known)) as stream:
        out |= {f: stored(matte) for f, matte in stream}
    return out


def _score(mask: Mask, truth: Mask) -> float:
    return float((metrics.iou(mask, truth) + metrics.contour_accuracy(mask, truth)) / 2)
