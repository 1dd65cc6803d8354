"""Runs `cutout job make`: collects what a propagation and its outputs need in a job file and a folder next to it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.edges.settings import EdgeSettings
from ...core.errors import InputError
from ...core.jobs.content import JobContent, check_name, content_of, save_job
from ...core.jobs.job_file import COMPOSITE, EDGES, EXPORT, SUFFIX, JobOutput, files_folder, is_file_background
from ...core.types import Direction, PropagationOptions
from ...environment.network_library import chosen_library
from ...version import __version__
from .. import arguments, edge_flags, files
from ..propagate import add_propagation, marked_frames, read_keyframes
from ..session import open_track

if TYPE_CHECKING:
    from ...core.engine import Engine
    from ..context import Context

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


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes the job file."""
    path = args.output.absolute()
    _check(args, path)
    options = PropagationOptions(
        stop_at_cuts=not args.across_cuts, stop_below=args.stop_below, stability=args.stability
    )
    with ExitStack() as stack:
        engine = context.load(args.tier, args.device)
        read = _of_clip if args.session is None else _of_session
        content = read(args, context, engine, stack)
        outputs = tuple(_outputs(args, files_folder(path) if content.edge_folder else None))
        masks = args.masks.absolute() if args.masks else None
        how = (__version__, Direction(args.direction), options)
        frames, here = args.task_frames, chosen_library()
        job = save_job(path, content, engine, *how, library=here, masks=masks, task_frames=frames, outputs=outputs)
        context.report.warn(content.source.take_notes())
    context.report.event("done", output=str(path), keyframes=len(job.keyframes), frames=len(job.range), tier=job.tier)
    context.report.say(f"{path}: {len(job.range)} frames, {len(job.keyframes)} keyframes, tier {job.tier}.")
    return 0


def _check(args: argparse.Namespace, path: Path) -> None:
    check_name(path)
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


def _of_clip(args: argparse.Namespace, context: Context, engine: Engine, stack: ExitStack) -> JobContent:
    from ...core.clips.opening import open_clip

    clip = arguments.clip_of(args)
    source = stack.enter_context(open_clip(clip))
    keyframes = read_keyframes(args, source, context, stack)
    locked, absent = marked_frames(args, len(source))
    previous = files.MaskFolder(args.previous, source.size, scaled=True).get if args.previous else None
    bounds = arguments.frame_range(args.range, len(source))
    return JobContent(clip, source, bounds, list(keyframes), keyframes.get, previous, locked, absent)


def _of_session(args: argparse.Namespace, context: Context, engine: Engine, stack: ExitStack) -> JobContent:
    session = stack.enter_context(open_track(args.session, args.clip, engine))
    context.report.warn(map(str, session.warnings))
    bounds = arguments.frame_range(args.range, len(session.source))
    return content_of(session, bounds, Direction(args.direction), args.stability)


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
