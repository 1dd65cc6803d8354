"""Runs `cutout job take`: puts the masks of a finished job into the cutout that it was made from."""

from __future__ import annotations

import argparse
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import InputError
from ...core.jobs.finished import Finished
from ...core.jobs.job_file import Job, read_job
from ...core.jobs.tasks import PROPAGATE, tasks_of
from ...core.propagation.outcome import MatteKind
from ...core.types import Direction, FrameRange, PropagationOptions
from .. import arguments, files
from ..session import open_track
from .run import add_paths, rules_of

if TYPE_CHECKING:
    from ...core.types import Matte, Mattes
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
    finished = Finished(args.job)
    left = [task.name for task in tasks_of(job) if task.kind == PROPAGATE and task not in finished]
    if left:
        raise InputError(f"{args.job} is not finished: {left[0]} is not done.", "Run the job first.")
    masks = files.MaskFolder(Path(job.masks), job.clip.size, own=True)
    engine: Any = FinishedMasks(masks, job.tier, job.weights)
    with open_track(args.session, args.clip, engine) as session:
        _check(args, job, session.head, session.source.fingerprint)
        options = PropagationOptions(stop_at_cuts=job.stop_at_cuts, stop_below=job.stop_below, stability=job.stability)
        steps = session.propagate(job.range, Direction(job.direction), options)
        count = sum(1 for _ in context.report.progress(steps, len(job.range), "taking"))
        context.report.event("done", frames=count, head=session.head)
    context.report.say(f"{args.session}: {count} masks.")
    return 0


def _check(args: argparse.Namespace, job: Job, head: str, fingerprint: str) -> None:
    """Raises InputError unless the cutout is as it was when the job was made."""
    if not job.head:
        raise InputError(f"{args.job} was not made from a cutout.", "Import its masks with `cutout import`.")
    if fingerprint != job.clip.fingerprint:
        raise InputError(f"{args.session} is of another clip than the job.", "Give the folder that it was made from.")
    if head != job.head:
        raise InputError(
            f"{args.session} was changed after the job was made, or it is another cutout.",
            "Undo what was done since, or make the job again.",
        )


@dataclass(frozen=True, slots=True)
class FinishedMasks:
    """Stands in for the engine that made the masks of a job: gives them instead of computing them.

    Attributes:
        masks: frame -> mask.
        tier, weights_id: of that engine.
    """

    masks: Mapping[int, Matte]
    tier: str
    weights_id: str

    def propagate_detailed(
        self, frames: Any, keyframes: Mapping[int, Mattes], *, frame_range: FrameRange, **_: Any
    ) -> Generator[tuple[int, Mattes, MatteKind], None, None]:
        """Yields (frame, mask (1, H, W), kind); masks are final, and not stabilised once more."""
        import numpy as np

        for frame in frame_range:
            if frame in keyframes:
                yield frame, keyframes[frame], MatteKind.DRAWN
            elif frame in self.masks:
                yield frame, np.asarray(self.masks[frame])[None], MatteKind.KEPT
