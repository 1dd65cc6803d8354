"""Runs the engine on data with known masks and scores what comes out, one clip or picture at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..core.errors import InputError, SizeMismatch
from ..core.video import open_clip, read_picture
from . import metrics, robot
from .data import Sequence, Still, read_truth
from .flicker import FlickerMeter
from .scores import ClipScore, GuessScore, StrokeScore
from .sheet import Row, Worst
from .walks import Walk

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.types import Image, Matte

    Mask = NDArray[np.bool_]
    Keep = Callable[[int, Matte], None]

ROUNDS = 10
PARTS = 6
"""Of a clip, for its worst frames."""


class Guesser(Protocol):
    """What guesses the foreground: the engine, or `outside.OutsideNet`."""

    def foreground(self, image: Image) -> Matte:
        """The foreground (H, W) float32 in [0, 1] of a picture (H, W, 3) uint8 RGB."""


def measure_clip(
    engine: Engine,
    sequence: Sequence,
    worst: Worst,
    keep: Keep | None = None,
    walk: Walk | None = None,
    stability: float = 1.0,
) -> ClipScore:
    """Propagates a frame's true mask through the clip and scores all but that frame and the one at the far end.

    Args:
        engine: to be measured.
        sequence: clip and truth.
        worst: collects the worst frames for the contact sheet.
        keep: called with each frame and its matte.
        walk: which mask is given and which frames are walked; None = as DAVIS does, from the first frame to the last.
        stability: see `Engine.propagate`.

    Raises:
        InputError: the given mask is missing or has other values than 0, 128, 255.
    """
    region: list[float] = []
    contour: list[float] = []
    lowest: dict[int, tuple[float, Row]] = {}
    spent = 0.0
    flicker = FlickerMeter()
    with open_clip(sequence.clip) as clip:
        walk = walk or Walk(0, 0, len(clip))
        if walk.given not in sequence.truth:
            raise InputError(f"The sequence {sequence.name} has no mask of frame {walk.given}.", "Take fewer starts.")
        first, _ = _truth(sequence.truth[walk.given], clip.size)
        ends = (walk.given, walk.start if walk.given == walk.stop - 1 else walk.stop - 1)
        stream = engine.propagate(
            clip, {walk.given: first.astype(np.float32)}, (walk.start, walk.stop), stability=stability
        )
        with closing(stream):
            while True:
                begin = time.perf_counter()
                step = next(stream, None)
                spent += time.perf_counter() - begin
                if step is None:
                    break
                frame, matte = step
                if keep:
                    keep(frame, matte)
                if frame == walk.given:
                    continue
                mask = as_mask(matte)
                truth = _truth(sequence.truth[frame], clip.size)[0] if frame in sequence.truth else None
                flicker.add(frame, clip[frame], mask, truth)
                if frame not in ends and truth is not None:
                    region.append(metrics.iou(mask, truth))
                    contour.append(metrics.contour_accuracy(mask, truth))
                    score = (region[-1] + contour[-1]) / 2
                    # One frame of each part of the clip: neighbours fail alike, and would say nothing new.
                    part = PARTS * frame // len(clip)
                    if part not in lowest or score < lowest[part][0]:
                        text = f"frame {frame} of {len(clip)}: J {region[-1]:.2f} F {contour[-1]:.2f} J&F {score:.2f}"
                        lowest[part] = score, Row(sequence.name, text, clip[frame], truth, matte)
        count = walk.stop - walk.start
    for score, row in lowest.values():
        worst.offer(score, row)
    if not region:
        raise InputError(f"The sequence {sequence.name} has no frame to score.", "It needs masks between its ends.")
    return ClipScore(
        f"{sequence.name} {walk.name}".rstrip(),
        float(np.mean(region)),
        float(np.mean(contour)),
        metrics.decay(region),
        spent / count,
        count,
        flicker.mean,
    )


def measure_strokes(engine: Engine, still: Still, worst: Worst) -> list[StrokeScore]:
    """Lets the robot cut the object out in ten rounds; one score, none when the picture's mask cannot be used."""
    image = read_picture(still.image)
    known = usable(still.mask, image)
    if known is None:
        return []
    truth, counted = known
    matte: Matte | None = None
    ious: list[float] = []
    seconds: list[float] = []
    strokes = []
    for _ in range(ROUNDS):
        if matte is None:
            stroke = robot.first_stroke(truth)
        else:
            stroke = robot.next_stroke(as_mask(matte), truth, counted)
        if stroke is None:  # nothing is wrong any more
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
    """Scores the first guess of a picture's foreground, by the engine or by a network from elsewhere.

    One score, none when the picture's mask cannot be used.
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
    """The first frames of clips as pictures."""
    from pathlib import Path

    return tuple(Still(s.name, Path(s.clip.path) / s.clip.files[0], s.truth[0]) for s in sequences)


def as_mask(matte: Matte) -> Mask:
    """A matte (H, W) as DAVIS counts an 8-bit picture: above 127 is object."""
    return np.asarray(np.rint(matte * 255) > 127)


def usable(path: Path, image: Image) -> tuple[Mask, Mask] | None:
    """(object, counted) pixels of a picture's mask file; None when it has region numbers, another size or no object."""
    known = read_truth(path)
    if known is None or known[0].shape != image.shape[:2] or not known[0].any():
        return None
    return known


def _truth(path: Path, size: tuple[int, int]) -> tuple[Mask, Mask]:
    known = read_truth(path)
    if known is None:
        raise InputError(f"The mask {path} has values other than 0, 128 and 255.", "Use masks of one object.")
    if known[0].shape != size:
        height, width = known[0].shape
        raise SizeMismatch(f"The mask {path} is {width} x {height} pixels, the picture {size[1]} x {size[0]}.", "")
    return known
