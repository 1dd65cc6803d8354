"""Finds and makes the engine's Python environment.

Standard library only: used by `install.py` before anything is installed, and by the add-on inside Blender. PyTorch is
never loaded into Blender: it has a virtual environment of its own, made once and used by every Blender.

An environment counts as complete only if its marker file exists, which is written last. So an interrupted installation
is never used, and the next `create` continues it, or starts over if a library was left half-installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..core import atomic
from ..core.errors import EnvironmentMissing
from ..version import __version__
from . import own_folder, pinned_files, pip_runner
from .checkup import Finding, check
from .interpreters import VERSIONS, find_python
from .machine import TorchChoice, choose_torch
from .own_folder import MARKER
from .pip_steps import Plan, install

PYTHON_VARIABLE = "CUTOUT_PYTHON"
"""Environment variable: Python for the engine, instead of the environment made here."""
HOME_VARIABLE = "CUTOUT_HOME"
"""Environment variable: folder of the installation, instead of the user's data folder."""
REQUIREMENTS = (
    "numpy>=1.26",
    "opencv-python-headless>=4.9",
    "av>=12",
    "openimageio>=3.1",
    "safetensors>=0.4",
    "tqdm>=4.60",
)
"""Requirements besides PyTorch: the `worker` group of pyproject.toml, which is not part of the extension."""
_REMEDY = (
    "Press Set Up Engine, here or in the add-on's preferences (without Blender: `python install.py`). You can also "
    "choose an existing Python with the engine's libraries in the preferences."
)

__all__ = [
    "VERSIONS", "Finding", "check", "create", "discard", "engine_folder", "environment_folder", "find_python",
    "is_complete", "lacking", "make", "other_version", "python_of", "worker_python",
]  # fmt: skip


def environment_folder() -> Path:
    """Returns the installation folder: CUTOUT_HOME, or `blender-cutout` in the user's data folder."""
    override = os.environ.get(HOME_VARIABLE)
    if override:
        return Path(override).expanduser().absolute()
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "blender-cutout"


def engine_folder() -> Path:
    """Returns the folder of the engine's virtual environment."""
    return environment_folder() / "engine"


def python_of(folder: Path) -> Path:
    """Returns the Python of a virtual environment; it may not exist."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def is_complete(folder: Path, stamp: str | None = None) -> bool:
    """Returns True if the environment is complete (and, with `stamp`, made from exactly these requirements)."""
    record = _record(folder)
    if record is None or not python_of(folder).exists() or _base_gone(folder):
        return False
    return stamp is None or record.get("stamp") == stamp


def lacking(folder: Path) -> tuple[str, ...]:
    """Returns the libraries that this version of the add-on needs and an environment of another version lacks."""
    listed = (_record(folder) or {}).get("requirements")
    there = {_library(text) for text in listed} if isinstance(listed, list) else set()
    return tuple(name for name in map(_library, REQUIREMENTS) if there and name not in there)


def other_version(folder: Path) -> str:
    """Returns the version of the add-on that made an environment; "" = this one, or not known."""
    made_by = str((_record(folder) or {}).get("version", ""))
    return "" if made_by == __version__ else made_by


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _library(requirement: object) -> str:
    return re.split(r"[^\w-]", str(requirement), maxsplit=1)[0]


def worker_python(preference: str | None = None) -> Path:
    """Returns the Python that runs the engine: `preference`, else CUTOUT_PYTHON, else the environment of `create`.

    Raises:
        EnvironmentMissing: it does not exist; the hint says what to do.
    """
    for chosen, place in ((preference, "in the preferences"), (os.environ.get(PYTHON_VARIABLE), PYTHON_VARIABLE)):
        if chosen and chosen.strip():
            # Not resolved: the `python` of a virtual environment is a link, and works only under its own name.
            path = Path(chosen.strip()).expanduser().absolute()
            if not path.is_file():
                raise EnvironmentMissing(
                    f"The engine's Python does not exist: {path} (set {place}).",
                    "Correct the path, or leave it empty to use the installed engine.",
                )
            return path
    folder = engine_folder()
    if is_complete(folder):
        return python_of(folder)
    if (folder / MARKER).exists():
        gone = _base_gone(folder) or python_of(folder)
        raise EnvironmentMissing(f"The Python that the engine was built on is gone ({gone}).", _REMEDY)
    if folder.exists():
        raise EnvironmentMissing(
            f"The engine's installation in {folder} was interrupted.", f"{_REMEDY} It then continues."
        )
    raise EnvironmentMissing(f"The engine is not installed (looked in {folder}).", _REMEDY)


def create(
    folder: Path | None = None,
    *,
    device: str = "auto",
    base: str | os.PathLike[str] | None = None,
    extra: Sequence[str] = (),
    wheels: Path | None = None,
    newest: bool = False,
) -> Iterator[str]:
    """Makes or updates the engine's environment; quick if there is nothing to do.

    Args:
        folder: by default the engine's folder of this user.
        device: "auto" chooses the PyTorch that suits the machine, "cpu" always the small one.
        base: the Python to build on; by default the first suitable one of `find_python`.
        extra: further requirements.
        wheels: folder with everything that is needed; then nothing is downloaded, and the user's pip settings are
            ignored.
        newest: True = the newest versions allowed, instead of the files that this version was tested with.

    Yields:
        Lines for the user. Closing the generator stops the installation; the next call continues it.

    Raises:
        EnvironmentMissing: no suitable Python, not enough disk space, or something could not be installed.
    """
    folder = folder or engine_folder()
    torch = choose_torch(device)
    lists = None if newest else pinned_files.FOLDER
    yield from make(folder, (*REQUIREMENTS, *extra), base=base, torch=torch, wheels=wheels, lists=lists)


def make(
    folder: Path,
    requirements: Sequence[str],
    *,
    base: str | os.PathLike[str] | None = None,
    torch: TorchChoice | None = None,
    wheels: Path | None = None,
    lists: Path | None = None,
) -> Iterator[str]:
    """Makes a virtual environment with these requirements; same lines and errors as `create`.

    With `lists`, a folder such as `pinned_files.FOLDER`, it installs the files listed there for this machine.
    """
    wanted = stamp(requirements, torch, lists)
    if is_complete(folder, wanted) and _runs(python_of(folder)):
        yield f"{folder} is up to date."
        return
    if wheels is not None and not any(wheels.glob("*.whl")):
        raise EnvironmentMissing(f"There are no wheels in {wheels}.", "Choose the folder that contains the .whl files.")
    try:
        own_folder.check(folder)  # before the lock, which marks a folder as ours
        own_folder.check(scratch_of(folder))
        folder.parent.mkdir(parents=True, exist_ok=True)
        with pip_runner.only_one(own_folder.lock_of(folder)):
            scratch = scratch_of(folder)
            own_folder.claim(scratch)  # it may hold files of an installation that was killed
            try:
                plan = Plan(tuple(requirements), torch, wheels, lists)
                yield from _make(folder, scratch, plan, base, wanted)
            finally:
                own_folder.remove(scratch)
    except OSError as error:
        raise pip_runner.explain_os_error(error) from error


def discard(folder: Path) -> None:
    """Deletes an environment as far as possible; the next `create` makes it from scratch in any case."""
    own_folder.remove(folder)


def scratch_of(folder: Path) -> Path:
    """Returns the folder for temporary files of an environment's installation."""
    return folder.with_name(folder.name + ".part")


