"""Runs the engine on data with known masks and scores the results, one clip or picture at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..core.clips.opening import open_clip
from ..core.clips.picture import read_picture
from ..core.errors import InputError
from . import metrics
from .data import Sequence, Still, Truth, read_objects, read_truth
from .metrics import as_mask
from .object_walk import ObjectWalk
from .robot import CAREFUL
from .scores import ClipScore, GuessScore, StrokeScore
from .sheet import Row, Worst
from .walks import Walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.ports import FrameSource
    from ..core.types import Image, Matte
    from .robot import Robot

    Mask = NDArray[np.bool_]
    Keep = Callable[[int, Matte], None]

ROUNDS = 10


class Guesser(Protocol):
    """Guesses the foreground: the engine, or `peers.OutsideNet`."""

    def foreground(self, image: Image) -> Matte:
        """Returns the foreground (H, W) float32 in [0, 1] of a picture (H, W, 3) uint8 RGB."""


def measure_clip(
    engine: Engine,
    sequence: Sequence,
    worst: Worst,
    keep: Keep | None = None,
    walk: Walk | None = None,
    stability: float = 1.0,
) -> ClipScore:
    """Propagates a frame's true mask through the clip and scores the other frames; see `measure_walk`.

    Args:
        engine: the engine to measure.
        sequence: clip and truth.
        worst: collects the worst frames for the contact sheet.
        keep: called with each frame and its matte, for clips with one object.
        walk: the start frame and the frames to propagate through; None = from the first mask to the last frame.
        stability: see `Engine.propagate`.

    Raises:
        InputError: the given mask is missing or empty, or nothing can be scored.
    """
    with open_clip(sequence.clip, strict=True) as clip:
        if walk is None:
            walk = Walk(sequence.known[0], sequence.known[0], len(clip))
        if walk.given not in sequence.truth:
            raise InputError(f"The sequence {sequence.name} has no mask for frame {walk.given}.", "Use fewer starts.")

        def known(frame: int) -> Truth | None:
            return read_objects(sequence, frame) if frame in sequence.truth else None

        return measure_walk(
            engine, clip, known, worst, walk,
            name=sequence.name, ids=sequence.ids, dense=sequence.dense, keep=keep, stability=stability,
        )  # fmt: skip


def measure_walk(
    engine: Engine,
    clip: FrameSource,
    known: Callable[[int], Truth | None],
    worst: Worst,
    walk: Walk,
    *,
    name: str,
    ids: tuple[int, ...] = (),
    dense: bool = True,
    keep: Keep | None = None,
    stability: float = 1.0,
) -> ClipScore:
    """Propagates the true masks of `walk.given`, all objects in one run, and scores each object.

    The start frame is not scored, nor, if every frame has a mask, the one at the far end, as in DAVIS. Objects that are
    not on the start frame are ignored.

    Args:
        engine: the engine to measure.
        clip: the frames.
        known: frame -> truth; None = this frame has no mask.
        worst: collects the worst frames for the contact sheet.
        walk: the start frame and the frames to propagate through.
        name: the clip's name.
        ids: ids of its objects; () = one object.
        dense: every frame has a mask: the frame at the far end is not scored, and flicker is measured.
        keep: see `measure_clip`.
        stability: see `Engine.propagate`.

    Raises:
        InputError: the given mask is missing or empty, or nothing can be scored.
    """
    first = known(walk.given)
    shown = [] if first is None else [n for n, mask in enumerate(first.objects) if mask.any()]
    if first is None or not shown:
        raise InputError(f"The sequence {name} has no object on frame {walk.given}.", "Use another start.")
    titles = {n: f"{name} {ids[n]}" if ids else name for n in shown}
    objects = {n: ObjectWalk(titles[n], first.objects[n], len(clip), dense) for n in shown}
    given = first.objects[shown].astype(np.float32)
    unscored = {walk.given, walk.far_end} if dense else {walk.given}
    spent = 0.0
    stream = engine.propagate(
        clip, {walk.given: given if ids else given[0]}, (walk.start, walk.stop), stability=stability
    )
    with closing(stream):
        while True:
            begin = time.perf_counter()
            step = next(stream, None)
            spent += time.perf_counter() - begin
            if step is None:
                break
            frame, mattes = step
            if keep and not ids:
                keep(frame, mattes)
            if frame == walk.given:
                continue
            truth = known(frame)
            if truth is None and not dense:
                continue
            image = clip[frame]
            for n, matte in zip(shown, mattes if mattes.ndim == 3 else mattes[None], strict=True):
                own = None if truth is None else (truth.objects[n], truth.counted)
                objects[n].add(frame, image, matte, own, frame not in unscored)
    if not all(scores.scored for scores in objects.values()):
        raise InputError(f"The sequence {name} has no frame to score.", "It needs masks between its ends.")
    for scores in objects.values():
        scores.offer(worst)
    count = walk.stop - walk.start
    each = tuple(scores.score(str(ids[n]) if ids else "") for n, scores in objects.items())
    return ClipScore.of(name, walk.name, each, spent / count, count)


def measure_strokes(engine: Engine, still: Still, worst: Worst, robot: Robot = CAREFUL) -> list[StrokeScore]:
    """Has the robot cut out the object in ten rounds; returns one score, or none if the picture's mask is unusable."""
    image = read_picture(still.image)
    known = usable(still.mask, image)
    if known is None:
        return []
    truth, counted = known
    matte: Matte | None = None
    ious: list[float] = []
    seconds: list[float] = []
    strokes = []
    for number in range(ROUNDS):
        stroke = robot.stroke(None if matte is None else as_mask(matte), truth, counted, (still.name, number))
        if stroke is None:  # everything is right
            ious.append(ious[-1])
            continue
        strokes.append(stroke)
        begin = time.perf_counter()
        matte = engine.refine(image, [stroke], previous=matte)
        seconds.append(time.perf_counter() - begin)
        ious.append(metrics.iou(as_mask(matte), truth, counted))
    assert matte is not None
    text = f"IoU after 1, 3, {ROUNDS} rounds: {ious[0]:.2f}, {ious[2]:.2f}, {ious[-1]:.2f}"
    worst.offer(ious[2], Row(still.name, text, image, truth, matte, tuple(strokes), counted))
    return [StrokeScore(still.name, tuple(ious), tuple(seconds))]


def measure_guess(guesser: Guesser, still: Still, worst: Worst) -> list[GuessScore]:
    """Scores the first guess of a picture's foreground, by the engine or by a third-party network.

    Returns one score, or none if the picture's mask is unusable.
    """
    image = read_picture(still.image)
    known = usable(still.mask, image)
    if known is None:
        return []
    truth, counted = known
    begin = time.perf_counter()
    matte = guesser.foreground(image)
    spent = time.perf_counter() - begin
    score = metrics.iou(as_mask(matte), truth, counted)
    worst.offer(score, Row(still.name, f"IoU {score:.2f}", image, truth, matte, counted=counted))
    return [GuessScore(still.name, score, metrics.mean_error(matte, truth, counted), spent)]


def first_frames(sequences: tuple[Sequence, ...]) -> tuple[Still, ...]:
    """Returns the first frame with a mask of each clip with one object, as pictures."""
    return tuple(
        Still(s.name, Path(s.clip.path) / s.clip.files[s.known[0]], s.truth[s.known[0]]) for s in sequences if not s.ids
    )


def usable(path: Path, image: Image) -> tuple[Mask, Mask] | None:
    """Returns (object, counted) pixels of a picture's mask; None if it is unusable."""
    known = read_truth(path)
    if known is None or known[0].shape != image.shape[:2] or not known[0].any():
        return None
    return known
