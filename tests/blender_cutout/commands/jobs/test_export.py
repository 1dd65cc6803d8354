"""Tests `cutout job export`: the template's tasks, run as a farm runs them, give what one machine gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import job_kit
import pytest
from cli_kit import Run, write_picture
from job_kit import FILM, JOB, contents, keyframes

run = job_kit.run


def template() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("shot.openjd.json").read_text("utf-8"))
    return found


def filled(words: list[str], task: str) -> list[str]:
    """Returns an action's words with the parameters' defaults, as openjd fills them in."""
    Path("rules.json").write_text("{}", "utf-8")
    values = {f"Param.{one['name']}": one["default"] for one in template()["parameterDefinitions"]}
    values |= {"Task.Param.Task": task, "Session.PathMappingRulesFile": "rules.json"}
    for name, value in values.items():
        words = [word.replace(f"{{{{{name}}}}}", value) for word in words]
    return words


def test_the_steps_of_a_template_give_what_the_job_gives(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = ("--edges", "a", "--composite", "c", "--background", "white", "--task-frames", 5)
    assert run("job", "make", "die Bilder", *keyframes(), *outputs, "-o", JOB) == 0
    assert run("job", "export", JOB, "--openjd") == 0
    done: set[str] = set()
    for step in template()["steps"]:
        assert {other["dependsOn"] for other in step.get("dependencies", ())} <= done
        done.add(step["name"])
        (parameter,) = step["parameterSpace"]["taskParameterDefinitions"]
        for task in parameter["range"]:
            capsys.readouterr()
            assert run(*filled(step["script"]["actions"]["onRun"]["args"], task)) == 0
            said = capsys.readouterr().out.splitlines()
            assert f"openjd_status: {task}" in said
            assert "openjd_progress: 100.0" in said
    assert done == {"Propagate", "Edges", "Composite-2"}
    here = contents("shot-masks"), contents("a"), contents("c")
    assert run("job", "run", JOB, "--again") == 0
    assert (contents("shot-masks"), contents("a"), contents("c")) == here
    assert len(here[2]) == 20


def test_a_failing_task_says_why_in_the_words_of_the_farm(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("job", "make", "die Bilder", *keyframes(), "-o", JOB) == 0
    Path("die Bilder/00019.png").unlink()
    assert run("job", "run", JOB, "--openjd") == 2
    assert "openjd_fail: The clip" in capsys.readouterr().out


def test_the_template_needs_the_memory_of_its_tier(run: Run) -> None:
    from blender_cutout.core.tiers.table import find_tier

    assert run("job", "make", "die Bilder", *keyframes(), "-o", JOB) == 0
    assert run("job", "export", JOB, "--openjd") == 0
    measured = find_tier("quick").measured
    assert measured is not None
    (amount,) = template()["steps"][0]["hostRequirements"]["amounts"]
    assert amount == {"name": "amount.worker.memory", "min": measured.memory_mb}


def test_a_deadline_bundle_names_the_job_and_all_that_it_reads_and_writes(run: Run) -> None:
    write_picture(Path("Strand.png"), FILM[0])
    outputs = ("--edges", "a", "--composite", "film.mp4", "--background", "Strand.png")
    assert run("job", "make", "die Bilder", *keyframes(), *outputs, "-o", JOB) == 0
    assert run("job", "export", JOB, "--deadline") == 0
    bundle = {path.name: json.loads(path.read_text("utf-8")) for path in Path("shot-bundle").iterdir()}
    here = Path.cwd()
    values = {one["name"]: one["value"] for one in bundle["parameter_values.yaml"]["parameterValues"]}
    assert values["Job"] == str(here / JOB)
    assert [step["name"] for step in bundle["template.yaml"]["steps"]] == ["Propagate", "Edges", "Composite-2"]
    assets = bundle["asset_references.yaml"]["assetReferences"]
    assert set(assets["inputs"]["filenames"]) == {str(here / JOB), str(here / "Strand.png")}
    assert set(assets["inputs"]["directories"]) == {str(here / "die Bilder"), str(here / "shot.job")}
    written = {str(here / name) for name in ("shot.job", "shot-masks", "a")}
    assert set(assets["outputs"]["directories"]) == {str(here), *written}
