"""Installs the `cutout` command of this checkout into the engine's environment. Standard library only."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from ..core import atomic
from .package import ROOT

_CODE = """import sys

sys.path.insert(0, {root!r})
from blender_cutout.cli import main

sys.exit(main())
"""


def write_command(folder: Path, python: Path, root: Path = ROOT) -> Path:
    """Writes the program `cutout`, which runs this checkout with that Python, into a folder; returns its path."""
    program = folder / "cutout-command.py"
    _write(program, _CODE.format(root=str(root)))
    if sys.platform == "win32":
        return _write(folder / "cutout.bat", f'@"{python}" "{program}" %*\r\n')
    command = _write(
        folder / "cutout", f'#!/bin/sh\nexec {shlex.quote(str(python))} {shlex.quote(str(program))} "$@"\n'
    )
    command.chmod(0o755)
    return command


def _write(path: Path, text: str) -> Path:
    atomic.write(path, text.encode())
    return path
