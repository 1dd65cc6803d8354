"""Finds the Python for the engine's environment. Standard library only.

The running Python comes first. In Blender that is Blender's own: it is always there, its version (3.11 for 4.2 to 5.0,
3.13 after) is one that PyTorch supports, and it can make environments. If a distribution built Blender with another
version, or without `venv`, the machine is searched for others.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import EnvironmentMissing

VERSIONS = ((3, 11), (3, 12), (3, 13), (3, 10))
"""Python versions that the engine runs on, in order of preference."""


def find_python(versions: Sequence[tuple[int, int]] = VERSIONS) -> Path:
    """Returns a Python of one of these versions that can make environments: the running one if possible.

    Raises:
        EnvironmentMissing: none was found.
    """
    for candidate in _candidates(versions):
        if version_of(candidate) in versions:
            return Path(candidate)
    names = ", ".join(f"{major}.{minor}" for major, minor in versions)
    raise EnvironmentMissing(
        f"No Python {names} with the module venv was found.",
        "Install one from python.org, or on Debian and Ubuntu the packages python3 and python3-venv.",
    )


def version_of(python: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Returns the version of a Python that can make environments; None if it does not start or cannot."""
    code = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    try:
        # -I also ignores the settings of Blender's own Python.
        answer = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=True)
        major, minor = answer.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return int(major), int(minor)


def blenders_python() -> Path:
    """Returns this process's Python, found without starting anything; inside Blender, Blender's own.

    Raises:
        EnvironmentMissing: this Blender came without a Python program.
    """
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    places = [Path(sys.executable or "-"), *(Path(sys.prefix) / "bin" / n for n in (name, "python3"))]
    places += [Path(sys.prefix) / "bin" / "python.exe", Path(sys.prefix) / "python.exe"]
    places += [Path(found) for found in (shutil.which(name), shutil.which("python3")) if found]
    for place in places:
        # In some builds `sys.executable` is Blender itself, which would try to open our file.
        if place.name.lower().startswith("python") and place.is_file():
            return place
    raise EnvironmentMissing(
        "This Blender has no Python executable.",
        "Install Python 3.11 from python.org, or choose an existing Python with the engine's libraries above.",
    )


def _candidates(versions: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yields possible paths of a Python, best first."""
    # Not an environment's link but the installation it points to: the environment may be deleted.
    yield getattr(sys, "_base_executable", None) or sys.executable
    for major, minor in versions:
        name = f"python{major}.{minor}"
        found = shutil.which(name)
        if found:
            yield found
        for root in (Path.home() / ".pyenv" / "versions", Path.home() / ".pyenv" / "pyenv-win" / "versions"):
            for folder in sorted(root.glob(f"{major}.{minor}.*"), reverse=True):
                yield str(folder / "python.exe" if sys.platform == "win32" else folder / "bin" / "python")
        if sys.platform == "win32":
            local = Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Python"
            yield str(local / f"Python{major}{minor}" / "python.exe")
        elif sys.platform == "darwin":
            yield f"/Library/Frameworks/Python.framework/Versions/{major}.{minor}/bin/{name}"
            yield f"/opt/homebrew/bin/{name}"
        launcher = shutil.which("py") if sys.platform == "win32" else None
        if launcher:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                command = [launcher, f"-{major}.{minor}", "-c", "import sys; print(sys.executable)"]
                yield subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found:
            yield found
