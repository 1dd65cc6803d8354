"""Runs `cutout job make`: collects what a propagation and its outputs need in a job file and a folder next to it."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core import atomic
from ...core.edges.settings import EdgeSettings
from ...core.errors import InputError
from ...core.export import output_files
from ...core.jobs.job_file import (
    COMPOSITE,
    EDGES,
    EXPORT,
    SUFFIX,
    Job,
    JobClip,
    JobKeyframe,
    JobOutput,
    files_folder,
    is_file_background,
    write_job,
)
from ...core.types import Clip, Direction
from ...version import __version__
from .. import arguments, edge_flags, files
from ..propagate import add_propagation, marked_frames, read_keyframes
from ..session import open_track

if TYPE_CHECKING:
    from ...core.clips.source import VideoSource
    from ...core.engine import Engine
    from ...core.types import FrameRange, Matte
    from ..context import Context

    Lookup = Callable[[int], Matte | None]

_COPIED = "keyframes", "previous", "painted", "finished"
"""Folders that belong to a job, within `files_folder`."""
_SESSION = (
    "a cutout's folder: take its clip, keyframes, locked and absent frames, the masks to fuse with, and the edge "
    "settings that its strips were last written with"
)


def add_parser(actions: Any) -> None:
    """Adds the action."""
    parser = arguments.command(
        actions,
        "make",
        run,
        f"Makes a job file NAME{SUFFIX} from a clip and masks of keyframes, or from a cutout's folder. Copies of the "
        f"masks go into the folder {files_folder(Path('NAME' + SUFFIX))} beside it: take both along.",
        "cutout job make shot.mp4 --keyframe 0=first.png --composite cut.mp4 --background '#00b140' -o shot" + SUFFIX,
    )
    arguments.add_clip(parser, optional=True)
    add_propagation(parser)
    parser.add_argument("--masks", type=Path, metavar="DIR", help="folder for the masks (default NAME-masks)")
    parser.add_argument("--edges", type=Path, metavar="DIR", help="also refine edges: folder for 16-bit alpha")
    parser.add_argument("--foreground", action="store_true", help="with --edges: also write the object's own colours")
    parser.add_argument("--export", type=Path, metavar="OUT", help="also write the object with transparency")
    parser.add_argument("--composite", type=Path, metavar="OUT", help="also put it over --background")
    parser.add_argument("--background", metavar="COLOUR|FILE", help="background of --composite")
    parser.add_argument("--task-frames", type=arguments.positive, default=50, metavar="N",
        help="least number of frames of a task, if several machines share the job (default 50)",
    )  # fmt: skip
    edge_flags.add_edge(parser, EdgeSettings(), _SESSION)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help=f"file name ending in {SUFFIX}"
    )
    arguments.add_engine(parser)


@dataclass(frozen=True, slots=True)
class _Content:
    """What a job is made from, wherever it comes from.

    Attributes:
        clip, source: the clip, described and open.
        bounds: frames to propagate.
        keyframes: their frames.
        keyframe: returns the mask of a keyframe.
        previous: returns a mask of the earlier run to fuse with, or None; None = there was none.
        locked, absent: frames.
        edge_folder: folder with edge settings, None = there is none.
        head: see `Job`.
    """

    clip: Clip
    source: VideoSource
    bounds: FrameRange
    keyframes: Collection[int]
    keyframe: Lookup
    previous: Lookup | None
    locked: Collection[int]
    absent: Collection[int]
    edge_folder: Path | None = None
    head: str = ""


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes the job file."""
    path = args.output.absolute()
    _check(args, path)
    with ExitStack() as stack:
        engine = context.load(args.tier, args.device)
        read = _of_clip if args.session is None else _of_session
        content = read(args, context, engine, stack)
        output_files.prepare_folder(path.parent)
        job = _job(args, path, content, engine)
        _copy(path, content)
        write_job(path, job)
        context.report.warn(content.source.take_notes())
    context.report.event("done", output=str(path), keyframes=len(job.keyframes), frames=len(job.range), tier=job.tier)
    context.report.say(f"{path}: {len(job.range)} frames, {len(job.keyframes)} keyframes, tier {job.tier}.")
    return 0


def _check(args: argparse.Namespace, path: Path) -> None:
    if not path.name.endswith(SUFFIX) or path.name == SUFFIX:
        raise InputError(f"{path} does not end in {SUFFIX}.", "Give a file name with that ending.")
    if path.exists():
        raise InputError(f"{path} exists.", "Give another name, or delete it first.")
    if (args.composite is None) != (args.background is None):
        raise InputError("--composite and --background belong together.", "Give both, or neither.")
    if args.foreground and args.edges is None:
        raise InputError("--foreground needs --edges.", "Give a folder for the refined edges.")
    arguments.check_tier(args.tier)
    if args.session is None and args.clip is None:
        raise InputError("There is no clip.", "Give a clip and --keyframe, or a cutout's folder with --session.")
    given = args.keyframe or args.keyframes or args.lock or args.absent or args.previous
    if args.session is not None and given:
        raise InputError(
            "--session brings its own keyframes, locked and absent frames.", "Leave those options out, or --session."
        )


