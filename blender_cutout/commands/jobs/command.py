"""Defines `cutout job`, and runs its short actions: `check` and `tasks`."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.jobs.finished import Finished
from ...core.jobs.job_file import read_job
from ...core.jobs.tasks import tasks_of
from .. import arguments, files
from . import export, make, run, take

if TYPE_CHECKING:
    from ..context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-command with its actions."""
    parser = commands.add_parser(
        "job", help="Makes, checks and runs job files", description="Makes, checks and runs job files."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    make.add_parser(actions)
    run.add_parser(actions)
    export.add_parser(actions)
    take.add_parser(actions)
    checked = arguments.command(
        actions,
        "check",
        check,
        "Checks that this machine can do a job: the clip, the masks, the weights, and the backgrounds.",
        "cutout job check shot.job.json",
    )
    listed = arguments.command(
        actions,
        "tasks",
        show_tasks,
        "Lists the tasks of a job: those that name no other can be done at the same time, on any machine.",
        "cutout job tasks shot.job.json --json",
    )
    run.add_job(checked)
    listed.add_argument("job", type=Path, metavar="FILE", help="job file")


def check(args: argparse.Namespace, context: Context) -> int:
    """Raises an error if anything that the job needs is missing or does not fit."""
    from ...core.export.film import open_background
    from ...core.images.matte import read_mask
    from ...core.session.edge_record import read_edges

    job = read_job(args.job, run.rules_of(args))
    arguments.check_tier(job.tier)
    run.check_clip(job)
    for key in job.keyframes:
        read_mask(key.mask, job.clip.size)
    if job.previous:
        files.MaskFolder(Path(job.previous), job.clip.size, scaled=True)
    for output in job.outputs:
        if output.edge_folder:
            read_edges(Path(output.edge_folder))
        if output.background:
            with ExitStack() as stack:
                open_background(output.background, job.clip.size, stack)
    run.checked_engine(context, job, job.tier, args.device)
    tasks = tasks_of(job)
    context.report.event("done", tasks=len(tasks), frames=len(job.range), tier=job.tier)
    context.report.say(f"{args.job}: all there; {len(job.range)} frames, {len(tasks)} tasks, tier {job.tier}.")
    return 0


def show_tasks(args: argparse.Namespace, context: Context) -> int:
    """Lists the tasks."""
    finished = Finished(args.job)
    for task in tasks_of(read_job(args.job)):
        first, last, done = task.frames.start, task.frames.stop - 1, task in finished
        context.report.event(
            "task", name=task.name, kind=task.kind, first=first, last=last, needs=task.needs, finished=done
        )
        needs = f", after {', '.join(task.needs)}" if task.needs else ""
        context.report.say(f"{task.name}{needs}{' (finished)' if done else ''}")
    return 0
