"""Fetches the wheels that a platform's zip brings: ONNX Runtime, OpenCV and PyAV. Standard library only.

`wheels/PLATFORM.txt` lists the exact files, one for each Python of that platform's Blenders. NumPy is Blender's own: a
listed one would replace it for every add-on. A compiled wheel makes its Pythons the only ones that Blender accepts:
3.11 and 3.13 are those of the official Blenders 4.2 to 5.2, 3.14 that of Linux distributions.
"""

from __future__ import annotations

import hashlib
import platform as system
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import pinned_files
from blender_cutout.environment.pinned_files import Pinned

LISTS = Path(__file__).with_name("wheels")
PLATFORMS = ("linux-x64", "windows-x64", "macos-arm64", "macos-x64")
"""Blender's names of the platforms."""


def platform_here() -> str:
    """Returns Blender's name of this machine's platform. Raises EnvironmentMissing if there is no zip for it."""
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(system.machine().lower(), system.machine())
    kind = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    name = f"{kind}-{processor}"
    if name not in PLATFORMS:
        raise EnvironmentMissing(
            f"There are no libraries for the zip of {name}.", f"There are for {', '.join(PLATFORMS)}."
        )
    return name


def notes(platform: str, lists: Path = LISTS) -> list[str]:
    """Returns what a platform's zip cannot have, one sentence each."""
    lines = (lists / f"{platform}.txt").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# Note: ") for line in lines if line.startswith("# Note: ")]


def fetch(
    platform: str, folder: Path, say: Callable[[str], None], sources: Sequence[str] = (), lists: Path = LISTS
) -> list[Path]:
    """Returns the wheels of a platform, downloaded into a folder where they are not there yet.

    Args:
        platform: one of `PLATFORMS`; may differ from this machine's.
        folder: for the files.
        say: prints a line for each download.
        sources: pip options for where to look.
        lists: folder of the lists.

    Raises:
        EnvironmentMissing: a file cannot be had, or its contents are not those listed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for item in pinned_files.read(lists / f"{platform}.txt"):
        path = folder / item.file
        if not _is_right(path, item):
            path.unlink(missing_ok=True)
            say(f"Downloading {item.file} …")
            _download(item, folder, sources)
            if not _is_right(path, item):
                raise EnvironmentMissing(f"{item.file} could not be downloaded as it is listed.", "Try again.")
        found.append(path)
    return found


def _is_right(path: Path, item: Pinned) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == item.sha256


def _download(item: Pinned, folder: Path, sources: Sequence[str]) -> None:
    _, _, python, abi, platforms = item.file.removesuffix(".whl").rsplit("-", 4)
    number = python.removeprefix("cp")
    command = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--abi", abi, "-d", str(folder), *sources]
    command += ["--python-version", f"{number[0]}.{number[1:]}"]
    for tag in platforms.split("."):
        command += ["--platform", tag]
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(f"{item.name}=={item.version} --hash=sha256:{item.sha256}\n", encoding="utf-8")
        answer = subprocess.run([*command, "-r", str(wanted)], capture_output=True, text=True, timeout=900, check=False)
    if answer.returncode:
        lines = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")]
        raise EnvironmentMissing(
            f"{item.file} could not be downloaded ({(lines or ['pip failed'])[-1]}).",
            "Check the network and try again.",
        )
