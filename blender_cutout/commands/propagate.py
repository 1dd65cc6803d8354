"""Runs `cutout propagate`: makes masks for a whole clip from the masks of a few frames."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.export import output_files
from ..core.propagation.outcome import MatteKind
from ..core.types import Direction, PropagationOptions, size_text
from . import arguments, files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.clips.source import VideoSource
    from ..core.engine import Engine
    from ..core.ports import FrameSource
    from ..core.propagation.outcome import Stop
    from ..core.types import FrameRange, Matte
    from .context import Context

STABILITY = 1.0
_FULL = "Free some space and run it again with --resume: finished masks stay."
_JUDGED = MatteKind.PROPAGATED, MatteKind.FUSED


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "propagate",
        run,
        "Propagates the masks of one or more keyframes through a clip. Writes one 8-bit grey PNG per frame of the "
        "range, 000000.png and so on by clip frame, each as soon as it is ready; frames before the first keyframe are "
        "propagated backward.",
        "cutout propagate shot.mp4 --keyframe 0=first.png --keyframe 40=later.png --range 0:60 -o masks",
    )
    arguments.add_clip(parser)
    add_propagation(parser)
    parser.add_argument(
        "--resume", action="store_true",
        help="keep the masks in DIR from an interrupted run with the same arguments and do the rest",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the masks")
    arguments.add_engine(parser)


def add_propagation(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say what is propagated and how; `cutout job make` has the same."""
    parser.set_defaults(own_masks=False)  # a job has copies, which no result overwrites: they are read when needed
    parser.add_argument(
        "--keyframe", type=arguments.keyframe, action="append", default=[], metavar="FRAME=MASK.png",
        help="mask of a clip frame, counted from 0; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--keyframes", type=Path, metavar="MASKS",
        help="masks from another program as keyframes: a folder of pictures or a movie, for the whole clip",
    )  # fmt: skip
    parser.add_argument("--every", type=arguments.positive, default=1, metavar="N", help="use every N-th of MASKS")
    parser.add_argument(
        "--at", type=arguments.frame_number, metavar="FRAME", help="the first of MASKS is for this clip frame"
    )
    arguments.add_object(parser)
    parser.add_argument(
        "--range", type=arguments.span, metavar="A:B", help="frames A to B - 1 only (default the whole clip)"
    )
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="DIR",
        help="masks of an earlier run: only frames that new keyframes improve are computed again",
    )
    parser.add_argument(
        "--lock", type=arguments.frames, action="append", default=[], metavar="FRAME|A:B",
        help="frame, or frames A to B - 1, whose masks of --previous must not change; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--absent", type=arguments.frames, action="append", default=[], metavar="FRAME|A:B",
        help="frame, or frames A to B - 1, without the object: their masks are empty, and beyond them it is taken from "
        "the keyframes there; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--direction", choices=[d.value for d in Direction], default=Direction.BOTH.value,
        help="direction of propagation from the keyframes (default both)",
    )  # fmt: skip
    parser.add_argument(
        "--stability", type=arguments.share, default=STABILITY, metavar="S",
        help="how strongly each mask is blended with neighbouring frames to reduce flicker: 0 (off) to 1 (default)",
    )  # fmt: skip
    parser.add_argument(
        "--across-cuts", action="store_true", help="propagate across the clip's cuts, dissolves and fades"
    )
    parser.add_argument(
        "--stop-below", type=arguments.share, default=0.0, metavar="C",
        help="stop after the first frame with a confidence below C, 0 to 1; 0.6 finds most bad masks",
    )  # fmt: skip


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes the masks."""
    from ..core.clips.foreign_mask_sequence import MasksByFrame
    from ..core.clips.opening import open_clip

    arguments.check_tier(args.tier)
    with ExitStack() as stack:
        clip = stack.enter_context(open_clip(arguments.clip_of(args)))
        bounds = arguments.frame_range(args.range, len(clip))
        context.report.warn(clip.take_notes())
        keyframes = read_keyframes(args, clip, context, stack)
        locked, absent = marked_frames(args, len(clip))
        earlier = files.MaskFolder(args.previous, clip.size, scaled=True) if args.previous else None
        previous = None if earlier is None else _Previous(earlier, keyframes)
        needed, free = files.room_for(args.output, clip.size, bounds)
        output_files.prepare_folder(args.output, args.clip)
        context.report.say(f"The masks will take about {size_text(needed)}; {size_text(free)} are free.")
        finished = _finished(args.output, clip.size) if args.resume else None
        disk = {"disk_needed": needed, "disk_free": free}
        job = _Job(clip, keyframes, bounds, previous, locked, absent, finished, disk)
        context.within_memory(args.tier, args.device, lambda engine: _carry(engine, job, args, context))
        if isinstance(keyframes, MasksByFrame):
            context.report.warn(keyframes.take_notes())
        context.report.warn([*clip.take_notes(), *(earlier.take_notes() if earlier is not None else ())])
    return 0


def read_keyframes(
    args: argparse.Namespace, clip: VideoSource, context: Context, stack: ExitStack
) -> Mapping[int, Matte]:
    """Returns the masks of the keyframes that `add_propagation` parsed, by frame; some are read when needed.

    Raises:
        InputError: there is none, two are for one frame, or one is outside the clip; see `MaskReader` too.
        SizeMismatch: a mask's size does not fit the clip's.
    """
    from ..core.clips.foreign_mask_sequence import as_keyframes
    from ..core.images.foreign_masks import MaskReader
    from ..core.session.store import LazyMattes

    masks = dict(args.keyframe)
    if len(masks) < len(args.keyframe):
        raise InputError("A frame has two masks.", "Give --keyframe once for each frame.")
    arguments.check_frames(masks, len(clip), "Keyframe")
    if not masks and args.keyframes is None:
        raise InputError("There is no keyframe.", "Give --keyframe FRAME=MASK.png, or --keyframes MASKS.")
    keyframes: Mapping[int, Matte] = {}
    if masks:
        reader = MaskReader(clip.size, args.object, list(masks.values()))
        if args.own_masks:
            keyframes = LazyMattes(sorted(masks), lambda frame: reader.matte(masks[frame]))
        else:
            keyframes = {frame: reader.matte(path) for frame, path in masks.items()}
        context.report.warn(reader.take_notes())
    if args.keyframes is not None:
        given = as_keyframes(args.keyframes, len(clip), clip.size, args.at, args.every, keyframes, args.object)
        keyframes = stack.enter_context(given)
        context.report.warn(given.take_notes())
    return keyframes


def marked_frames(args: argparse.Namespace, length: int) -> tuple[set[int], set[int]]:
    """Returns the locked and the absent frames that `add_propagation` parsed, of a clip of `length` frames.

    Raises:
        InputError: one is outside the clip, or frames are locked without earlier masks.
    """
    if args.lock and args.previous is None:
        raise InputError("--lock needs --previous.", "Give the folder with the masks that must not change.")
    arguments.check_frames((frames[-1] for frames in args.lock), length, "The locked frame")
    arguments.check_frames((frames[-1] for frames in args.absent), length, "The absent frame")
    return {f for frames in args.lock for f in frames}, {f for frames in args.absent for f in frames}


@dataclass(frozen=True, slots=True)
class _Job:
    """The work to do, independent of the engine."""

    clip: FrameSource
    keyframes: Mapping[int, Matte]
    bounds: FrameRange
    previous: _Previous | None
    locked: set[int]
    absent: set[int]
    finished: files.MaskFolder | None
    disk: dict[str, Any]


def _carry(engine: Engine, job: _Job, args: argparse.Namespace, context: Context) -> None:
    """Propagates, and reports the progress."""
    from ..core.images.matte import to_png
    from ..core.propagation.confidence import confidence

    report, bounds, finished = context.report, job.bounds, job.finished
    report.event(
        "start", frames=len(bounds), first=bounds.start, stop=bounds.stop, tier=engine.tier, device=engine.device,
        **job.disk,
    )  # fmt: skip
    stops: list[Stop] = []
    stream = engine.propagate_detailed(
        job.clip,
        job.keyframes,
        frame_range=bounds,
        previous=job.previous.get if job.previous else None,
        direction=Direction(args.direction),
        locked=job.locked,
        absent=job.absent,
        known=finished.get if finished is not None else None,
        options=PropagationOptions(
            stop_at_cuts=not args.across_cuts, stop_below=args.stop_below, stability=args.stability
        ),
        notice=stops.append,
    )
    begin = last = time.perf_counter()
    done = 0
    with closing(stream):
        results = (result for result in stream if result[2] is not MatteKind.PENDING)
        for frame, matte, kind in report.progress(results, len(bounds), "propagating"):
            path = args.output / files.mask_name(frame)
            if finished is None or frame not in finished:
                output_files.write_bytes(path, to_png(matte), _FULL)
            now = time.perf_counter()
            report.event(
                "frame", frame=frame, path=str(path), kind=kind.value, seconds=round(now - last, 4),
                **({"confidence": round(confidence(matte), 3)} if kind in _JUDGED else {}),
            )  # fmt: skip
            last = now
            done += 1
    seconds = last - begin
    for stop in stops:
        report.event("stop", cause=stop.cause.value, at=stop.at, first=stop.first, last=stop.last)
        report.complain(f"Warning: {stop.text}")
    report.event("done", frames=done, folder=str(args.output), seconds=round(seconds, 3))
    report.say(f"{args.output}: {done} masks in {seconds:.1f} s ({seconds / max(1, done):.3f} s per frame).")


class _Previous:
    """Looks up earlier masks by frame; keyframes' masks are read at once, as the output may overwrite them."""

    def __init__(self, folder: files.MaskFolder, keyframes: Mapping[int, Matte]) -> None:
        self._folder = folder
        self._held = {frame: folder.get(frame) for frame in keyframes}

    def get(self, frame: int) -> Matte | None:
        """Returns the earlier mask; None if there is none."""
        return self._held[frame] if frame in self._held else self._folder.get(frame)


def _finished(folder: Path, size: tuple[int, int]) -> files.MaskFolder | None:
    """Returns the masks that an earlier run left; None if there are none."""
    found = [path for path in folder.glob("[0-9]*.png") if path.stem.isdecimal()]
    written = any(path.name == files.mask_name(int(path.stem)) for path in found)
    return files.MaskFolder(folder, size, own=True) if written else None
