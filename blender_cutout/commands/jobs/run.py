"""Runs `cutout job run`: does the tasks of a job one after the other, each as the sub-command that does it alone.

A task that was interrupted is done again from its start, not resumed: a mask depends on the unrounded one before it,
and a job file must give the same bits wherever and however often it was interrupted.
"""

from __future__ import annotations

import _thread
import argparse
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...core.errors import CutoutError, InputError, WeightsError
from ...core.export import output_files
from ...core.jobs.finished import Finished
from ...core.jobs.job_file import COMPOSITE, EDGES, JobKeyframe, JobOutput, ShotJob, files_folder, read_job
from ...core.jobs.path_map import PathRule, read_rules
from ...core.jobs.tasks import PROPAGATE, Task, tasks_of
from ...environment.network_library import VARIABLE, chosen_library
from ...version import __version__
from .. import arguments, composite, edges, files, propagate
from ..context import Context, Reporter
from .signals import sigterm_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.clips.source import VideoSource
    from ...core.engine import Engine

T = TypeVar("T")
STEPS = "propagate", "edges", "outputs"


def add_parser(actions: Any) -> None:
    """Adds the action."""
    parser = arguments.command(
        actions,
        "run",
        run,
        "Does a job: its masks, then edges, exports and composites. What is finished is not done again. The same file "
        "gives the same results, bit for bit, on every processor of the same kind.",
        "cutout job run shot.job.json",
    )
    add_job(parser)
    parser.add_argument(
        "--task", action="append", default=[], metavar="NAME",
        help="only this task, as `cutout job tasks` lists them; may be repeated",
    )  # fmt: skip
    parser.add_argument("--step", choices=STEPS, help="only the tasks of this step; outputs = whatever is not edges")
    parser.add_argument(
        "--part", type=_part, default=(1, 1), metavar="I/N",
        help="only part I of N, from 1: every N-th of the tasks; all parts together are all tasks",
    )  # fmt: skip
    parser.add_argument("--again", action="store_true", help="also do what is finished")
    parser.add_argument(
        "--openjd", action="store_true", help="tell progress and errors as tasks of Open Job Description do"
    )
    parser.add_argument("--end-with-input", action="store_true", help=argparse.SUPPRESS)  # for `cutout queue`


def add_job(parser: argparse.ArgumentParser) -> None:
    """Adds the job file, and what differs between machines."""
    add_paths(parser)
    add_device(parser)


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Adds the job file, and where its paths are on this machine."""
    parser.add_argument("job", type=Path, metavar="FILE", help="job file")
    add_rules(parser)


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Adds where the paths of a job are on this machine."""
    parser.add_argument(
        "--map", type=_path_rule, action="append", default=[], metavar="OLD=NEW",
        help="paths within OLD in the job file are within NEW on this machine; may be repeated",
    )  # fmt: skip
    parser.add_argument("--path-mapping", type=Path, metavar="FILE", help="the same, as a file of Open Job Description")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds the device."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")


def rules_of(args: argparse.Namespace) -> list[PathRule]:
    """Returns the rules that `add_rules` parsed. Raises InputError."""
    return [*args.map, *(read_rules(args.path_mapping) if args.path_mapping else ())]


def _path_rule(text: str) -> PathRule:
    """Parses OLD=NEW. Raises ArgumentTypeError."""
    old, separator, new = text.partition("=")
    if not (old and separator and new):
        raise argparse.ArgumentTypeError(f"{text!r} is not OLD=NEW, for instance P:/film=/mnt/film")
    return PathRule(old, new)


def _part(text: str) -> tuple[int, int]:
    """Parses I/N. Raises ArgumentTypeError."""
    try:
        number, count = map(int, text.split("/"))
    except ValueError:
        number = count = 0
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 1 to N, for instance 2/4")
    return number, count


def run(args: argparse.Namespace, context: Context) -> int:
    """Does the tasks that are not finished."""
    if args.end_with_input:
        end_with_input()
    with sigterm_interrupts():
        if not args.openjd:
            return _run(args, context)
        reporter = FarmReporter()
        try:
            return _run(args, replace(context, report=reporter))
        except CutoutError as error:
            reporter.say(f"openjd_fail: {error}")
            raise


class FarmReporter(Reporter):
    """Writes the lines by which a task of Open Job Description reports its progress and its current work."""

    def __init__(self) -> None:
        super().__init__()
        self._done, self._total = 0, 0

    def event(self, event: str, **fields: Any) -> None:
        """Writes the lines of an event, if it has any."""
        if event == "job":
            self._total = fields["frames"]
        elif event == "task":
            self.say(f"openjd_status: {fields['name']}")
        elif event == "frame" and self._done < self._total:
            self._done += 1
            self.say(f"openjd_progress: {100 * self._done / self._total:.1f}")


