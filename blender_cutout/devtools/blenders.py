"""Finds the Blenders on this machine and installs the extension into one. Standard library only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST = (4, 2)
"""The oldest Blender that the extension supports."""


class BlenderError(Exception):
    """A Blender cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Blender:
    """An installed Blender: its program and version."""

    path: Path
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"Blender {'.'.join(map(str, self.version))} ({self.path})"


def find_blenders(chosen: str | None = None) -> list[Blender]:
    """Returns the Blenders that the extension supports, newest first; with `chosen`, only that one.

    Raises:
        BlenderError: `chosen` is not a Blender, or too old.
    """
    if chosen:
        blender = probe(Path(chosen).expanduser())
        if blender is None:
            raise BlenderError(f"{chosen} is not a Blender that starts. Give the path of its program: --blender PATH.")
        if blender.version < OLDEST:
            raise BlenderError(f"{blender} is too old: 4.2 or newer is needed.")
        return [blender]
    found: dict[Path, Blender] = {}
    for place in _places():
        if place.is_file() and place.resolve() not in found:
            blender = probe(place)
            if blender and blender.version >= OLDEST:
                found[place.resolve()] = blender
    return sorted(found.values(), key=lambda blender: blender.version, reverse=True)


def probe(program: Path) -> Blender | None:
    """Returns the Blender at a program's path (on macOS also its .app); None if it is not one."""
    if program.suffix == ".app":
        program = program / "Contents" / "MacOS" / "Blender"
    try:
        answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"^Blender (\d+)\.(\d+)\.(\d+)", answer.stdout, re.MULTILINE)
    return Blender(program.absolute(), (int(match[1]), int(match[2]), int(match[3]))) if match else None


def install_extension(blender: Blender, archive: Path) -> None:
    """Installs the extension's zip for this user and enables it; an older version is replaced.

    Raises:
        BlenderError: Blender refuses it; gives Blender's own message.
    """
    command = [str(blender.path), "--command", "extension", "install-file", "-r", "user_default", "-e", str(archive)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise BlenderError(f"{blender} could not be started to install the extension ({error}).") from error
    if answer.returncode:
        words = " ".join((answer.stdout + answer.stderr).strip().splitlines()[-3:])
        raise BlenderError(f"{blender} refused the extension: {words}")


def _places() -> Iterator[Path]:
    """Yields the usual places of Blender."""
    on_path = shutil.which("blender")
    if on_path:
        yield Path(on_path)
    home = Path.home()
    if sys.platform == "win32":
        for variable in ("ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"):
            root = Path(os.environ.get(variable) or r"C:\Program Files")
            yield from sorted((root / "Blender Foundation").glob("Blender */blender.exe"))
            yield root / "Steam" / "steamapps" / "common" / "Blender" / "blender.exe"
    elif sys.platform == "darwin":
        for root in (Path("/Applications"), home / "Applications"):
            yield from sorted(root.glob("Blender*.app/Contents/MacOS/Blender"))
            yield from sorted(root.glob("Blender*/Blender.app/Contents/MacOS/Blender"))
    else:
        yield from (Path("/usr/bin/blender"), Path("/usr/local/bin/blender"), Path("/snap/bin/blender"))
        for root in (Path("/opt"), home, home / "Applications", home / "Downloads", home / "bin"):
            yield from sorted(root.glob("blender*/blender"))
        yield home / ".steam" / "steam" / "steamapps" / "common" / "Blender" / "blender"