def stamp(requirements: Sequence[str], torch: TorchChoice | None, lists: Path | None = None) -> str:
    """Returns an id of an environment's contents; equal only if nothing needs to be installed."""
    record: list[object] = [sorted(requirements), [torch.build, *torch.attempts] if torch else []]
    if lists is not None:
        record.append(pinned_files.digest(lists))
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:16]


def _make(folder: Path, scratch: Path, plan: Plan, base: str | os.PathLike[str] | None, wanted: str) -> Iterator[str]:
    own_folder.keep(folder)
    (folder / MARKER).unlink(missing_ok=True)
    if plan.torch:
        pip_runner.check_room(folder.parent, plan.torch.gigabytes, shutil.disk_usage(folder.parent).free)
    python = python_of(folder)
    if _torn(folder) or not _runs(python):
        base = base or find_python()
        yield f"Making a Python environment in {folder} with {base} …"
        own_folder.claim(folder)
        # --copies is not used: a copied Python does not find its libraries on every macOS.
        command = [str(base), "-I", "-m", "venv", str(folder)]
        yield from pip_runner.run(command, f"The Python of {base} cannot make environments.", scratch=scratch)
    yield from install(python, scratch, plan)
    record = {
        "stamp": wanted,
        "version": __version__,
        "requirements": list(plan.requirements),
        "torch": plan.torch.build if plan.torch else "",
    }
    atomic.write(folder / MARKER, json.dumps(record, indent=1).encode())
    yield f"{folder} is ready."


def _runs(python: Path) -> bool:
    """Returns True if an environment's Python starts and has pip; not if its base is gone or venv was interrupted."""
    try:
        command = [str(python), "-I", "-m", "pip", "--version"]
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _torn(folder: Path) -> bool:
    """Returns True if pip was killed while installing a library (RECORD, written last, is missing)."""
    return any(not (info / "RECORD").exists() for info in folder.glob("[Ll]ib*/**/site-packages/*.dist-info"))


def _base_gone(folder: Path) -> str:
    """Returns the folder of an environment's base Python if that is gone, else ""."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    home = next((line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "home"), "")
    return home if home and not Path(home).is_dir() else ""
