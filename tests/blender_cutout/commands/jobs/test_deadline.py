"""Tests the job bundle with the client of AWS Deadline Cloud: what it reads without an account, and would send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import job_kit
import pytest
from cli_kit import Run, write_picture
from job_kit import FILM, JOB, keyframes

run = job_kit.run
CLIENT = Path(sys.executable).with_name("deadline")
OUTPUTS = ("--edges", "a", "--composite", "film.mp4", "--background", "Strand.png", "--task-frames", 5)


@pytest.fixture
def bundle(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundle of a job with edges and a composite; the client has a home of its own and sends nothing."""
    for name, value in (("HOME", str(tmp_path)), ("USERPROFILE", str(tmp_path))):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEADLINE_CLOUD_TELEMETRY_OPT_OUT", "true")
    write_picture(Path("Strand.png"), FILM[0])
    assert run("job", "make", "die Bilder", *keyframes(), *OUTPUTS, "-o", JOB) == 0
    assert run("job", "export", JOB, "--deadline") == 0
    return Path("shot-bundle").absolute()


def test_the_client_reads_the_bundle(bundle: Path) -> None:
    done = subprocess.run(
        [str(CLIENT), "bundle", "info", str(bundle), "--output", "json"], capture_output=True, text=True,
        encoding="utf-8", env=os.environ | {"PYTHONUTF8": "1"}, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    info: dict[str, Any] = json.loads(done.stdout)
    text = json.dumps(info, ensure_ascii=False)
    for part in ("Propagate", "Edges", "Composite-2", str(JOB)):
        assert part in text, text


def test_the_client_would_send_the_job_and_the_files_that_it_needs(bundle: Path) -> None:
    from deadline.client.job_bundle import loader, parameters, submission

    values = {one["name"]: one.get("value") for one in parameters.read_job_bundle_parameters(str(bundle))}
    assert values["Job"] == str(bundle.with_name(str(JOB)))
    assert values["Cutout"] in ("cutout", None)
    record = loader.read_yaml_or_json_object(str(bundle), "asset_references", True)
    assets = submission.AssetReferences.from_dict(record)
    here = bundle.parent
    assert assets.input_filenames == {str(here / JOB), str(here / "Strand.png")}
    assert assets.input_directories == {str(here / "die Bilder"), str(here / "shot.job")}
    assert assets.output_directories >= {str(here / "shot-masks"), str(here / "a"), str(here)}
