"""Tests that the layers of pyproject.toml hold and detect an import that goes up, on the staged tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

WRONG = {
    "operators/upwards.py": "from ..ui import widgets",
    "ui/upwards.py": "from ..operators import rounds",
    "tasks/upwards.py": "from ..operators import tracks",
    "scene/upwards.py": "from ..tasks import jobs",
    "host/upwards.py": "from ..scene import tracks",
    "strokes/upwards.py": "from ..host import strips",
    "geometry/upwards.py": "from ..strokes import brush_strokes",
    "formats/upwards.py": "from ..geometry import picture_map",
    "client/upwards.py": "from ..tasks import jobs",
    "environment/upwards.py": "from ..tasks import upkeep",
    "worker/upwards.py": "from .. import cli",
    "evaluate/upwards.py": "from ..commands import doctor",
    "core/session/upwards.py": "from ..export import film",
    "core/propagation/upwards.py": "from ..session import store",
    "core/refinement/upwards.py": "from ..clips import cuts",
    "core/edges/upwards.py": "from ..clips import cuts",
    "core/clips/upwards.py": "from .. import engine",
    "core/images/upwards.py": "from ..clips import source",
    "core/tiers/upwards.py": "from ..clips import source",
    "core/upwards.py": "from ..models import registry",
    "models/inference/upwards.py": "from ..training import losses",
    "models/onnx_inference/upwards.py": "from ..networks import affinity",
    "models/onnx_export/upwards.py": "from ..training import losses",
    "models/networks/upwards.py": "from ..inference import runner",
    "models/upwards.py": "from ..core import errors",
}
"""For each room, one import that goes up or sideways: the line is put into a new file there."""


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """The sources laid out as in the extension."""
    ignore = shutil.ignore_patterns("__pycache__", "weights")
    shutil.copytree(ROOT / "blender_cutout", tmp_path / "blender_cutout", ignore=ignore)
    for part in ("core", "models"):
        shutil.copytree(ROOT / part, tmp_path / "blender_cutout" / part, ignore=ignore)
    return tmp_path


def lint(stage: Path) -> subprocess.CompletedProcess[str]:
    """Returns import-linter's output for a staged tree."""
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--config",
        str(ROOT / "pyproject.toml"),
        "--no-cache",
    ]
    return subprocess.run(command, cwd=stage, capture_output=True, text=True, timeout=200)


def test_every_import_goes_down(stage: Path) -> None:
    answer = lint(stage)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_an_import_that_goes_up_is_noticed_in_every_room(stage: Path) -> None:
    for name, line in WRONG.items():
        path = stage / "blender_cutout" / name
        assert path.parent.is_dir(), f"there is no room for {name}"
        path.write_text(f'"""A test."""\n\n{line}\n', encoding="utf-8")
    answer = lint(stage)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    modules = {"blender_cutout." + name[:-3].replace("/", ".") for name in WRONG}
    reported = set(re.findall(r"blender_cutout[\w.]*\.upwards\b", answer.stdout))
    assert reported == modules
