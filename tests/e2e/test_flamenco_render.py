"""Tests a whole Flamenco job with its commands really run: masks, composite, and frames rendered from a .blend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

TESTS = Path(kit.__file__).parent
LAYOUT = kit.Layout(1, (kit.WIDTH, kit.HEIGHT))


def script(name: str, *command: object) -> Path:
    """Writes a program that runs a command with further words; returns its path."""
    is_windows = os.name == "nt"
    path = Path(f"{name}.cmd" if is_windows else f"{name}.sh").absolute()
    words = " ".join(f'"{word}"' for word in command)
    path.write_text(f"@{words} %*\n" if is_windows else f'#!/bin/sh\nexec {words} "$@"\n', "utf-8")
    path.chmod(0o755)
    return path


def run(*words: object) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_job_of_a_farm_ends_with_the_rendered_composite(
    blender: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cutout = script("cutout", kit.engine_python(), TESTS / "job_process.py")
    kit.write_clip(Path("clip"))
    for frame in (0, 6):
        kit.write_png(Path(f"key{frame}.png"), (255 * kit.truth(frame)).astype(np.uint8))
    keys = ("--keyframe", "0=key0.png", "--keyframe", "6=key6.png", "--task-frames", 4)
    job = Path("shot.job.json").absolute()
    run(cutout, "job", "make", "clip", *keys, "--composite", "over", "--background", "#009900", "-o", job)
    run(cutout, "job", "export", job, "--flamenco")
    scene = kit.fresh_scene(blender, LAYOUT)
    names = [f"{frame:06d}.png" for frame in range(kit.LENGTH)]
    kit.add_strip(scene, [tmp_path / "over" / name for name in names], LAYOUT)
    blend = tmp_path / "film.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(blend))
    settings = {
        "job_file": str(job), "parts": 2, "device": "cpu", "blendfile": str(blend), "frames": f"1-{kit.LENGTH}",
        "chunk_size": 7, "render_output_path": str(tmp_path / "film" / "######"),
    }  # fmt: skip
    standin = script("blender", sys.executable, TESTS / "blender_standin.py")
    variables = {"cutout": str(cutout), "blender": str(standin), "blenderArgs": "-b -y"}
    answer = subprocess.run(
        ["node", str(TESTS / "flamenco_manager.js"), "cutout_job.js"], capture_output=True, text=True, encoding="utf-8",
        input=json.dumps({"settings": settings, "variables": variables}), timeout=280,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert [task["name"] for task in json.loads(answer.stdout)["tasks"]][-2:] == ["render-1-7", "render-8-12"]
    assert [path.name for path in sorted((tmp_path / "film").iterdir())] == [f"{n:06d}.png" for n in range(1, 13)]
    for frame in range(kit.LENGTH):
        rendered = kit.load_picture(blender, tmp_path / "film" / f"{frame + 1:06d}.png")
        wanted = kit.load_picture(blender, tmp_path / "over" / f"{frame:06d}.png")
        assert np.abs(rendered - wanted).max() <= 1.5 / 255
        assert np.abs(wanted[5, 5] - kit.GREEN).max() <= 1.5 / 255
        x, y = kit.object_at(frame)
        assert np.abs(wanted[y + 20, x + 8] - np.array((220, 40, 40)) / 255).max() <= 1.5 / 255
