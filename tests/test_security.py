"""Tests that SECURITY.md is true: each line of its table names a test, which must exist and run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from blender_cutout.devtools import pin_files
from blender_cutout.environment import machine, pinned_files

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+) \| (.+) \| `(\w+)` \|$", TEXT, re.MULTILINE)


def test_the_table_has_eleven_threats() -> None:
    assert len(ROWS) == 11
    assert len({test for *_, test in ROWS}) == 11


def functions_by_name() -> dict[str, list[ast.FunctionDef]]:
    found: dict[str, list[ast.FunctionDef]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append(node)
    return found


@pytest.mark.parametrize("name", [test for *_, test in ROWS])
def test_each_threat_has_its_test(name: str) -> None:
    marks = " ".join(ast.unparse(mark) for node in functions_by_name()[name] for mark in node.decorator_list)
    assert "xfail" not in marks
    assert "skip(" not in marks


def test_what_is_said_of_missing_checksums_is_true() -> None:
    """Builds of PyTorch without a checksum, by system; docs must name them while there are any."""
    without = set()
    for system in pin_files.systems():
        for build, *_ in machine.all_builds(system.name.split("-")[0]):
            for python in ("310", "311", "312", "313"):
                if pinned_files.Lock(pinned_files.FOLDER, f"{system.name}-cp{python}").torch(build) is None:
                    without.add((system.name.split("-")[0], re.sub(r"[\d.]", "", build.partition("+")[2])))
    said = {
        ("linux", "cpu"): "the CPU build on Linux",
        ("win32", "cu"): "the CUDA builds on",
        ("linux", "rocm"): "ROCm",
    }
    assert without - {("win32", "cpu")} <= said.keys(), "Windows takes its CPU build from PyPI instead"
    for kind, words in said.items():
        assert (kind in without) == (words in TEXT)
