"""A simulated artist who cuts a clip out in rounds: strokes on the worst frame, propagation, again.

As in the DAVIS interactive track (Caelles et al. 2018), but with our robot's strokes, and each stroke is a round of the
stroke network, as in the product. `python -m blender_cutout.evaluate.interactive DATA --tier standard`
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..commands.arguments import weight_file, weights_by_kind
from ..compose import load_engine
from ..core.errors import InputError
from ..core.tiers import DEFAULT
from ..core.video import open_clip
from . import metrics, robot
from .data import find_data, frame_truth
from .measure import as_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.types import Image, Matte
    from .data import Sequence as Video

    Mask = NDArray[np.bool_]
    Show = Callable[["RoundScore", dict[int, Matte]], None]

ROUNDS = 8
STROKES = 3
"""Strokes a round, each drawn on what the one before left: with three, the robot has a usable mask on most pictures."""


@dataclass(frozen=True, slots=True)
class RoundScore:
    """A clip after one round.

    Attributes:
        clip: its name.
        number: of the round, from 1.
        frame: where the strokes were drawn.
        drawn: J&F of that frame after the strokes.
        before: J&F of that frame before them; 0 in the first round.
        mean: J&F of all frames, keyframes too, as the interactive track counts.
        changed: frames whose matte is not the same as after the round before.
        lost: keyframes of earlier rounds, and frames outside the stretch between the keyframes beside `frame`, whose
            matte is not bit for bit what it was: must be 0.
        frames: J&F of each frame.
    """

    clip: str
    number: int
    frame: int
    drawn: float
    before: float
    mean: float
    changed: int
    lost: int
    frames: tuple[float, ...]


def play(
    engine: Engine, video: Video, rounds: int = ROUNDS, fused: bool = True, show: Show | None = None
) -> Iterator[RoundScore]:
    """Yields the clip's score after each round; ends early when every frame is right.

    Args:
        engine: to be measured.
        video: clip and true masks of every frame.
        rounds: how many.
        fused: False = the new result replaces the old one, for comparison.
        show: called with each score and all mattes.

    Raises:
        InputError: masks are missing or of another kind.
    """
    with open_clip(video.clip) as clip:
        truths = [frame_truth(video, frame) for frame in range(len(clip))]
        mattes: dict[int, Matte] = {}
        keyframes: dict[int, Matte] = {}
        scores = [0.0] * len(clip)
        for number in range(1, rounds + 1):
            frame = int(np.argmin(scores)) if mattes else _first(truths)
            drawn = draw(engine, clip[frame], truths[frame], mattes.get(frame))
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
            score = RoundScore(
                video.name, number, frame, scores[frame], before, mean, len(changed), lost, tuple(scores)
            )
            if show:
                show(score, mattes)
            yield score


def draw(engine: Engine, image: Image, truth: Mask, matte: Matte | None) -> Matte | None:
    """The matte (H, W) after the robot's strokes of one round; None when there is nothing to draw."""
    start = matte
    for _ in range(STROKES):
        stroke = robot.first_stroke(truth) if matte is None else robot.next_stroke(as_mask(matte), truth)
        if stroke is None:
            break
        matte = stored(engine.refine(image, [stroke], previous=matte))
    return None if matte is start else matte


def stored(matte: Matte) -> Matte:
    """The matte as it comes back from an 8-bit file."""
    return np.asarray(np.rint(matte * 255) / 255, np.float32)


def area_under(curve: Sequence[float]) -> float:
    """The mean height of a curve over the rounds, in [0, 1]: its area by trapezia over its length."""
    return float(np.mean((np.asarray(curve[1:]) + np.asarray(curve[:-1])) / 2)) if len(curve) > 1 else float(curve[0])


def means(scores: Sequence[RoundScore], rounds: int) -> list[float]:
    """The mean J&F over the clips after each round; a clip that ended early keeps its last value."""
    clips = {score.clip: [0.0] * rounds for score in scores}
    for score in sorted(scores, key=lambda s: s.number):
        clips[score.clip][score.number - 1 :] = [score.mean] * (rounds - score.number + 1)
    return [float(value) for value in np.mean(list(clips.values()), axis=0)]


def table(scores: Sequence[RoundScore], rounds: int) -> str:
    """The curve of each clip and of the mean, with its area."""
    lines = [f"{'J&F after round':<20}" + "".join(f"{n:>7}" for n in range(1, rounds + 1)) + f"{'AUC':>8}"]
    names = list(dict.fromkeys(score.clip for score in scores))
    rows = {name: means([s for s in scores if s.clip == name], rounds) for name in names}
    for name, curve in {**rows, f"mean ({len(rows)})": means(scores, rounds)}.items():
        lines.append(f"{name:<20}" + "".join(f"{value:>7.3f}" for value in curve) + f"{area_under(curve):>8.3f}")
    lines.append(f"frames that had to stay and did not: {sum(score.lost for score in scores)}")
    return "\n".join(lines)


def _first(truths: Sequence[Mask]) -> int:
    """The first frame on which there is anything to draw on."""
    for frame, truth in enumerate(truths):
        if truth.any():
            return frame
    raise InputError("The clip's true masks are all empty.", "Take a clip with an object.")


def _reach(frame: int, keyframes: dict[int, Matte], length: int) -> range:
    """The frames that a new keyframe may change: up to its neighbours."""
    left = max((key for key in keyframes if key < frame), default=-1)
    right = min((key for key in keyframes if key > frame), default=length)
    return range(left + 1, right)


def _replaced(
    engine: Engine, clip: Sequence[Image], keyframes: dict[int, Matte], frame: int, old: dict[int, Matte]
) -> dict[int, Matte]:
    """Old mattes, and in the new keyframe's reach those of a run from it alone, which knows no earlier run."""
    reach = _reach(frame, keyframes, len(clip))
    out = old | {frame: keyframes[frame]}
    # With a previous matte at no other frame than the old keyframes, all passes start at the new one and fuse nothing.
    known = {key: matte for key, matte in keyframes.items() if key != frame}
    with closing(engine.propagate(clip, keyframes, (reach.start, reach.stop), previous=known)) as stream:
        out |= {f: stored(matte) for f, matte in stream}
    return out


def _score(mask: Mask, truth: Mask) -> float:
    return float((metrics.iou(mask, truth) + metrics.contour_accuracy(mask, truth)) / 2)


def main(words: Sequence[str] | None = None) -> int:
    """Measures as the command line says; prints a record for each round and then the table."""
    parser = argparse.ArgumentParser(prog="python -m blender_cutout.evaluate.interactive", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with video/")
    parser.add_argument("--tier", default=DEFAULT)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--clips", nargs="*", default=[], help="names of clips (default all)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--without-fusion", action="store_true", help="new results replace the old ones")
    parser.add_argument("--weights", type=weight_file, metavar="NAME=FILE", action="append", default=[])
    args = parser.parse_args(words)
    engine = load_engine(args.tier, args.device, weights_by_kind(args.weights) if args.weights else None)
    scores = []
    for video in find_data(args.data).sequences:
        if args.clips and video.name not in args.clips:
            continue
        for score in play(engine, video, args.rounds, not args.without_fusion):
            scores.append(score)
            record = asdict(score) | {"frames": [round(value, 4) for value in score.frames]}
            sys.stdout.write(json.dumps(record) + "\n")
            sys.stdout.flush()
    if not scores:
        raise InputError("There is no clip of that name in the data.", "Leave --clips out.")
    sys.stdout.write(table(scores, args.rounds) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