def _run(args: argparse.Namespace, context: Context) -> int:
    job = read_job(args.job, rules_of(args))
    finished = Finished(args.job)
    tasks = part_of(chosen(tasks_of(job), args.task), args.step, args.part)
    todo = [task for task in tasks if args.again or task not in finished]
    check_clip(job)
    exact = ExactContext(context.report, _Load(context, job))
    frames = sum(len(task.frames) for task in todo)
    context.report.event("job", tasks=len(todo), frames=frames, finished=len(tasks) - len(todo))
    for number, task in enumerate(todo, 1):
        check_needs(task, tasks_of(job), finished)
        context.report.event("task", name=task.name, number=number, frames=len(task.frames))
        context.report.say(f"Task {number} of {len(todo)}: {task.name}")
        _do(job, task, args, exact)
        finished.add(task)
        context.report.event("task done", name=task.name)
    context.report.event("job done", tasks=len(todo))
    context.report.say(f"{args.job}: done." if todo else f"{args.job}: there was nothing left to do.")
    return 0


def chosen(tasks: Sequence[Task], names: Sequence[str]) -> list[Task]:
    """Returns the tasks of these names, in order; all if there are no names. Raises InputError for unknown ones."""
    known = {task.name for task in tasks}
    for name in names:
        if name not in known:
            raise InputError(f"The job has no task {name!r}.", f"There are: {', '.join(sorted(known))}.")
    return [task for task in tasks if not names or task.name in names]


def part_of(tasks: Sequence[Task], step: str | None, part: tuple[int, int]) -> list[Task]:
    """Returns the tasks of a step, None = of all, that belong to part (number, count) of them."""
    number, count = part
    found = [task for task in tasks if step in (None, task.kind if task.kind in STEPS else "outputs")]
    return found[number - 1 :: count]


def check_needs(task: Task, tasks: Sequence[Task], finished: Finished) -> None:
    """Raises InputError if a task that must come before is not finished."""
    for other in tasks:
        if other.name in task.needs and other not in finished:
            raise InputError(f"The task {task.name} needs {other.name}, which is not finished.", "Do that one first.")


def check_clip(job: ShotJob) -> None:
    """Raises InputError if the clip is missing or not the one that the job was made for."""
    with open_job_clip(job) as clip:
        if clip.fingerprint == job.clip.fingerprint:
            return
        changes = [
            f"{name} {new}, not {old}"
            for name, new, old in (
                ("frames", len(clip), job.clip.frames),
                ("size", _size_text(clip.size), _size_text(job.clip.size)),
            )
            if new != old
        ]
    raise InputError(
        f"The clip {job.clip.path} is not the one that the job was made for ({'; '.join(changes) or 'other content'}).",
        "Put the right clip in its place, or make the job again.",
    )


def open_job_clip(job: ShotJob) -> VideoSource:
    """Returns the open clip of a job. Raises FrameReadError."""
    from ...core.clips.opening import open_clip
    from ...core.types import Clip

    return open_clip(Clip(job.clip.path, job.clip.files))


class ExactContext(Context):
    """A context in which nothing is done with another tier than the job names: its masks would differ."""

    __slots__ = ()

    def within_memory(self, tier: str, device: str, work: Callable[[Engine], T]) -> T:
        """Returns the result of `work` with the tier's engine. Raises OutOfMemory."""
        return work(self.load(tier, device))


@dataclass(slots=True)
class _Load:
    """Loads the engine of a job once, and only if it is the one that the job was made with."""

    context: Context
    job: ShotJob
    engine: Engine | None = None

    def __call__(self, tier: str, device: str) -> Engine:
        if self.engine is None:
            self.engine = checked_engine(self.context, self.job, tier, device)
        return self.engine


def checked_engine(context: Context, job: ShotJob, tier: str, device: str) -> Engine:
    """Returns the engine. Raises InputError if its masks would differ from those of the one that made the job."""
    from ...core.session.track_session import ALGORITHM

    try:
        engine = context.load(tier, device)
    except WeightsError as error:
        raise InputError(
            f"{error.text} The job was made by version {job.program} (weights {job.weights}), and this machine has "
            f"version {__version__}.",
            error.hint,
        ) from error
    if (engine.weights_id, ALGORITHM) != (job.weights, job.algorithm):
        raise InputError(
            f"The job was made by version {job.program} (weights {job.weights}, method {job.algorithm}), and this "
            f"machine has version {__version__} (weights {engine.weights_id}, method {ALGORITHM}).",
            "Install the same version of Blender Cutout on both.",
        )
    here = chosen_library()
    if job.library not in ("", here):
        raise InputError(
            f"The job was made with the engine {job.library}, and this machine uses {here}: masks would differ.",
            f"Set the environment variable {VARIABLE} to {job.library}, and install what it needs.",
        )
    return engine


