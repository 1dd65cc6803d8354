"""Runs the tests, each suite in the environment that it needs: one for the engine, one for each Blender.

Standard library only. Environments are made like the engine's (`environment.venv.make`) and reused by the next run.
They are in CUTOUT_HOME if that is set, otherwise in `.env` in the checkout.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import pinned_files, venv
from blender_cutout.environment.machine import TorchChoice, choose_torch, newest_torch

from . import wheel_files
from .package import ROOT, read_toml

WHEELS_VARIABLE = "CUTOUT_TEST_WHEELS"
"""Environment variable of the tests: folder of the wheels for the zip that brings its engine."""
TIME_LIMIT = 4500
"""Seconds per suite. A Blender whose add-on left a handler behind never exits by itself."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Suite:
    """One run of pytest.

    Attributes:
        name: "engine" or a Blender version.
        python: the Python version that it needs.
        requirements: its packages.
        marks: pytest's -m.
        torch: the PyTorch to install; None = none.
        locked: uses the files that artists get; see `environment.pinned_files`.
    """

    name: str
    python: tuple[int, int]
    requirements: tuple[str, ...] = field(default=())
    marks: str = "bpy"
    torch: TorchChoice | None = None
    locked: bool = False

    @property
    def title(self) -> str:
        """The name shown to users."""
        return "engine" if self.locked else self.name

    @property
    def folder(self) -> Path:
        """The folder of its environment."""
        return development_folder() / (self.name if self.torch else f"blender-{self.name}")

    @property
    def lists(self) -> Path | None:
        """The folder with the lists of its files; None if it is not locked."""
        return pinned_files.FOLDER if self.locked else None


def development_folder() -> Path:
    """Returns the folder of the environments for tests and the demo."""
    if os.environ.get(venv.HOME_VARIABLE):
        return venv.environment_folder()
    return ROOT / ".env"


def wheels_folder() -> Path:
    """Returns the folder of the wheels that the zip of this platform brings."""
    return Path(os.environ.get(WHEELS_VARIABLE) or development_folder() / "wheels")


def blender_suites() -> list[Suite]:
    """Returns one suite per supported Blender: `bpy` on the package index is that Blender as a Python module."""
    tools = tuple(r for r in _group("dev") if r.startswith("pytest"))
    # bpy 4.2 was built for numpy 1 but does not say so.
    return [
        Suite("4.2", (3, 11), ("bpy==4.2.*", "numpy==1.26.4", *tools)),
        Suite("4.5", (3, 11), ("bpy==4.5.*", *tools)),
        Suite("5.0", (3, 11), ("bpy==5.0.*", *tools)),
        Suite("5.2", (3, 13), ("bpy==5.2.*", *tools)),
    ]


def engine_suite() -> Suite:
    """Returns the suite of everything that needs no Blender: engine, networks, training, add-on parts without bpy."""
    requirements = (*venv.REQUIREMENTS, *_group("onnx"), *_group("train"), *_group("dev"))
    # PyTorch for the CPU, so that numbers do not depend on the machine.
    return Suite("development", (3, 11), requirements, marks="not bpy", torch=choose_torch("cpu"), locked=True)


def newest_suite() -> Suite:
    """Returns the suite that shows what the newest libraries break. It runs only when named."""
    tools = tuple(r for r in _group("dev") if r.startswith(("pytest", "hypothesis")))
    requirements = (*venv.REQUIREMENTS, *tools)
    return Suite("newest", (3, 11), requirements, marks="libraries", torch=newest_torch())


def prepare(suite: Suite) -> Iterator[str]:
    """Makes a suite's environment if needed; yields lines. Raises EnvironmentMissing with what is missing."""
    if venv.is_complete(suite.folder, venv.stamp(suite.requirements, suite.torch, suite.lists)):
        return
    try:
        base = venv.find_python((suite.python,))
    except EnvironmentMissing as error:
        what = "the engine's tests" if suite.torch else f"Blender {suite.name}"
        raise EnvironmentMissing(f"{what[0].upper()}{what[1:]}: {error.text}", error.hint) from error
    yield from venv.make(suite.folder, suite.requirements, base=base, torch=suite.torch, lists=suite.lists)


def prepare_wheels(suite: Suite) -> list[str]:
    """Downloads the wheels that a Blender's tests need, if they are not there; returns lines.

    Raises:
        EnvironmentMissing: they cannot be had.
    """
    lines: list[str] = []
    if suite.torch is None:
        wheel_files.fetch(wheel_files.platform_here(), wheels_folder(), lines.append)
    return lines


def prepare_all(only: Sequence[str], show: Say) -> None:
    """Makes the environments of the named suites. Raises EnvironmentMissing with what is missing."""
    for suite in (engine_suite(), *blender_suites(), newest_suite()):
        if suite.title in only:
            for line in (*prepare(suite), *prepare_wheels(suite)):
                show(line)


def run_all(only: Sequence[str], say: Say, show: Say) -> bool:
    """Runs the suites (all, or the named ones) to the end; returns True if everything passed.

    Args:
        only: names: "engine", "4.2", …
        say: prints headlines and results.
        show: prints the lines of installations.
    """
    engine = engine_suite()
    chosen = [suite for suite in (engine, *blender_suites()) if not only or suite.title in only]
    chosen += [newest_suite()] if "newest" in only else []
    results: list[tuple[str, str]] = []
    for suite in chosen:
        started = time.monotonic()
        engines = engine if suite.torch is None else suite  # the add-on's tests start the real engine
        try:
            for needed in dict.fromkeys((engines, suite)):
                for line in prepare(needed):
                    show(line)
            for line in prepare_wheels(suite):
                show(line)
            say(f"\n=== Tests: {suite.title} ===")
            problem = _pytest(suite, venv.python_of(engines.folder))
        except EnvironmentMissing as error:
            problem = f"not run: {error}"
        results.append((suite.title, problem or f"passed in {time.monotonic() - started:.0f} s"))
        if problem:
            say(f"{suite.title}: {problem}")
    say("\n=== Summary ===")
    for name, result in results:
        say(f"{name}: {result}")
    return bool(results) and all(result.startswith("passed") for _, result in results)


def _pytest(suite: Suite, engine_python: Path) -> str:
    """Runs pytest; returns "" if it passed, else what happened."""
    with tempfile.TemporaryDirectory(prefix="cutout-test-") as scratch:
        variables = {k: v for k, v in os.environ.items() if not k.upper().startswith("PYTHON")}
        # Tests must see neither the user's Blender settings nor change them.
        variables |= {"BLENDER_USER_RESOURCES": scratch, venv.PYTHON_VARIABLE: str(engine_python)}
        variables |= {WHEELS_VARIABLE: str(wheels_folder())}
        command = [
            str(venv.python_of(suite.folder)),
            "-m",
            "pytest",
            "-m",
            suite.marks,
            "-p",
            "no:cacheprovider",
        ]
        try:
            code = subprocess.run(command, cwd=ROOT, env=variables, timeout=TIME_LIMIT).returncode
        except subprocess.TimeoutExpired:
            return f"did not finish within {TIME_LIMIT // 60} minutes"
    if code == 5:
        return "failed: no tests were found"
    return f"failed (exit code {code})" if code else ""


def _group(name: str) -> tuple[str, ...]:
    """Returns an optional-dependency group of pyproject.toml."""
    return tuple(read_toml(ROOT / "pyproject.toml")["project"]["optional-dependencies"][name])
