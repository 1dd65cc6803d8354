"""The engine's own Python environment: where it lies, how it is made, what is wrong with it.

Only the standard library: used by `install.py` before anything is installed, and by the add-on inside Blender. PyTorch
is never loaded into Blender: it lives in a virtual environment of its own, made once and used by every Blender.

An environment counts as made only when its marker file is there, which is written last: so an installation that was
interrupted is noticed, and the next `create` goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .checkup import Finding, check
from .core.errors import EnvironmentMissing
from .machine import TorchChoice, choose_torch

PYTHON_VARIABLE = "CUTOUT_PYTHON"
"""Environment variable: the Python that runs the engine, instead of the one made here."""
HOME_VARIABLE = "CUTOUT_HOME"
"""Environment variable: the folder for everything that is installed, instead of the user's data folder."""
REQUIREMENTS = (
    "numpy>=1.26",
    "opencv-python-headless>=4.9",
    "av>=12",
    "safetensors>=0.4",
    "tqdm>=4.60",
)
"""What the engine needs beside PyTorch: the `worker` group of pyproject.toml, which is not at hand in the extension."""
VERSIONS = ((3, 11), (3, 12), (3, 13), (3, 10))
"""Python versions that the engine runs on, in the order in which they are looked for."""
MARKER = "cutout-environment.json"
_NOISE = ("WARNING: Location ", "WARNING: Retrying ", "Looking in ", "Requirement already satisfied", "[notice]")
_REMEDY = "Run `python install.py` in the folder of Blender Cutout, or choose an engine's Python in the preferences."

__all__ = [
    "Finding", "check", "create", "engine_folder", "environment_folder", "find_python", "is_complete", "make",
    "python_of", "worker_command", "worker_python",
]  # fmt: skip


def environment_folder() -> Path:
    """The folder for what is installed, for this user: CUTOUT_HOME, or `blender-cutout` in the user's data folder."""
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
    """The folder of the engine's virtual environment."""
    return environment_folder() / "engine"


def python_of(folder: Path) -> Path:
    """The Python of a virtual environment; need not exist."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def is_complete(folder: Path, stamp: str | None = None) -> bool:
    """True when the environment was made to its end (and, with `stamp`, from just these requirements)."""
    try:
        record = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return python_of(folder).exists() and (stamp is None or record.get("stamp") == stamp)


def worker_python(preference: str | None = None) -> Path:
    """The Python that runs the engine: `preference`, else CUTOUT_PYTHON, else the environment made by `create`.

    Raises:
        EnvironmentMissing: none of them is there; the hint says what to do.
    """
    for chosen, place in ((preference, "in the preferences"), (os.environ.get(PYTHON_VARIABLE), PYTHON_VARIABLE)):
        if chosen and chosen.strip():
            # Not resolved: the `python` of a virtual environment is a link, and works only under its own name.
            path = Path(chosen.strip()).expanduser().absolute()
            if not path.is_file():
                raise EnvironmentMissing(
                    f"The engine's Python is not there: {path} (set {place}).",
                    "Correct it, or leave it empty to use the engine that the installation makes.",
                )
            return path
    folder = engine_folder()
    if is_complete(folder):
        return python_of(folder)
    if folder.exists():
        raise EnvironmentMissing(f"The engine's installation in {folder} was interrupted.", f"{_REMEDY} It goes on.")
    raise EnvironmentMissing(f"The engine is not installed (looked in {folder}).", _REMEDY)


def worker_command(python: str | os.PathLike[str]) -> list[str]:
    """The command that starts the engine's process with this Python, shut off from other Pythons' settings."""
    return [str(python), "-I", "-u", str(Path(__file__).parent / "worker" / "entry.py")]


def create(
    folder: Path | None = None,
    *,
    device: str = "auto",
    base: str | os.PathLike[str] | None = None,
    extra: Sequence[str] = (),
) -> Iterator[str]:
    """Makes the engine's environment, or brings it up to date; quick when there is nothing to do.

    Args:
        folder: where; default the engine's folder of this user.
        device: "auto" takes the PyTorch that fits the machine, "cpu" the small one in any case.
        base: the Python to build on; default the first fitting one of `find_python`.
        extra: further requirements.

    Yields:
        Lines for the user. Closing the generator stops the installation; the next call goes on with it.

    Raises:
        EnvironmentMissing: no fitting Python, or something could not be installed.
    """
    folder = folder or engine_folder()
    torch = choose_torch(device)
    yield from make(folder, (*REQUIREMENTS, *extra), base=base, torch=torch)


def make(
    folder: Path,
    requirements: Sequence[str],
    *,
    base: str | os.PathLike[str] | None = None,
    torch: TorchChoice | None = None,
) -> Iterator[str]:
    """Makes any virtual environment with these requirements, as `create` does (same lines, same errors)."""
    wanted = stamp(requirements, torch)
    if is_complete(folder, wanted):
        yield f"{folder} is up to date."
        return
    with contextlib.suppress(FileNotFoundError):
        (folder / MARKER).unlink()
    python = python_of(folder)
    if not _runs(python):
        base = base or find_python()
        yield f"Making a Python environment in {folder} with {base} …"
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # --copies is not used: a copied Python does not find its libraries on every macOS.
        yield from _run([str(base), "-I", "-m", "venv", str(folder)], f"The Python of {base} cannot make environments.")
    pip = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off"]
    if torch:
        yield torch.reason
        yield from _install_torch(pip, torch)
    if requirements:
        yield f"Installing {', '.join(requirements)} …"
        yield from _run([*pip, *requirements], "A library could not be installed.")
    record = {"stamp": wanted, "requirements": list(requirements), "torch": torch.build if torch else ""}
    temporary = folder / (MARKER + ".part")
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    os.replace(temporary, folder / MARKER)
    yield f"{folder} is ready."


def stamp(requirements: Sequence[str], torch: TorchChoice | None) -> str:
    """What an environment made from these is known by: equal exactly when nothing needs to be installed."""
    record = json.dumps([sorted(requirements), [torch.build, *torch.attempts] if torch else []])
    return hashlib.sha256(record.encode()).hexdigest()[:16]


def find_python(versions: Sequence[tuple[int, int]] = VERSIONS) -> Path:
    """A Python of one of these versions that can make environments: the running one if it fits, else in that order.

    Raises:
        EnvironmentMissing: none was found.
    """
    for candidate in _candidates(versions):
        if _version(candidate) in versions:
            return Path(candidate)
    names = ", ".join(f"{major}.{minor}" for major, minor in versions)
    raise EnvironmentMissing(
        f"No Python {names} with the module venv was found.",
        "Install one from python.org, or on Debian and Ubuntu the packages python3 and python3-venv.",
    )


def _candidates(versions: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Where a Python may lie, best first."""
    # Not the Python of an environment's link but of the installation behind it: the environment may be deleted.
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


