"""Reads and writes lists of the engine's exact files with checksums. Standard library only.

`locks/<system>-<processor>-cp<version>.txt` lists the libraries and PyTorch's requirements, `….torch-<version>.txt`
PyTorch itself with what belongs to that build, `published/….<package>.txt` what a published network needs besides. They
are requirement files for pip's hash-checking mode, with each file's name in a comment above it. They are written by
`python install.py lock`.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import EnvironmentMissing

FOLDER = Path(__file__).parent / "locks"
PIP_OPTIONS = ("--no-deps", "--require-hashes", "-r")
"""pip options before a lock file, so that it installs exactly these files or nothing."""
OLDEST_MACOS, OLDEST_GLIBC = 14, (2, 28)
"""Oldest systems that the files support; older ones use what pip finds."""
_ABOUT = """
import json, platform, sys
libc = platform.libc_ver()
print(json.dumps([sys.platform, platform.machine().lower(), sys.version_info[:2], platform.mac_ver()[0], *libc]))
"""
_PINNED = re.compile(r"# (\S+)\n(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pinned:
    """One file of a lock: its name, the package with its version, and its SHA-256."""

    file: str
    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock files for one system, processor and version of Python.

    Attributes:
        folder: the folder they are in.
        target: such as "linux-x86_64-cp311".
    """

    folder: Path
    target: str

    @property
    def libraries(self) -> Path:
        """Returns the lock file of everything but PyTorch."""
        return self.folder / f"{self.target}.txt"

    def torch(self, requirement: str) -> Path | None:
        """Returns the lock file of a requirement such as "torch==2.8.0+cu128"; None without checksums for it."""
        path = self.torch_file(requirement)
        return path if "==" in requirement and path.is_file() else None

    def published_file(self, package: str) -> Path:
        """Returns the path of the lock file of a published network's package, existing or not."""
        return self.folder / "published" / f"{self.target}.{package}.txt"

    def torch_file(self, requirement: str) -> Path:
        """Returns the path of that file, existing or not."""
        return self.folder / f"{self.target}.{requirement.replace('==', '-')}.txt"


def lock_for(python: Path, folder: Path = FOLDER) -> Lock | None:
    """Returns the lock for an environment's Python on this machine; None if there is none."""
    try:
        answer = subprocess.run([str(python), "-I", "-c", _ABOUT], capture_output=True, text=True, timeout=60)
        about = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    target = target_of(*about)
    lock = Lock(folder, target) if target else None
    return lock if lock is not None and lock.libraries.is_file() else None


def target_of(
    system: str, processor: str, version: Sequence[int], macos: str = "", libc: str = "", libc_version: str = ""
) -> str:
    """Returns the name of a target; "" for a system too old for the listed files."""
    if system == "darwin" and int(macos.partition(".")[0] or 0) < OLDEST_MACOS:
        return ""
    if system == "linux" and (libc != "glibc" or _numbers(libc_version) < OLDEST_GLIBC):
        return ""
    return f"{system}-{processor}-cp{version[0]}{version[1]}"


def digest(folder: Path = FOLDER) -> str:
    """Returns a hash that changes with any of the lists."""
    record = hashlib.sha256()
    for path in sorted(folder.glob("*.txt")):
        record.update(path.name.encode() + path.read_bytes())
    return record.hexdigest()[:16]


def read(path: Path) -> Iterator[Pinned]:
    """Returns the files pinned by a lock file."""
    for file, name, version, sha256 in _PINNED.findall(path.read_text(encoding="utf-8")):
        yield Pinned(file, name, version, sha256)


def text_of(pinned: Sequence[Pinned], about: str) -> str:
    """Returns the text of a lock file."""
    lines = [f"# {about}", "# Written by `python install.py lock`."]
    for item in sorted(pinned, key=lambda item: item.name):
        lines += [f"# {item.file}", f"{item.name}=={item.version} --hash=sha256:{item.sha256}"]
    return "\n".join(lines) + "\n"


def check_wheels(wheels: Path, folder: Path = FOLDER) -> tuple[int, int]:
    """Returns (number of wheels in a folder that are listed files, number of all wheels).

    Raises:
        EnvironmentMissing: one has the name of a listed file but other contents.
    """
    known = {item.file: item.sha256 for path in folder.glob("*.txt") for item in read(path)}
    files = sorted(wheels.glob("*.whl"))
    listed = [path for path in files if path.name in known]
    for path in listed:
        if _sha256(path) != known[path.name]:
            raise EnvironmentMissing(
                f"{path.name} in the folder of wheels is not the file that this version was tested with.",
                "It is damaged or was changed: download it again.",
            )
    return len(listed), len(files)


def _sha256(path: Path) -> str:
    record = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            record.update(piece)
    return record.hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
