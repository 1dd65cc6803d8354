"""Chooses the Blender that runs this checkout's scripts, and makes commands for it. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import venv

from . import blenders, suites


def choose_blender(chosen: str | None, command: str, show: Callable[[str], None]) -> list[str]:
    """Returns the command that runs scripts in a Blender: the chosen one, else Blender as a Python module, else any.

    Args:
        chosen: a program, or None.
        command: the command of install.py that needs it, for the error message.
        show: prints the lines of installations.

    Raises:
        EnvironmentMissing: there is no Blender, and none can be installed.
        BlenderError: the chosen one cannot be used.
    """
    if chosen:
        return _program(blenders.find_blenders(chosen)[0])
    wanted = [suite for suite in suites.blender_suites() if suite.name in ("4.5", "5.2")]
    for suite in wanted:
        if venv.is_complete(suite.folder, venv.stamp(suite.requirements, None)):
            return [str(venv.python_of(suite.folder))]
    reasons = []
    for suite in wanted:
        try:
            for line in suites.prepare(suite):
                show(line)
        except EnvironmentMissing as error:
            reasons.append(str(error))
        else:
            return [str(venv.python_of(suite.folder))]
    found = blenders.find_blenders()
    if found:
        return _program(found[0])
    raise EnvironmentMissing(
        f"`{command}` needs a Blender, and there is none: " + " ".join(reasons),
        f"Or name an installed one: python install.py {command} --blender PATH",
    )


def inside(blender: list[str], script: Path, *words: str | os.PathLike[str]) -> list[str]:
    """Returns the command for a script; a Blender program takes the script's arguments after a dash."""
    dash = ["--"] if len(blender) > 1 else []
    return [*blender, str(script), *dash, *map(str, words)]


def _program(blender: blenders.Blender) -> list[str]:
    return [str(blender.path), "--background", "--python-exit-code", "1", "--python"]