def _version(python: str) -> tuple[int, int] | None:
    """The version of a Python that can make environments; None when it does not start or cannot."""
    code = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    try:
        # -I: also keeps the settings of Blender's own Python away.
        answer = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=True)
        major, minor = answer.stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return int(major), int(minor)


def _runs(python: Path) -> bool:
    """True when an environment's Python starts and has pip (it has not if its base was removed or venv was stopped)."""
    try:
        return (
            subprocess.run([str(python), "-I", "-m", "pip", "--version"], capture_output=True, timeout=60).returncode
            == 0
        )
    except (OSError, subprocess.SubprocessError):
        return False


def _install_torch(pip: Sequence[str], torch: TorchChoice) -> Iterator[str]:
    """Installs the first of the chosen builds that is to be had."""
    for number, arguments in enumerate(torch.attempts):
        last = number == len(torch.attempts) - 1
        try:
            yield from _run([*pip, *arguments], "PyTorch could not be installed.", torch.remedy)
        except EnvironmentMissing:
            if last:
                raise
            yield "That build is not to be had here; trying the next one …"
        else:
            return


def _run(command: Sequence[str], failure: str, remedy: str = "") -> Iterator[str]:
    """Runs a command, yields its lines; raises EnvironmentMissing with its last words when it fails."""
    # A user's pip settings for mirrors and certificates are kept, but `--user` cannot work in an environment.
    variables = {k: v for k, v in os.environ.items() if not k.upper().startswith("PYTHON")} | {"PIP_USER": "0"}
    variables.pop("__PYVENV_LAUNCHER__", None)
    lines: list[str] = []
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables,
        text=True, encoding="utf-8", errors="replace", creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip
    assert process.stdout
    try:
        for line in process.stdout:
            line = line.rstrip()
            lines.append(line)
            if line and not line.startswith(_NOISE):
                yield line
        if process.wait() != 0:
            words = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")
            raise EnvironmentMissing(
                f"{failure} {words.rstrip('.')}.".replace(" .", ""),
                remedy
                or "Check the network and the free space on the disk, and run it again: it goes on where it stopped.",
            )
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()
