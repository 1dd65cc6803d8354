"""Runs `cutout job export`: writes a job as a template of Open Job Description, for farms that run those.

The template starts `cutout job run` for one task at a time, and takes the tasks from the job file as it is now. It is
written as JSON, which is YAML too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core import atomic
from ...core.errors import InputError, store_errors
from ...core.jobs.job_file import EDGES, SUFFIX, Job, read_job
from ...core.jobs.tasks import PROPAGATE, Task, tasks_of
from ...core.tiers import find_tier
from .. import arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..context import Context

_MOST_TASKS = 1024
"""The most values that a task parameter of Open Job Description may have."""
_NOTICE = 30
"""Seconds between the request to end and the forced end."""


def add_parser(actions: Any) -> None:
    """Adds the action."""
    parser = arguments.command(
        actions,
        "export",
        run,
        "Writes a job for a render farm. The template goes beside the job file and finds it there; every machine of "
        "the farm needs the same version of Blender Cutout, and both folders under the same or a mapped path.",
        "cutout job export shot.job.json --openjd",
    )
    parser.add_argument("job", type=Path, metavar="FILE", help="job file")
    parser.add_argument(
        "--openjd", action="store_true", required=True, help="a template of Open Job Description (AWS Deadline Cloud)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="template (default NAME.openjd.json)")


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes the template."""
    path = args.job.absolute()
    output = (args.output or path.with_name(f"{path.name.removesuffix(SUFFIX)}.openjd.json")).absolute()
    if output.suffix.lower() != ".json" or output.name.endswith(SUFFIX):
        raise InputError(f"{output} does not end in .json.", "Give another name, such as shot.openjd.json.")
    text = json.dumps(template_of(path, read_job(path), output.parent), indent=1, ensure_ascii=False)
    with store_errors(output):
        atomic.write(output, f"{text}\n".encode())
    context.report.event("done", output=str(output))
    context.report.say(f"{output}: run it with `openjd run`, or send it to a farm.")
    return 0


def template_of(path: Path, job: Job, folder: Path) -> dict[str, Any]:
    """Returns the template of a job as JSON values.

    Args:
        path: the job file.
        job: its content.
        folder: of the template. A job file in it, or below, becomes the default of the parameter Job; another one must
            be given when the template is submitted, since defaults are relative to the template.

    Raises:
        InputError: there are more tasks than a template may have.
    """
    tasks = tasks_of(job)
    inside = path.is_relative_to(folder)
    default = {"default": path.relative_to(folder).as_posix()} if inside else {}
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "Cutout {{Param.Title}}",
        "parameterDefinitions": [
            {"name": "Title", "type": "STRING", "default": path.name.removesuffix(SUFFIX)},
            {"name": "Job", "type": "PATH", "objectType": "FILE", "dataFlow": "IN", **default},
            {"name": "Cutout", "type": "STRING", "default": "cutout", "description": "the command on the machines"},
            {"name": "Device", "type": "STRING", "default": "auto", "allowedValues": ["auto", "cpu", "cuda", "mps"]},
        ],
        "steps": list(_steps(tasks, job.tier)),
    }


def _steps(tasks: Sequence[Task], tier: str) -> Iterator[dict[str, Any]]:
    """Yields a step for the propagations, one for the edges, and one for each other output."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.kind if task.kind in (PROPAGATE, EDGES) else task.name, []).append(task)
    measured = find_tier(tier).measured
    memory = measured.memory_mb if measured is not None else None
    for group, members in groups.items():
        if len(members) > _MOST_TASKS:
            raise InputError(
                f"The job has {len(members)} tasks, and a template may have {_MOST_TASKS}.",
                "Make the job again with more --task-frames.",
            )
        needs = {need for task in members for need in task.needs}
        before = [other for other, found in groups.items() if any(task.name in needs for task in found)]
        yield {
            "name": group.capitalize(),
            **({"dependencies": [{"dependsOn": other.capitalize()} for other in before]} if before else {}),
            **({"hostRequirements": _memory(memory)} if memory else {}),
            "parameterSpace": {
                "taskParameterDefinitions": [
                    {"name": "Task", "type": "STRING", "range": [task.name for task in members]}
                ]
            },
            "script": {"actions": {"onRun": _action()}},
        }


def _memory(megabytes: int) -> dict[str, Any]:
    return {"amounts": [{"name": "amount.worker.memory", "min": megabytes}]}


def _action() -> dict[str, Any]:
    words = ["job", "run", "{{Param.Job}}", "--task", "{{Task.Param.Task}}", "--device", "{{Param.Device}}"]
    return {
        "command": "{{Param.Cutout}}",
        "args": [*words, "--path-mapping", "{{Session.PathMappingRulesFile}}", "--openjd"],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE},
    }
