"""Tests job files: what is written comes back, and what was edited by hand wrongly is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blender_cutout.core.errors import InputError
from blender_cutout.core.jobs.job_file import (  # fmt: skip
    COMPOSITE,
    EDGES,
    JobClip,
    JobError,
    JobKeyframe,
    JobOutput,
    ShotJob,
    read_job,
    write_job,
)
from blender_cutout.core.jobs.path_map import PathRule, read_rules


def job_in(folder: Path, **changes: Any) -> ShotJob:
    values: dict[str, Any] = {
        "clip": JobClip(str(folder / "film" / "clip.mp4"), 100, (60, 80), "abc"),
        "keyframes": (JobKeyframe(3, str(folder / "shot.job" / "000003.png")), JobKeyframe(40, str(folder / "b.png"))),
        "masks": str(folder / "masks"),
        "tier": "quick",
        "weights": "123",
        "algorithm": 8,
        "program": "0.1.0",
        "frames": (0, 100),
        "outputs": (
            JobOutput(EDGES, str(folder / "alpha"), edge={"feather": 2.0}, foreground=True),
            JobOutput(COMPOSITE, str(folder / "cut.mp4"), str(folder / "beach")),
            JobOutput(COMPOSITE, str(folder / "green.mp4"), "#00b140", fps=24.0),
        ),
    }
    return ShotJob(**(values | changes))


def test_a_job_comes_back_as_it_was_from_wherever_it_was_moved(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "dort"
    for folder in (here, there):
        (folder / "jobs").mkdir(parents=True)
    write_job(here / "jobs" / "a.job.json", job_in(here))
    assert read_job(here / "jobs" / "a.job.json") == job_in(here)
    assert str(here) not in (here / "jobs" / "a.job.json").read_text("utf-8")
    (here / "jobs" / "a.job.json").rename(there / "jobs" / "a.job.json")
    assert read_job(there / "jobs" / "a.job.json") == job_in(there)


def test_paths_of_another_machine_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a.job.json"
    write_job(path, job_in(tmp_path))
    record = json.loads(path.read_text("utf-8"))
    record["clip"]["path"], record["masks"] = "P:\\film\\Größe\\clip.mp4", "P:/filmed/masks"
    path.write_text(json.dumps(record), "utf-8")
    job = read_job(path, [PathRule("P:\\film\\", str(tmp_path / "film"))])
    assert job.clip.path == str(tmp_path / "film" / "Größe" / "clip.mp4")
    assert job.masks.endswith("P:/filmed/masks")
    rules = tmp_path / "rules.json"
    rule = {"source_path_format": "WINDOWS", "source_path": "P:/film", "destination_path": "/mnt/film"}
    rules.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]}), "utf-8")
    assert read_rules(rules) == (PathRule("P:/film", "/mnt/film"),)
    rules.write_text("{}", "utf-8")
    assert read_rules(rules) == ()
    rules.write_text('{"path_mapping_rules": [{"source_path": 3}]}', "utf-8")
    with pytest.raises(InputError, match="cannot be used"):
        read_rules(rules)


WRONG: dict[str, tuple[Any, str]] = {
    "tier": ("auto", "auto differs between machines"),
    "stability": ("1", "stability has the wrong type"),
    "frames": ([0, 101], "0:101 are not within the clip's 100"),
    "keyframes": ([], "no keyframe"),
    "locked": ([[2, 5]], "no folder of previous masks"),
    "absent": ([[3, 5]], "keyframe 3 is marked absent"),
    "direction": ("sideways", "direction 'sideways' is not known"),
    "stabilty": (1.0, "unknown field 'stabilty'"),
    "masks": ("alpha", "two results have the same path"),
    "outputs": ([{"kind": "edges", "path": "x", "edge": {"fether": 1}}], "edge setting 'fether' is not known"),
    "clip": ({"path": "x", "frames": 100, "size": [60, 80]}, "the clip has no 'fingerprint'"),
    "version": (99, "has version 99 of the job format, and this program reads up to 1"),
    "format": ("recipe", "is not a job file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_field_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.job.json"
    write_job(path, job_in(tmp_path))
    value, text = WRONG[name]
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {name: value}), "utf-8")
    with pytest.raises(JobError) as error:
        read_job(path)
    assert text in error.value.text
    assert error.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, "\x00", "{}"])
def test_what_is_no_job_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.job.json"
    path.write_text(text, "utf-8")
    with pytest.raises(JobError):
        read_job(path)
    with pytest.raises(JobError, match="does not exist"):
        read_job(tmp_path / "missing.job.json")