def _do(job: ShotJob, task: Task, args: argparse.Namespace, context: Context) -> None:
    """Does a task as its sub-command does."""
    if task.kind == EDGES and not any(Path(job.masks, files.mask_name(frame)).exists() for frame in task.frames):
        return  # behind a cut no mask was made
    if task.kind == PROPAGATE:
        keys = [replace(key, mask=str(_painted(key, files_folder(args.job), job))) for key in job.keyframes]
        job = replace(job, keyframes=tuple(keys))
    parsed = _parsed(words_of(job, task, args.device))
    parsed.files, parsed.own_masks = job.clip.files, True
    parsed.run(parsed, context)


def _painted(key: JobKeyframe, folder: Path, job: ShotJob) -> Path:
    """Returns the path of a keyframe's mask with its paint, which is written first."""
    from ...core.images.matte import read_mask, to_png
    from ...core.refinement.paint import paint

    if not key.paint:
        return Path(key.mask)
    output_files.prepare_folder(folder / "painted")
    path = folder / "painted" / files.mask_name(key.frame)
    output_files.write_bytes(path, to_png(paint(read_mask(key.mask, job.clip.size), key.shapes())))
    return path


def words_of(job: ShotJob, task: Task, device: str = "auto") -> list[str]:
    """Returns the words of the sub-command that does a task, without `cutout`."""
    frames = f"--range={task.frames.start}:{task.frames.stop}"
    engine = [f"--tier={job.tier}", f"--device={device}"]
    if task.kind == PROPAGATE:
        return [
            "propagate",
            job.clip.path,
            *(f"--keyframe={key.frame}={key.mask}" for key in job.keyframes),
            frames,
            *([f"--previous={job.previous}"] if job.previous else []),
            *(f"--lock={start}:{stop}" for start, stop in job.locked),
            *(f"--absent={start}:{stop}" for start, stop in job.absent),
            f"--direction={job.direction}",
            f"--stability={job.stability!r}",
            f"--stop-below={job.stop_below!r}",
            *([] if job.stop_at_cuts else ["--across-cuts"]),
            f"--output={job.masks}",
            *engine,
        ]
    assert task.output is not None
    output = job.outputs[task.output]
    edge = [f"--edge-{name.replace('_', '-')}={value!r}" for name, value in output.edge.items()]
    if output.edge_folder:
        edge.append(f"--session={output.edge_folder}")
    if task.kind == EDGES:
        own = ["--foreground"] if output.foreground else []
        return ["edges", job.clip.path, f"--masks={job.masks}", frames, *own, *edge, f"--output={output.path}", *engine]
    masks = job.masks if job.edges is None else job.edges.path
    return ["composite", job.clip.path, f"--masks={masks}", frames, *_film(output), *edge, *engine]


def _film(output: JobOutput) -> list[str]:
    return [
        f"--background={output.background}" if output.kind == COMPOSITE else "--rgba",
        *([f"--fps={output.fps!r}"] if output.fps else []),
        *([f"--pictures={output.pictures}"] if output.pictures else []),
        f"--output={output.path}",
    ]


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """Returns the arguments of a sub-command. Raises InputError for those that it refuses."""
    parser = _Refusing()
    commands = parser.add_subparsers(dest="command", parser_class=_Refusing)
    for module in (propagate, edges, composite):
        module.add_parser(commands)
    return parser.parse_args(words)


class _Refusing(argparse.ArgumentParser):
    """Raises InputError where others end the process."""

    def error(self, message: str) -> Any:
        raise InputError(f"The job asks for what this program does not take: {message}.", "Make the job again.")


def _size_text(size: Sequence[int]) -> str:
    return f"{size[1]} x {size[0]}"


def end_with_input() -> None:
    """Interrupts this process when standard input ends: whoever started it is gone, or cancels."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # children of background shells inherit that it is ignored

    def wait() -> None:
        with suppress(OSError):
            while os.read(0, 1):  # not sys.stdin, whose lock a daemon thread must not hold when Python ends
                pass
        if sys.platform == "win32":
            _thread.interrupt_main()
        else:  # a real signal also ends a wait for another process
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()
