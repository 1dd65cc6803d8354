"""Tests the job type of Flamenco with a stand-in for its Manager under Node: the tasks give what one machine gives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import job_kit
from cli_kit import Run
from job_kit import JOB, contents, keyframes

run = job_kit.run
MANAGER = Path(job_kit.__file__).with_name("flamenco_manager.js")


def compiled(script: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", str(MANAGER), str(script)], input=json.dumps({"settings": settings}), capture_output=True, text=True,
        encoding="utf-8", timeout=60,
    )  # fmt: skip


def tasks_of(script: Path, **settings: Any) -> list[dict[str, Any]]:
    done = compiled(script, **settings)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["tasks"]
    return found


def test_the_tasks_of_a_flamenco_job_give_what_the_job_gives(run: Run) -> None:
    outputs = ("--edges", "a", "--composite", "c", "--background", "white", "--task-frames", 5)
    assert run("job", "make", "die Bilder", *keyframes(), *outputs, "-o", JOB) == 0
    assert run("job", "export", JOB, "--flamenco", "-o", "scripts") == 0
    (script,) = Path("scripts").iterdir()
    settings = {"job_file": str(JOB.absolute()), "parts": 2, "device": "cpu", "blendfile": "/film/a.blend"}
    tasks = tasks_of(script, **settings, frames="1-20", chunk_size=9)
    names = {task["id"]: task["name"] for task in tasks}
    assert list(names.values()) == [
        *("masks-1", "masks-2", "edges-1", "edges-2", "join", "render-1-9", "render-10-18", "render-19,20"),
    ]
    done: set[int] = set()
    while len(done) < 5:  # always the last that may start: the order among those does not matter
        task = [one for one in tasks if one["id"] not in done and done >= set(one["needs"])][-1]
        (command,) = task["commands"]
        assert (task["type"], command["name"], command["parameters"]["exe"]) == ("misc", "exec", "{cutout}")
        assert run(*command["parameters"]["args"]) == 0
        done.add(task["id"])
    here = contents("shot-masks"), contents("a"), contents("c")
    assert len(here[2]) == 20
    assert run("job", "run", JOB, "--again") == 0
    assert (contents("shot-masks"), contents("a"), contents("c")) == here
    for task, frames in zip(tasks[5:], ("1..9", "10..18", "19,20"), strict=True):
        assert [names[id_] for id_ in task["needs"]] == ["join"]
        (command,) = task["commands"]
        assert (task["type"], command["name"]) == ("blender", "blender-render")
        assert command["parameters"]["blendfile"] == "/film/a.blend"
        assert command["parameters"]["args"] == ["--render-frame", frames]


def test_without_a_file_to_render_the_masks_are_all(run: Run) -> None:
    assert run("job", "make", "die Bilder", *keyframes(), "-o", JOB) == 0
    assert run("job", "export", JOB, "--flamenco") == 0
    tasks = tasks_of(Path("cutout_job.js"), job_file=str(JOB), parts=1)
    assert [task["name"] for task in tasks] == ["masks", "edges", "join"]
    refused = compiled(Path("cutout_job.js"), job_file="")
    assert refused.returncode == 1
    assert "Give the job file" in refused.stderr


def test_the_parts_of_a_step_are_its_tasks_once_each(run: Run, capsys: Any) -> None:
    assert run("job", "make", "die Bilder", *keyframes(), "--task-frames", 5, "-o", JOB) == 0
    for part, names in (("2/2", ["006-000012"]), ("1/2", ["000-000005", "013-000019"])):
        assert run("job", "run", JOB, "--step", "propagate", "--part", part) == 0
        found = sorted(path.stem for path in Path("shot.job/finished").iterdir())
        assert set(found) >= {f"propagate-000{name}" for name in names}
    assert len(found) == 3
    assert run("job", "run", JOB, "--part", "3/2") == 2
    assert "3/2" in capsys.readouterr().err
