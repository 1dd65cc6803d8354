"""Runs `cutout job take`: puts the masks of a finished job into the cutout that it was made from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.jobs.job_file import read_job
from ...core.jobs.take import FinishedMasks, check_finished, take
from .. import arguments
from ..session import open_track
from .run import add_paths, rules_of

if TYPE_CHECKING:
    from ..context import Context


def add_parser(actions: Any) -> None:
    """Adds the action."""
    parser = arguments.command(
        actions,
        "take",
        run,
        "Puts the masks of a finished job into the cutout's folder that it was made from, as if they had been "
        "propagated there. One undo removes them.",
        "cutout job take shot.job.json --session film_cutout/1171e3b0",
    )
    add_paths(parser)
    parser.add_argument("--session", type=Path, required=True, metavar="FOLDER", help="the cutout's folder")
    parser.add_argument("--clip", type=Path, metavar="CLIP", help="its clip, if it was moved (default its last path)")


def run(args: argparse.Namespace, context: Context) -> int:
    """Records the masks as a propagation of the cutout."""
    job = read_job(args.job, rules_of(args))
    check_finished(args.job, job)
    engine: Any = FinishedMasks(Path(job.masks), job.clip.size, job.tier, job.weights)
    with open_track(args.session, args.clip, engine) as session:
        steps = take(args.job, job, session)
        count = sum(1 for _ in context.report.progress(steps, len(job.range), "taking"))
        context.report.event("done", frames=count, head=session.head)
    context.report.say(f"{args.session}: {count} masks.")
    return 0
