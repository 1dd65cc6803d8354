"""Tests the add-on's cost at Blender's start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pace_kit import slowness

pytestmark = pytest.mark.bpy

ROOT = Path(__file__).resolve().parents[2]
LATER = {"torch", "cv2"} | {
    f"blender_cutout.{name}"
    for name in (
        "core.messages",
        "client.process",
        "ui.setup_view",
        "languages.catalogue",
        "environment.venv",
        "environment.checkup",
        "environment.pip_runner",
        "environment.installer",
        "environment.interpreters",
        "compose",
        "core.engine",
    )
}
"""Modules that only a running engine, its set-up or the command line needs."""
START = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import bpy
sys.dont_write_bytecode = False
before = time.process_time()
import blender_cutout
blender_cutout.register()
spent = time.process_time() - before
assert hasattr(bpy.types.Scene, "cutout")
print("START " + json.dumps({"seconds": spent, "modules": sorted(sys.modules)}), flush=True)
blender_cutout.unregister()
"""


def start(bytecode: Path) -> dict[str, Any]:
    """Registers the add-on in a new Blender; returns its processor time in seconds, and the modules loaded by then."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    command = [sys.executable, "-c", START, str(ROOT)]
    result = subprocess.run(command, env=environment, timeout=90, capture_output=True, text=True)
    lines = [line for line in result.stdout.splitlines() if line.startswith("START ")]
    # The exit status is not looked at: Blender as a module now and then crashes while Python takes it down.
    assert lines, result.stdout[-1000:] + result.stderr[-3000:]
    report: dict[str, Any] = json.loads(lines[0].removeprefix("START "))
    return report


@pytest.mark.timeout(200)
def test_registration_is_cheap_and_loads_nothing_of_the_engine(tmp_path: Path) -> None:
    """The aim is less than 60 ms of processor time; measured: 43 ms in Blender 5.2, 50 ms in 4.2.

    The bound is three times the aim, and more on slow machines: what must stay out is named, and would cost more.
    """
    start(tmp_path)  # writes the bytecode, as Blender's first start with the add-on does
    assert list(tmp_path.rglob("addon.*.pyc")), "measured would be the compiler"
    report = start(tmp_path)
    assert not LATER.intersection(report["modules"])
    assert "blender_cutout.tasks.jobs" in report["modules"], "the names above are still those of modules"
    assert report["seconds"] < 0.18 * slowness()