def _of_clip(args: argparse.Namespace, context: Context, engine: Engine, stack: ExitStack) -> _Content:
    from ...core.clips.opening import open_clip

    clip = arguments.clip_of(args)
    source = stack.enter_context(open_clip(clip))
    keyframes = read_keyframes(args, source, context, stack)
    locked, absent = marked_frames(args, len(source))
    previous = files.MaskFolder(args.previous, source.size, scaled=True).get if args.previous else None
    bounds = arguments.frame_range(args.range, len(source))
    return _Content(clip, source, bounds, list(keyframes), keyframes.get, previous, locked, absent)


def _of_session(args: argparse.Namespace, context: Context, engine: Engine, stack: ExitStack) -> _Content:
    """Returns what a propagation of the cutout would start from now, see `PropagationRun`."""
    from ...core.session.edge_record import FILE
    from ...core.session.run_plan import plan_run

    session = stack.enter_context(open_track(args.session, args.clip, engine))
    context.report.warn(map(str, session.warnings))
    bounds = arguments.frame_range(args.range, len(session.source))
    part = session.part()
    before = plan_run([part], bounds, Direction(args.direction), args.stability).before
    absent = {frame for start, stop in session.absent_ranges() for frame in range(start, stop)}
    locked = part.history.locked() - absent
    keyframes = session.keyframes()
    if not keyframes:
        raise InputError(f"{args.session} has no keyframes.", "Draw on a frame in Blender first.")

    def previous(frame: int) -> Matte | None:
        if frame in locked:
            return session.matte(frame)
        return None if before is None else part.history.matte(frame, before[0])

    edges = args.session if (args.session / FILE).exists() else None
    fused = previous if before is not None or locked else None
    own = (session.clip, session.source, bounds, keyframes, session.matte, fused)
    return _Content(*own, locked - set(keyframes), absent, edges, session.head)


def _job(args: argparse.Namespace, path: Path, content: _Content, engine: Engine) -> Job:
    from ...core.session.track_session import ALGORITHM

    source, own = content.source, files_folder(path)
    name = path.name.removesuffix(SUFFIX)
    height, width = source.size
    place = str(Path(content.clip.path).absolute())
    clip = JobClip(place, len(source), (height, width), source.fingerprint, content.clip.files)
    return Job(
        clip=clip,
        keyframes=tuple(JobKeyframe(frame, str(_mask(own, "keyframes", frame))) for frame in sorted(content.keyframes)),
        masks=str((args.masks or path.with_name(f"{name}-masks")).absolute()),
        tier=engine.tier,
        weights=engine.weights_id,
        algorithm=ALGORITHM,
        program=__version__,
        frames=(content.bounds.start, content.bounds.stop),
        previous=str(own / "previous") if content.previous else "",
        locked=_ranges(content.locked),
        absent=_ranges(content.absent),
        direction=args.direction,
        stop_at_cuts=not args.across_cuts,
        stop_below=args.stop_below,
        stability=args.stability,
        task_frames=args.task_frames,
        outputs=tuple(_outputs(args, own if content.edge_folder else None)),
        head=content.head,
    )


def _outputs(args: argparse.Namespace, edge_folder: Path | None) -> Iterable[JobOutput]:
    edge: dict[str, Any] = dict(edge_flags.given_edge(args))
    if args.edges is not None:
        folder = str(edge_folder) if edge_folder else ""
        yield JobOutput(EDGES, str(args.edges.absolute()), foreground=args.foreground, edge=edge, edge_folder=folder)
        edge = {}  # whatever comes after starts from that alpha
    if args.export is not None:
        yield JobOutput(EXPORT, str(args.export.absolute()), edge=edge)
    if args.composite is not None:
        background = args.background
        if is_file_background(background) or Path(background).exists():
            background = str(Path(background).absolute())
        yield JobOutput(COMPOSITE, str(args.composite.absolute()), background, edge=edge)


def _copy(path: Path, content: _Content) -> None:
    """Writes the job's own copies of masks and edge settings."""
    from ...core.images.matte import to_png
    from ...core.session.edge_record import FILE

    own = files_folder(path)
    output_files.prepare_folder(own)
    for name in _COPIED:  # of a job that was deleted
        if atomic.is_folder(own / name):
            shutil.rmtree(own / name)
    lookups: list[tuple[str, Iterable[int], Lookup]] = [("keyframes", sorted(content.keyframes), content.keyframe)]
    if content.previous is not None:
        lookups.append(("previous", range(len(content.source)), content.previous))
    for name, frames, lookup in lookups:
        output_files.prepare_folder(own / name)
        for frame in frames:
            matte = lookup(frame)
            if matte is not None:
                output_files.write_bytes(_mask(own, name, frame), to_png(matte))
    if content.edge_folder is not None:
        output_files.write_bytes(own / FILE, (content.edge_folder / FILE).read_bytes())


def _mask(own: Path, name: str, frame: int) -> Path:
    return own / name / files.mask_name(frame)


def _ranges(frames: Collection[int]) -> tuple[tuple[int, int], ...]:
    from ...core.propagation.absent import runs_of

    return tuple(runs_of(frames))
