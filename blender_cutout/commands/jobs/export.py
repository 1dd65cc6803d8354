"""Runs `cutout job export`: writes a job for Open Job Description, AWS Deadline Cloud or Flamenco.

A template of Open Job Description starts `cutout job run` for one task at a time, and takes the tasks from the job file
as it is now. It is written as JSON, which is YAML too. Flamenco gets a script that knows no tasks, only parts of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core import atomic
from ...core.errors import InputError, store_errors
from ...core.export import output_files
from ...core.jobs.job_file import EDGES, SUFFIX, ShotJob, files_folder, is_file_background, read_job
from ...core.jobs.tasks import PROPAGATE, Task, tasks_of
from ...core.tiers.table import find_tier
from .. import arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..context import Context

_MOST_TASKS = 1024
"""The most values that a task parameter of Open Job Description may have."""
FLAMENCO = Path(__file__).with_name("cutout_job.js")
"""The job type script of Flamenco."""
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
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--openjd", dest="write", action="store_const", const=_openjd, help="a template of Open Job Description"
    )
    kind.add_argument(
        "--deadline", dest="write", action="store_const", const=_deadline, help="a job bundle of AWS Deadline Cloud"
    )
    kind.add_argument(
        "--flamenco", dest="write", action="store_const", const=_flamenco,
        help=f"the job type {FLAMENCO.name} of Flamenco 3, the same for all jobs",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PATH",
        help="template (default NAME.openjd.json), or folder of the bundle (NAME-bundle) or of the script (the job's)",
    )  # fmt: skip


def run(args: argparse.Namespace, context: Context) -> int:
    """Writes what was asked for."""
    path = args.job.absolute()
    output, what_next = args.write(path, read_job(path), args.output)
    context.report.event("done", output=str(output))
    context.report.say(f"{output}: {what_next}")
    return 0


def _openjd(path: Path, job: ShotJob, output: Path | None) -> tuple[Path, str]:
    output = (output or path.with_name(f"{path.name.removesuffix(SUFFIX)}.openjd.json")).absolute()
    if output.suffix.lower() != ".json" or output.name.endswith(SUFFIX):
        raise InputError(f"{output} does not end in .json.", "Give another name, such as shot.openjd.json.")
    _write(output, template_of(path, job, output.parent))
    return output, "run it with `openjd run`, or send it to a farm."


def _deadline(path: Path, job: ShotJob, output: Path | None) -> tuple[Path, str]:
    output = (output or path.with_name(f"{path.name.removesuffix(SUFFIX)}-bundle")).absolute()
    output_files.prepare_folder(output)
    for name, record in bundle_of(path, job, output).items():
        _write(output / name, record)
    return output, "send it with `deadline bundle submit`."


def _flamenco(path: Path, job: ShotJob, output: Path | None) -> tuple[Path, str]:
    folder = (output or path.parent).absolute()
    output_files.prepare_folder(folder)
    output_files.write_bytes(folder / FLAMENCO.name, FLAMENCO.read_bytes())
    return folder / FLAMENCO.name, "put it into the folder scripts beside Flamenco's Manager, and restart that."


def _write(path: Path, record: Any) -> None:
    with store_errors(path):
        atomic.write(path, f"{json.dumps(record, indent=1, ensure_ascii=False)}\n".encode())


def bundle_of(path: Path, job: ShotJob, folder: Path) -> dict[str, Any]:
    """Returns the files of a Deadline Cloud job bundle in that folder, as JSON values by name."""
    clip = Path(job.clip.path)
    written = [Path(job.masks), *(Path(output.path) for output in job.outputs)]
    films = {place.parent if place.suffix else place for place in written}
    backgrounds = [Path(one.background) for one in job.outputs if one.background and is_file_background(one.background)]
    read = [path, clip, *backgrounds]
    return {
        "template.yaml": template_of(path, job, folder),
        "parameter_values.yaml": {
            "parameterValues": [
                {"name": "Job", "value": str(path)},
                {"name": "deadline:priority", "value": 50},
                {"name": "deadline:targetTaskRunStatus", "value": "READY"},
            ]
        },
        "asset_references.yaml": {
            "assetReferences": {
                "inputs": {
                    "filenames": [str(place) for place in read if not place.is_dir()],
                    "directories": [str(files_folder(path)), *(str(place) for place in read if place.is_dir())],
                },
                "outputs": {"directories": sorted(map(str, {files_folder(path), *films}))},
                "referencedPaths": [],
            }
        },
    }


def template_of(path: Path, job: ShotJob, folder: Path) -> dict[str, Any]:
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
